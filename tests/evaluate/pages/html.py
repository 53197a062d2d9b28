"""A page as a browser parses it, and what every page must keep to."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree

import html5lib

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"


def parse(page: str) -> ElementTree.Element:
    """The tree of a page; strict: what a browser would have to mend is an error."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False, strict=True)
    return parser.parse(page)


def text_of(element: ElementTree.Element) -> str:
    """The text in an element, its white space made single."""
    return " ".join("".join(element.itertext()).split())


def cells_of(tree: ElementTree.Element) -> set[str]:
    """The texts of all cells of all tables."""
    return {text_of(each) for tag in ("td", "th") for each in tree.iter(tag)}


def parse_page(page: str) -> ElementTree.Element:
    """The tree of a page that is valid, English, loads nothing and is in good order."""
    tree = parse(page)
    assert tree.find(".").get("lang") == "en"
    assert_loads_nothing(page, tree)
    assert_headings_in_order(tree)
    assert_ids_are_unique(tree)
    return tree


def assert_loads_nothing(page: str, tree: ElementTree.Element) -> None:
    """Every address lies in the page itself, and nothing can run."""
    assert "<script" not in page
    for each in tree.iter():
        for name in ("src", "href", XLINK, "data", "action", "srcset", "poster"):
            assert each.get(name, "data:").startswith(("data:", "#"))
        assert not any(name.startswith("on") for name in each.attrib)
    assert "@import" not in page
    assert "url(" not in page.replace("url(#", "")
    assert list(tree.iter("script")) == []


def assert_headings_in_order(tree: ElementTree.Element) -> None:
    """One h1, and no level is left out on the way down."""
    levels = [int(e.tag[1]) for e in tree.iter() if e.tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def assert_ids_are_unique(tree: ElementTree.Element) -> None:
    """No two elements share an id, and what points to one finds it."""
    ids = [each.get("id") for each in tree.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    for each in tree.iter():
        for name in (each.get("aria-labelledby") or "").split():
            assert name in ids
        if each.get("href", "").startswith("#"):
            assert each.get("href")[1:] in ids

"""Converts figures of matplotlib to SVG elements of a page, or to PNG."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

COLOURS = {
    "text": "#1c2128",
    "soft": "#57606a",
    "page": "#ffffff",
    "line": "#d0d7de",
    "ok": "#1a7f37",
    "note": "#0a5fa8",
    "warning": "#8a5300",
    "error": "#b3201f",
    "accent": "#6f42c1",
}
"""Colours of a light page. A page has a CSS variable for each, with another value in
dark mode; figures drawn in these colours follow it."""

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": COLOURS["line"],
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.labelcolor": COLOURS["text"],
    "figure.facecolor": COLOURS["page"],
    # Text is laid out with this font, and the page asks for it first.
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 11,
    "grid.color": COLOURS["line"],
    "legend.fontsize": 10,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "text.color": COLOURS["text"],
    # Names may contain a dollar sign.
    "text.parse_math": False,
    "xtick.color": COLOURS["text"],
    "xtick.major.pad": 6,
    "xtick.major.size": 0,
    "ytick.color": COLOURS["text"],
    "ytick.major.pad": 6,
    "ytick.major.size": 0,
}
_DPI = 100


@contextlib.contextmanager
def style(**more: Any) -> Iterator[None]:
    """Applies the style of all figures; needed for both drawing and saving."""
    settings: Any = {**_STYLE, **more}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        # A missing glyph is drawn as a box.
        warnings.filterwarnings("ignore", r"Glyph \d+")
        yield


def to_png(figure: Figure) -> bytes:
    """Converts a figure to PNG, with 100 pixels per inch."""
    file = io.BytesIO()
    with style():
        figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()


def to_svg(figure: Figure, title: str, description: str) -> Markup:
    """Converts a figure to an SVG element in the page's colours.

    Args:
        figure: a figure drawn in `COLOURS`.
        title: title of the figure, unique in a page.
        description: text alternative.

    Returns:
        `<svg>`, the same for the same figure. Text stays text.
    """
    file, name = io.StringIO(), slug(title)
    with style(**{"svg.hashsalt": name}):
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=metadata)
    drawn = re.sub(r"<defs>\s*<style.*?</defs>", "", file.getvalue(), flags=re.S)
    # The ids of groups are unused, and equal in all figures.
    drawn = re.sub(r'<g id="[^"]*"', "<g", drawn)
    for colour, value in COLOURS.items():
        drawn = re.sub(rf"(fill|stroke): {value}", rf"\1: var(--{colour})", drawn)
    drawn = drawn[drawn.index("<svg") + len("<svg") :]
    attributes, _, content = drawn.partition(">")
    return Markup(
        f'<svg role="img" aria-labelledby="{name}-title {name}-desc"{attributes}>\n'
        f'<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-desc">{escape(description)}</desc>{content}'
    )


def slug(text: str) -> str:
    """Converts a title to an element's `id`: `ROC curve (test)` -> `roc-curve-test`."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")

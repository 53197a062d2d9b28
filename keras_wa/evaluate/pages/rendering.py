"""Renders templates to self-contained HTML files."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from keras_wa.evaluate.pages.svg import COLOURS, to_svg
from keras_wa.files import replacing


def render(package: str, template: str, **context: Any) -> str:
    """Renders a template; all values are escaped.

    The template may extend `pages/base.html.j2` and import the macros of
    `pages/parts.html.j2`. A name that is missing in the context is an error.

    Args:
        package: package of the template, such as `"keras_wa.evaluate.audit"`.
        template: its file name.
        **context: values for the template.

    Returns:
        The HTML.
    """
    return environment_of(package).get_template(template).render(**context)


def environment_of(package: str) -> jinja2.Environment:
    """Returns the Jinja environment of a package's templates and those of the pages."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader(package, "."),
                jinja2.PrefixLoader(
                    {"pages": jinja2.PackageLoader("keras_wa.evaluate.pages", ".")}
                ),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals["colours"] = COLOURS
    environment.filters["in_words"] = in_words
    environment.filters["svg"] = lambda plot: to_svg(
        plot.draw(), plot.title, plot.description
    )
    return environment


def write_page(page: str, path: Path) -> None:
    """Writes a page atomically.

    Args:
        page: the HTML.
        path: the file; an existing one is replaced.
    """
    with replacing(path) as partial:
        partial.write_text(page, encoding="utf-8")


def data_uri(image: NDArray[np.uint8]) -> str:
    """Encodes an image as a data URI, so that a page needs no second file.

    Args:
        image: uint8 of shape `(H, W)`, or `(H, W, 3)` or `(H, W, 4)` in RGB(A) order.

    Returns:
        A PNG as `data:image/png;base64,…`, lossless.
    """
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def in_words(value: Any) -> str:
    """Formats a setting for display, without brackets, and None as `none`."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {in_words(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return " ".join(in_words(each) for each in value)
    return "none" if value is None or value == "" else str(value)

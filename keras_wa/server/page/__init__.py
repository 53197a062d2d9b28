"""The web page at `/`: shows an image and classifies the place of a click."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import FastAPI, Response

_KINDS = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/spacing.js": ("spacing.js", "text/javascript; charset=utf-8"),
    "/levels.js": ("levels.js", "text/javascript; charset=utf-8"),
    "/viewer.js": ("viewer.js", "text/javascript; charset=utf-8"),
}

PAGE_FILES = frozenset(_KINDS)
"""Paths of the page. Their content does not depend on the model or on images."""

# Text from files is never inserted as markup. As a second defence, injected scripts are
# not run, and nothing can be sent to other hosts.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
}


def add_page(app: FastAPI) -> None:
    """Adds the page to an application."""
    for path, (name, kind) in _KINDS.items():
        content = (files(__name__) / name).read_text(encoding="utf-8")
        app.add_api_route(path, _shower(content, kind), include_in_schema=False)


def _shower(content: str, kind: str) -> Callable[[], Awaitable[Response]]:
    async def show() -> Response:
        return Response(content, media_type=kind, headers=_HEADERS)

    return show

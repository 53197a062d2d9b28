"""The bodies of requests, read up to their limits and never to a disk."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

# While JSON is parsed all else waits, and each list takes eighty bytes.
_MOST_JSON, _MOST_LISTS = 2**24, 2**20


class _InMemory(MultiPartParser):
    # Images of patients are not to lie on a disk; the gate bounds their size.
    spool_max_size = 2**62


def content_type(request: Request) -> str:
    """The media type of a request, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def other_type(request: Request, expected: str) -> HTTPException:
    """That a request has another media type than is read there."""
    received = request.headers.get("content-type", "nothing")[:80]
    return HTTPException(
        415, f"Content-Type. Received: {received!r}; expected {expected}."
    )


async def read_json(request: Request) -> bytes:
    """A body of JSON, not yet parsed.

    Raises:
        HTTPException: 413 if it would take too long to parse.
    """
    body = await request.body()
    lists = body.count(b"[") + body.count(b"{")
    if len(body) > _MOST_JSON or lists > _MOST_LISTS:
        raise HTTPException(
            413,
            f"JSON. Received: {len(body)} bytes with {lists} lists; expected at most "
            f"{_MOST_JSON} with {_MOST_LISTS}. Send encoded images, or several "
            "requests.",
        )
    return body


async def read_form(request: Request) -> tuple[bytes, dict[str, Any]]:
    """The file of a form, and its other fields.

    Raises:
        HTTPException: 400 if it is no form with a file, 415 if it says so itself.
    """
    if content_type(request) != "multipart/form-data":
        raise other_type(request, "multipart/form-data")
    parser = _InMemory(request.headers, request.stream(), max_files=1, max_fields=16)
    try:
        form = await parser.parse()
        fields = dict(form)
        file = fields.pop("file", None)
        if not isinstance(file, UploadFile):
            raise HTTPException(
                400,
                "file. Received: none; expected a form with an image in the field "
                "file.",
            )
        # Its name is the client's, and is not used at all.
        return await file.read(), fields
    except MultiPartException as error:
        raise HTTPException(400, f"multipart/form-data: {error.message}") from error
    finally:
        # A form that ends before its last boundary has files that nobody else closes.
        for each in parser._files_to_close_on_error:
            each.close()

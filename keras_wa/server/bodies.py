"""Reading the bodies of requests, within limits and in memory only."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

# Parsing JSON blocks all other requests, and each list takes eighty bytes.
_MOST_JSON, _MOST_LISTS = 2**24, 2**20


class _InMemory(MultiPartParser):
    # Patients' images must not be written to disk; the middleware limits their size.
    spool_max_size = 2**62


def content_type(request: Request) -> str:
    """Returns the media type of a request, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def other_type(request: Request, expected: str) -> HTTPException:
    """Builds the error for a request with an unsupported media type."""
    received = request.headers.get("content-type", "nothing")[:80]
    return HTTPException(
        415, f"Content-Type. Received: {received!r}; expected {expected}."
    )


async def read_json(request: Request) -> bytes:
    """Reads a JSON body without parsing it; 413 if it would take too long to parse."""
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
    """Reads the file and the other fields of a form.

    Status 400 if it is invalid or has no file, 415 if it is another media type.
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
        # The file name comes from the client and is not used.
        return await file.read(), fields
    except MultiPartException as error:
        raise HTTPException(400, f"multipart/form-data: {error.message}") from error
    finally:
        # The parser does not close the files of an incomplete form.
        for each in parser._files_to_close_on_error:
            each.close()

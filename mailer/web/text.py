"""Refuse text that is none: a NUL, which PostgreSQL cannot hold, and bytes that are no UTF-8.

A form or an address is never guessed at: what cannot be read as it was sent is answered with 400.
"""

from urllib.parse import unquote_to_bytes

from flask import Flask, abort, request
from werkzeug.datastructures import FileStorage

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
REPLACED = "\ufffd"  # what the parser puts where it could not read


def init_text(app: Flask) -> None:
    """Look at the address and the form of each request before anything else does."""

    @app.before_request
    def refuse() -> None:
        if not (_is_text(_path()) and _is_text(unquote_to_bytes(request.query_string)) and _form()):
            abort(400)


def _path() -> bytes:
    """Return the path as it was sent, without its escapes (PEP 3333: bytes in a str)."""
    return str(request.environ.get("PATH_INFO", "")).encode("latin-1", "replace")


def _form() -> bool:
    if request.mimetype == URLENCODED:
        body = request.get_data(cache=True, parse_form_data=False)
        return _is_text(unquote_to_bytes(body.replace(b"+", b" ")))
    if request.mimetype != MULTIPART:
        return True
    names = (file.filename or "" for file in request.files.values() if isinstance(file, FileStorage))
    return not any({"\0", REPLACED} & set(text) for text in (*_fields(), *names))


def _fields() -> list[str]:
    return [text for name, values in request.form.lists() for text in (name, *values)]


def _is_text(raw: bytes) -> bool:
    try:
        return "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False

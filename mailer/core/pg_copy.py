"""Encode rows for PostgreSQL's binary COPY, since each of thousands must cost microseconds.

Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, LiteralString

import psycopg
from sqlalchemy.orm import Session

NULL = b"\xff\xff\xff\xff"
_HEAD, _TAIL = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_SIZES = [struct.pack(">i", size) for size in range(1024)]
UUID_SIZE, DIGEST_SIZE, SALT_SIZE = _SIZES[16], _SIZES[32], _SIZES[16]


def connection(db: Session) -> psycopg.Connection[Any]:
    """Return the driver's connection, in this session's transaction."""
    driver = db.connection().connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(driver)
    return driver


def copy(to: psycopg.Connection[Any], statement: LiteralString, rows: bytes) -> None:
    """Append rows, joined, with a statement `COPY … FROM STDIN (FORMAT BINARY)`."""
    with copying(to, statement, rows):
        pass


@contextmanager
def copying(to: psycopg.Connection[Any], statement: LiteralString, rows: bytes) -> Iterator[None]:
    """Copy rows while the block runs: the server takes them meanwhile."""
    if not rows:
        yield
        return
    with to.cursor().copy(statement) as pipe:
        pipe.write(b"".join((_HEAD, rows, _TAIL)))
        yield


def count(fields: int) -> bytes:
    """Return what opens a row of so many fields."""
    return struct.pack(">h", fields)


def sized(value: bytes) -> bytes:
    """Return a uuid, bytea or UTF-8 text field."""
    size = len(value)
    return (_SIZES[size] if size < len(_SIZES) else struct.pack(">i", size)) + value


def text(value: str | None) -> bytes:
    return NULL if value is None else sized(value.encode())


def instant(value: datetime | None) -> bytes:
    """Return a timestamptz field: microseconds since 2000."""
    return NULL if value is None else struct.pack(">iq", 8, (value - _EPOCH) // timedelta(microseconds=1))


def ids(number: int) -> list[bytes]:
    """Return so many fresh UUIDs of version 7 (RFC 9562), in order: their index grows at its end alone."""
    millisecond, tail = (time.time_ns() // 1_000_000).to_bytes(6, "big"), os.urandom(7)
    return [millisecond + place + tail for place in _places(number)]


@lru_cache(maxsize=8)
def _places(number: int) -> list[bytes]:
    """Return the middle of so many ids: the version and the variant, with a count."""
    return [
        (0x7000 | n >> 6).to_bytes(2, "big") + (0x80 | n & 0x3F).to_bytes(1, "big") for n in range(number)
    ]

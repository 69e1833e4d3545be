"""A row that raises, in the real database: a trigger that refuses whatever is done to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from mailer.core.db import transaction

SAID = "zoe@example.org is broken"  # as a driver's error may: no log and no alarm repeats it


@contextmanager
def broken(event: str, table: str, column: str, value: object, *, code: str = "P0001") -> Iterator[None]:
    """Refuse INSERT, UPDATE or DELETE of the rows whose column has this value."""
    which = "OLD" if event == "DELETE" else "NEW"
    with transaction() as db:
        db.execute(text(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE '{SAID}' USING ERRCODE = '{code}'; END $$"
        ))  # fmt: skip
        db.execute(text(
            f"CREATE TRIGGER broken BEFORE {event} ON {table} FOR EACH ROW "
            f"WHEN ({which}.{column}::text = '{value}') EXECUTE FUNCTION broken()"
        ))  # fmt: skip
    try:
        yield
    finally:
        with transaction() as db:
            db.execute(text("DROP FUNCTION broken() CASCADE"))

"""`python -m bench.import_`: how fast a file of people is taken over, beside what the database alone takes.

The same rows are then copied, already made, into empty tables with the same columns, checks and indexes, in
commits of the same size: no import can be faster than that.  The last line is one JSON object.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psycopg

from bench import services, sink
from bench.sending import newsletter
from mailer.core import pg_copy as bulk
from mailer.core.db import transaction
from mailer.delivery import follow
from mailer.demo.sample_people import sample
from mailer.imports.pipeline import CHUNK

SLUG = "lettre"
TABLES = {"subscriber": "id", "consent_event": "seq", "consent_payload": "event_id", "subscription": "id"}


@click.command()
@click.option("--rows", default=200_000, show_default=True, help="One in a hundred is no address.")
def main(*, rows: int) -> None:
    """Measure, and print rows a second, of the product and of the database alone."""
    with (
        tempfile.TemporaryDirectory(prefix="mailer-import-") as name,
        sink.running(Path(name)) as relay,
        services.opened(Path(name), relay),
    ):
        newsletter(SLUG)
        file = Path(name) / "people.csv"
        _write(file, rows)
        told = _imported(file)
        alone = _copied(told["new"])
    ours, theirs = told["read"] / told["seconds"], told["new"] / alone
    figures = {"rows": told["read"], "rows_per_second": round(ours), "copy_rows_per_second": round(theirs),
               "ratio": round(ours / theirs, 3), "peak_mb": told["peak_mb"]}  # fmt: skip
    click.echo(json.dumps(figures))


def _write(file: Path, rows: int) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.write("email,name,consented_at\n")
        for number, person in enumerate(sample(rows)):
            email = "no address" if number % 100 == 7 else person.email
            out.write(f"{email},{person.name or ''},2026-0{1 + number % 9}-{1 + number % 28:02}\n")


def _imported(file: Path) -> dict[str, Any]:
    """What `mailer subscribers import` says of itself."""
    command = [sys.executable, "-m", "mailer.cli", "subscribers", "import", str(file), "--newsletter", SLUG,
               "--source", "mesure", "--json"]  # fmt: skip
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    return dict(json.loads(said))


def _copied(rows: int) -> float:
    """Seconds for as many rows in each of the four tables."""
    seconds = 0.0
    with transaction() as db, follow.bar(len(TABLES), "the database alone") as drawn:
        source = bulk.connection(db)
        with psycopg.connect(source.info.dsn, password=source.info.password, autocommit=True) as to:
            for table, order in TABLES.items():
                seconds += _copied_one(source, to, table, order)
                drawn.update(1)
            counts = [to.execute(f"SELECT count(*) FROM alone_{table}").fetchone() for table in TABLES]  # noqa: S608
    if set(counts) != {(rows,)}:
        raise click.ClickException(f"{rows} rows were imported, {counts} copied")
    return seconds


def _copied_one(
    source: psycopg.Connection[Any], to: psycopg.Connection[Any], table: str, order: str
) -> float:
    columns = [row[0] for row in source.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attidentity = ''", [table])]  # fmt: skip
    listed = ", ".join(f'"{column}"' for column in columns)
    to.execute(f"CREATE TABLE alone_{table} (LIKE {table} INCLUDING ALL)")
    seconds = 0.0
    for lines in _chunks(source, f"COPY (SELECT {listed} FROM {table} ORDER BY {order}) TO STDOUT"):  # noqa: S608
        started = time.perf_counter()
        with to.transaction():
            to.execute("SET LOCAL synchronous_commit TO off")
            with to.cursor().copy(f"COPY alone_{table} ({listed}) FROM STDIN") as pipe:
                pipe.write(lines)
        seconds += time.perf_counter() - started
    return seconds


def _chunks(source: psycopg.Connection[Any], copy: str) -> Iterator[bytes]:
    """The rows as COPY writes them, as many at a time as an import commits."""
    lines: list[bytes] = []
    with source.cursor().copy(copy) as pipe:
        for line in pipe:
            lines.append(bytes(line))
            if len(lines) == CHUNK:
                yield b"".join(lines)
                lines.clear()
    if lines:
        yield b"".join(lines)


if __name__ == "__main__":
    main()

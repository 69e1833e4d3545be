"""A whole file taken over: read as it streams, some thousand rows a transaction, going on where it was.

Like the send, an import is many transactions: each commits its rows together with how far the file was read.
While one chunk is written, those after it are read, looked up and made ready.
"""

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain as chained
from itertools import islice
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from mailer.core import pg_copy
from mailer.core.db import changed, engine, transaction
from mailer.imports import apply, decide
from mailer.imports.apply import Ready
from mailer.imports.decide import KNOWN, NEW, Decision, Facts
from mailer.imports.file_format import Form, Source, records
from mailer.imports.models import Import, ImportFile, ImportReport, ImportState
from mailer.imports.rows import Act, Person, Refused, Rows
from mailer.subscribers.consent import bulk
from mailer.subscribers.consent.bulk import Common

CHUNK = 4_000  # rows a transaction
AHEAD = 2  # chunks made ready before they are written
DURABLE_EVERY = 12  # chunks: others do not wait for the disk; a crash sets the file back with them
SWITCH = 0.0005  # seconds
RETRIES = 5  # of a chunk that met a sign-up of the same person, or a deadlock
_LOCK = 0x696D706F7274  # "import"
_PATIENCE = 10.0  # seconds for the database to notice that a killed import is gone
_AGAIN = {"23505", "40P01", "40001"}  # unique violation, deadlock, serialization failure
T = TypeVar("T")
Outcomes = list[tuple[int, str]]  # what became of each row, by its line


class Busy(Exception):
    """Say that an import is under way already: this one waits for its end."""


@dataclass
class Tally:
    """read = new + known + refused."""

    read: int = 0
    new: int = 0
    known: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        return self.reasons.total()

    def add(self, outcomes: Outcomes) -> None:
        counts = Counter(outcome for _, outcome in outcomes)
        self.read += len(outcomes)
        self.new += counts.pop(NEW, 0)
        self.known += counts.pop(KNOWN, 0)
        self.reasons.update(counts)


@dataclass
class Chunk(Generic[T]):
    """Hold some rows, read and looked up, with what was made of them."""

    unusable: Outcomes
    people: list[Person]
    ready: T

    @property
    def marks(self) -> set[bytes]:
        return {person.mark for person in self.people}

    def settled(self, decisions: list[Decision]) -> Outcomes:
        decided = [(p.line, d.outcome) for p, d in zip(self.people, decisions, strict=True)]
        return sorted(self.unusable + decided) if self.unusable else decided


class Reader:
    """Hold the chunks of a file, made ready while those before them are dealt with."""

    def __init__(self, source: Source, form: Form, rows: Rows, newsletter_id: UUID, done: int = 0) -> None:
        self._records = islice(records(source, form), done, None)
        self._rows, self._newsletter_id = rows, newsletter_id
        self._kept: list[tuple[int, list[str]]] = []

    def chunks(
        self, driver: psycopg.Connection[Any], prepare: Callable[[list[Person], dict[bytes, Facts]], T]
    ) -> Generator[Chunk[T]]:
        """Yield all of them, some ahead of the caller; `driver` is the scout's own connection."""
        with ThreadPoolExecutor(1, "scout") as scout:
            ahead = deque(scout.submit(self._chunk, driver, prepare) for _ in range(AHEAD))
            while chunk := ahead.popleft().result():
                ahead.append(scout.submit(self._chunk, driver, prepare))
                yield chunk

    def _chunk(
        self, driver: psycopg.Connection[Any], prepare: Callable[[list[Person], dict[bytes, Facts]], T]
    ) -> Chunk[T] | None:
        """Return the next one; None at the end."""
        unusable, people = self._read()
        if not unusable and not people:
            return None
        known = decide.gather(driver, self._newsletter_id, [person.mark for person in people])
        return Chunk(unusable, people, prepare(people, known))

    def _read(self) -> tuple[Outcomes, list[Person]]:
        """Return the next rows, up to a chunk.  A yes and a no of one person never share a chunk."""
        unusable: Outcomes = []
        people: list[Person] = []
        acts: dict[bytes, Act] = {}
        rows, self._kept = chained(self._kept, self._records), []
        for line, cells in islice(rows, CHUNK):
            said = self._rows.read(line, cells)
            if isinstance(said, Refused):
                unusable.append((line, said.value))
            elif acts.setdefault(said.mark, said.act) is said.act:
                people.append(said)
            else:
                self._kept = [(line, cells)]
                break
        return unusable, people


def check(
    reader: Reader, emit: Callable[[Outcomes], object], *, progress: Callable[[int], object] = lambda _: None
) -> Tally:
    """Say what taking the file would do; nothing is changed, and nobody waits for it.

    `emit` is given the outcomes of each chunk.
    """
    tally = Tally()
    with apart() as scout, apart() as own, closing(reader.chunks(scout, apply.judge)) as chunks:
        own.execute("CREATE TEMPORARY TABLE taken (mark bytea PRIMARY KEY)")
        for chunk in chunks:
            outcomes = chunk.settled(_once(own, chunk.people, chunk.ready))
            tally.add(outcomes)
            emit(outcomes)
            progress(len(outcomes))
        own.execute("DROP TABLE taken")
    return tally


def _once(own: psycopg.Connection[Any], people: list[Person], decisions: list[Decision]) -> list[Decision]:
    """Whoever an earlier chunk would have taken is known by now."""
    new = [p.mark for p, d in zip(people, decisions, strict=True) if d.outcome == NEW]
    insert = "INSERT INTO taken SELECT unnest(%b::bytea[]) ON CONFLICT DO NOTHING RETURNING mark"
    fresh = {row[0] for row in own.execute(insert, [new]).fetchall()} if new else set()
    return [
        Decision(KNOWN) if d.outcome == NEW and p.mark not in fresh else d
        for p, d in zip(people, decisions, strict=True)
    ]


def run(
    job: Import, source: Source, form: Form, rows: Rows, *,
    clock: Callable[[], datetime], progress: Callable[[int], object] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:  # fmt: skip
    """Take the file over from where `job` is, to its end; `job` follows.  Raises Busy.

    `progress` is told how many records each chunk held, those of an earlier run first; `stop` is asked after
    each whether to leave the rest for later.
    """
    common = Common(job.newsletter_id, clock(), "import", job.id, job.legal_text)
    reader = Reader(source, form, rows, job.newsletter_id, job.done)
    prepare = partial(apply.prepare, common)
    progress(job.done)
    with (
        apart() as driver, alone(driver, _LOCK), _quickly_switching(),
        closing(reader.chunks(driver, prepare)) as chunks,
    ):  # fmt: skip
        started, before = time.monotonic(), job.seconds
        unseen: deque[set[bytes]] = deque(maxlen=AHEAD)  # of the chunks that the scout may not have seen
        for number, chunk in enumerate(chunks, 1):
            marks = chunk.marks
            if not all(map(marks.isdisjoint, unseen)):
                chunk.ready = _again(common, chunk)
            unseen.append(marks)
            outcomes = _taken(job, common, chunk, durable=number % DURABLE_EVERY == 0)
            job.seconds = before + time.monotonic() - started
            progress(len(outcomes))
            if stop():
                return
        _finish(job, clock())


@contextmanager
def _quickly_switching() -> Iterator[None]:
    """Let the thread that the server has answered go on, though the scout computes without a pause."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _taken(job: Import, common: Common, chunk: Chunk[Ready], *, durable: bool) -> Outcomes:
    """Return one chunk, committed with how far the file now is."""
    for left in range(RETRIES, -1, -1):
        try:
            return _commit(job, common, chunk, durable=durable)
        except (DBAPIError, psycopg.Error) as error:
            if not left or _state(error) not in _AGAIN:
                raise
        chunk.ready = _again(common, chunk)
    raise AssertionError("unreachable")


def _again(common: Common, chunk: Chunk[Ready]) -> Ready:
    """Made ready by what is known now: the scout looked while chunks before it were being written."""
    with transaction() as db:
        connection = pg_copy.connection(db)
        decide.steady(connection)
        known = decide.gather(connection, common.newsletter_id, [p.mark for p in chunk.people])
    return apply.prepare(common, chunk.people, known)


def _commit(job: Import, common: Common, chunk: Chunk[Ready], *, durable: bool) -> Outcomes:
    tally = Tally(job.done, job.new, job.known, Counter(job.reasons))
    with transaction() as db:
        db.execute(text("SET LOCAL synchronous_commit TO off"))
        outcomes = chunk.settled(apply.take(db, common, chunk.people, chunk.ready))
        tally.add(outcomes)
        _advance(db, job, outcomes, tally)
        if durable:
            bulk.anchor(db)
    job.done, job.new, job.known, job.refused = tally.read, tally.new, tally.known, tally.refused
    job.reasons = dict(tally.reasons)
    return outcomes


def _state(error: Exception) -> str | None:
    return getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)


def _advance(db: Session, job: Import, outcomes: Outcomes, tally: Tally) -> None:
    """Write how far the file is.  Raises Busy when somebody else took it further."""
    here = Import.id == job.id, Import.state == ImportState.RUNNING, Import.done == job.done
    further = update(Import).where(*here).values(
        done=tally.read, new=tally.new, known=tally.known, refused=tally.refused,
        reasons=dict(tally.reasons), seconds=job.seconds,
    )  # fmt: skip
    if not changed(db, further):
        raise Busy
    db.execute(insert(ImportReport).values(import_id=job.id, number=job.done, lines=report_lines(outcomes)))


def report_lines(outcomes: Outcomes) -> str:
    """As a chunk's report is kept."""
    return "".join([f"{line} {outcome}\n" for line, outcome in outcomes])


def _finish(job: Import, now: datetime) -> None:
    job.state, job.finished_at = ImportState.DONE, now
    with transaction() as db:
        bulk.anchor(db)
        db.execute(
            update(Import)
            .where(Import.id == job.id)
            .values(state=job.state, finished_at=now, seconds=job.seconds)
        )
        db.execute(delete(ImportFile).where(ImportFile.import_id == job.id))


@contextmanager
def apart() -> Iterator[psycopg.Connection[Any]]:
    """Open a connection whose statements are transactions of their own; it never goes back to the pool."""
    connection = engine().connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            raise TypeError(driver)
        decide.steady(driver, until="closed")
        yield driver
    finally:
        connection.invalidate()
        connection.close()


@contextmanager
def alone(driver: psycopg.Connection[Any], lock: int, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold this lock, so that one works at a time.  Raises Busy.

    It is given back before the connection closes: a server may take its time to notice that one is closed.
    """
    deadline = time.monotonic() + patience
    while driver.execute("SELECT pg_try_advisory_lock(%s)", [lock]).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise Busy
        time.sleep(0.1)
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # a connection that broke holds nothing
            driver.execute("SELECT pg_advisory_unlock(%s)", [lock])

"""Run the service's jobs so that none stops another, and count in the database those that fail.

A job opens its own transactions.  Where it loops over rows, `row` says which of them raised: what was not yet
committed is rolled back, that row is set aside for a while (`to_try`), and the job begins again without it.
A failure stands, and asks for a person, until the same job, or row, has ended well.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, delete, exists, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from mailer.core.db import Base, changed, transaction
from mailer.core.logging import following, log

ROWS_A_RUN = 20  # set aside in one go: beyond, a job waits for its next turn
FORGOTTEN_AFTER = timedelta(
    hours=3
)  # a row that nobody tries any more has gone; a notice waits for 80 minutes
LONGEST = timedelta(minutes=11)  # for which a row is set aside, and a little more
_WHOLE = ""  # instead of a row: the job itself
_ended_well: ContextVar[set[str]] = ContextVar("_ended_well")  # rows, in the job that runs
_PACKAGE = Path(__file__).parents[1]


class Failure(Base):
    """Record a job that raised, or one of its rows.  Times are the database's own."""

    __tablename__ = "job_failure"

    job: Mapped[str] = mapped_column(primary_key=True)
    row: Mapped[str] = mapped_column(primary_key=True)  # its id, or "" for the whole job
    failures: Mapped[int]
    since: Mapped[datetime]
    until: Mapped[datetime]  # the row is not tried again before
    error: Mapped[str]  # its type and place: what an error says may quote an address


@dataclass(frozen=True)
class Job:
    """Hold a piece of work that is independent of the others."""

    name: str
    run: Callable[[], object]


@dataclass(frozen=True)
class Failing:
    """Sum up what fails in a job."""

    job: str
    rows: int  # 0 when it is the job as a whole
    since: datetime
    error: str


class RowFailed(Exception):
    """Say that a row of a job raised; `__cause__` is the exception."""

    def __init__(self, job: str, row: object) -> None:
        super().__init__(f"{job} {row}")
        self.job, self.row = job, str(row)


@contextmanager
def row(
    job: str, row: object, db: Session | None = None, *, passing: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Raise RowFailed for whatever this row raises, also as it is written to `db`; not for `passing`."""
    try:
        yield
        if db:
            db.flush()
    except passing:
        raise
    except Exception as error:
        raise RowFailed(job, row) from error
    _ended_well.get(set()).add(str(row))


def to_try(job: str, column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Return the condition that a row, of this id, is not set aside."""
    mine = Failure.job == job, Failure.row == cast(column, Text)
    return ~exists().where(*mine, Failure.until > func.now())


def set_aside(db: Session, job: str) -> set[str]:
    """Return the rows of a job that are not to be tried now, where no query can tell."""
    return set(db.scalars(select(Failure.row).where(Failure.job == job, Failure.until > func.now())))


def run(jobs: Sequence[Job]) -> list[str]:
    """Run each of these, whatever the others do; the names of those that failed."""
    known = _known([job.name for job in jobs])
    return [job.name for job in jobs if not _done(job, known.get(job.name, {}))]


def failing(db: Session) -> list[Failing]:
    """Return what fails, job by job, the oldest first."""
    errors = func.array_agg(aggregate_order_by(Failure.error, Failure.until.desc()))
    rows, since = func.count().filter(Failure.row != _WHOLE), func.min(Failure.since)
    lines = select(Failure.job, rows, since, errors).group_by(Failure.job).order_by(since)
    return [Failing(job, number, at, newest) for job, number, at, (newest, *_) in db.execute(lines)]


def to_repeat(db: Session, names: Iterable[str]) -> set[str]:
    """Return which of these failed, and may be tried again now."""
    due = Failure.job.in_(list(names)), Failure.until <= func.now()
    return set(db.scalars(select(Failure.job).where(*due)))


def bring_back(db: Session) -> int:
    """Have tried again what is set aside for longer than we ever do: the clock was ahead; how many rows."""
    far = Failure.until > func.now() + LONGEST
    return changed(db, update(Failure).where(far).values(until=func.now()))


def forget(db: Session) -> None:
    """Drop the failures of rows that nobody tries any more."""
    db.execute(delete(Failure).where(Failure.row != _WHOLE, Failure.until < func.now() - FORGOTTEN_AFTER))


def _known(names: Sequence[str]) -> Mapping[str, dict[str, datetime]]:
    """Return the failures of these jobs: job → row → until."""
    found: dict[str, dict[str, datetime]] = {}
    try:
        with transaction() as db:
            rows = select(Failure.job, Failure.row, Failure.until).where(Failure.job.in_(names))
            for job, row, until in db.execute(rows):
                found.setdefault(job, {})[row] = until
    except SQLAlchemyError as error:
        log.error("failures cannot be read", error=place(error))
    return found


def _done(job: Job, known: Mapping[str, datetime]) -> bool:
    """Run a job, again after each row that raised; whether nothing did."""
    outer, aside = _ended_well.set({_WHOLE}), set[str]()
    try:
        with following(job=job.name):
            if not _run(job, aside):
                return False
        over = _ended_well.get() - aside
    finally:
        _ended_well.reset(outer)
    _end(job.name, [(row, until) for row, until in known.items() if row in over])
    return not aside


def _run(job: Job, aside: set[str]) -> bool:
    """Run a job to its end, adding the rows that raised to `aside`; False when it did not get there."""
    while True:
        try:
            job.run()
        except RowFailed as failed:
            noted = _note(failed.job, failed.row, failed.__cause__ or failed)
            if not noted or failed.row in aside or len(aside) == ROWS_A_RUN:
                return False
            aside.add(failed.row)
        except Exception as error:  # whatever it was: it is told, and the next job runs
            _note(job.name, _WHOLE, error)
            return False
        else:
            return True


def _end(job: str, failures: Sequence[tuple[str, datetime]]) -> None:
    """Forget these failures, unless they came again meanwhile."""
    if not failures:
        return
    try:
        with transaction() as db:
            here = Failure.job == job, tuple_(Failure.row, Failure.until).in_(failures)
            db.execute(delete(Failure).where(*here))
    except SQLAlchemyError as error:
        log.error("the end of a failure cannot be noted", job=job, error=place(error))


# At most once a period, however many processes see it.
_NOTE = text("""
INSERT INTO job_failure AS failure (job, row, failures, since, until, error)
VALUES (:job, :row, 1, now(), now() + interval '5 seconds', :error)
ON CONFLICT (job, row) DO UPDATE SET
    failures = failure.failures + 1, error = excluded.error,
    until = now() + least(interval '10 minutes', interval '5 seconds' * 2 ^ least(failure.failures, 20))
WHERE failure.until <= now()
""")


def _note(job: str, row: str, error: BaseException) -> bool:
    """Say that it failed, in the log and in the database; whether the latter could be."""
    where = place(error)
    log.error("a job failed", job=job, row=row, error=where)
    try:
        with transaction() as db:
            db.execute(_NOTE, {"job": job, "row": row, "error": where})
    except SQLAlchemyError as lost:
        log.error("a failure cannot be noted", job=job, error=place(lost))
        return False
    return True


def place(error: BaseException) -> str:
    """Return what kind of error it is, the driver's own where there is one, and where in our code."""
    kind = type(getattr(error, "orig", None) or error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _PACKAGE in Path(frame.filename).parents]
    return (
        f"{kind} at {Path(ours[-1].filename).relative_to(_PACKAGE.parent)}:{ours[-1].lineno}"
        if ours
        else kind
    )

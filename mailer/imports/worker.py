"""The desk's imports, done by a worker: look, wait for a person's word, take, undo.  A stretch at a time."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import psycopg
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from mailer.core.db import transaction
from mailer.core.jobs import row, to_try
from mailer.core.logging import log
from mailer.core.settings import Settings
from mailer.imports import file_format, lifecycle, pipeline
from mailer.imports.lifecycle import Order
from mailer.imports.models import Import, ImportFile, ImportReport, ImportState
from mailer.imports.pipeline import Busy, Outcomes, Reader, Tally, report_lines
from mailer.imports.rows import Terms
from mailer.imports.uploads import Stored
from mailer.privacylog.decisions import LogUnwritable

STRETCH = 8.0  # seconds of taking, before the next task
PASSING = (
    Busy,
    LogUnwritable,
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
JOB = "imports"
_LOCK = 0x6465736B  # "desk": one worker at a time


def waiting() -> Import | None:
    """Return the oldest import a worker has something to do for."""
    sent = select(ImportFile.import_id).where(ImportFile.import_id == Import.id).exists()
    todo = or_(Import.state.in_((ImportState.CHECKING, ImportState.RUNNING)) & sent,
               Import.state == ImportState.UNDOING)  # fmt: skip
    with transaction() as db:
        return db.scalar(
            select(Import).where(todo, to_try(JOB, Import.id)).order_by(Import.created_at).limit(1)
        )


def work(settings: Settings, *, clock: Callable[[], datetime]) -> bool:
    """Do a stretch of what is waiting; whether there may be more.  Raises RowFailed."""
    with pipeline.apart() as driver:
        try:
            with pipeline.alone(driver, _LOCK, patience=0):
                return _work(settings, clock)
        except Busy:
            return False


def _work(settings: Settings, clock: Callable[[], datetime]) -> bool:
    """Set aside a file that cannot be dealt with: it keeps no other waiting."""
    job = waiting()
    if job is None:
        return False
    with row(JOB, job.id, passing=(Busy,)):
        try:
            _further(job, settings, clock)
        except PASSING:
            raise
        except Exception as error:
            log.error("an import failed", import_id=str(job.id), error=type(error).__name__)
            _fail(job, type(error).__name__, clock())
    return True


def _further(job: Import, settings: Settings, clock: Callable[[], datetime]) -> None:
    if job.state is ImportState.UNDOING:
        lifecycle.undo(job.id, clock=clock)
        return
    source = Stored(job.file_name, job.id)
    order = Order(
        job.newsletter_id,
        job.by,
        source,
        file_format.inspect(source, lifecycle.choices(job)),
        lifecycle.columns(job),
        _terms(job, settings),
    )
    if job.state is ImportState.CHECKING:
        _look(job, order, settings)
    else:
        until = time.monotonic() + STRETCH
        rows = lifecycle.rows(order, settings)
        pipeline.run(job, source, order.form, rows, clock=clock, stop=lambda: time.monotonic() > until)


def _fail(job: Import, error: str, now: datetime) -> None:
    """Keep what was taken, which can be undone; of a file that was only looked at, nothing counts."""
    counts = lifecycle.NOTHING_READ if job.state is ImportState.CHECKING else {}
    failed = {"state": ImportState.FAILED, "error": error, "finished_at": now}
    with transaction() as db:
        db.execute(update(Import).where(Import.id == job.id).values(**failed, **counts))
        db.execute(delete(ImportFile).where(ImportFile.import_id == job.id))


def _terms(job: Import, settings: Settings) -> Terms:
    return Terms(job.source, job.locale, settings.zone, job.consented_at, job.legal_text, job.created_at)


def _look(job: Import, order: Order, settings: Settings) -> None:
    """Say what taking the file would do, and wait for a person's word."""
    tally = Tally()
    with transaction() as db:
        db.execute(delete(ImportReport).where(ImportReport.import_id == job.id))

    def keep(outcomes: Outcomes) -> None:
        before = tally.read
        tally.add(outcomes)
        with transaction() as db:
            here = Import.id == job.id, Import.state == ImportState.CHECKING
            db.execute(update(Import).where(*here).values(**_counts(tally)))
            lines = report_lines(outcomes)
            db.execute(insert(ImportReport).values(import_id=job.id, number=before, lines=lines))

    reader = Reader(order.source, order.form, lifecycle.rows(order, settings), order.newsletter_id)
    pipeline.check(reader, keep)
    with transaction() as db:
        here = Import.id == job.id, Import.state == ImportState.CHECKING
        db.execute(update(Import).where(*here).values(state=ImportState.CHECKED, **_counts(tally)))


def _counts(tally: Tally) -> dict[str, object]:
    return {"done": tally.read, "new": tally.new, "known": tally.known, "refused": tally.refused,
            "reasons": dict(Counter(tally.reasons))}  # fmt: skip

"""The desk's imports, done by a worker: look, wait for a person's word, take, undo.  A stretch at a time."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update

from mailer.db import transaction
from mailer.people.exchange import form, intake, jobs
from mailer.people.exchange.intake import Busy, Outcomes, Reader, Tally, report_lines
from mailer.people.exchange.jobs import Order
from mailer.people.exchange.rows import Terms
from mailer.people.exchange.uploads import Stored
from mailer.people.models import Import, ImportFile, ImportReport, ImportState
from mailer.settings import Settings

STRETCH = 8.0  # seconds of taking, before the next bell
_LOCK = 0x6465736B  # "desk": one worker at a time


def waiting() -> Import | None:
    """The oldest import a worker has something to do for."""
    sent = select(ImportFile.import_id).where(ImportFile.import_id == Import.id).exists()
    todo = or_(Import.state.in_((ImportState.CHECKING, ImportState.RUNNING)) & sent,
               Import.state == ImportState.UNDOING)  # fmt: skip
    with transaction() as db:
        return db.scalar(select(Import).where(todo).order_by(Import.created_at).limit(1))


def work(settings: Settings, *, clock: Callable[[], datetime]) -> bool:
    """Do a stretch of what is waiting; whether there may be more."""
    with intake.apart() as driver:
        try:
            intake.alone(driver, _LOCK, patience=0)
            return _work(settings, clock)
        except Busy:
            return False


def _work(settings: Settings, clock: Callable[[], datetime]) -> bool:
    job = waiting()
    if job is None:
        return False
    if job.state is ImportState.UNDOING:
        jobs.undo(job.id, clock=clock)
        return True
    source = Stored(job.file_name, job.id)
    order = Order(
        job.newsletter_id, job.by, source, form.inspect(source), jobs.columns(job), _terms(job, settings)
    )
    if job.state is ImportState.CHECKING:
        _look(job, order, settings)
    else:
        until = time.monotonic() + STRETCH
        rows = jobs.rows(order, settings)
        intake.run(job, source, order.form, rows, clock=clock, stop=lambda: time.monotonic() > until)
    return True


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

    reader = Reader(order.source, order.form, jobs.rows(order, settings), order.newsletter_id)
    intake.check(reader, keep)
    with transaction() as db:
        here = Import.id == job.id, Import.state == ImportState.CHECKING
        db.execute(update(Import).where(*here).values(state=ImportState.CHECKED, **_counts(tally)))


def _counts(tally: Tally) -> dict[str, object]:
    return {"done": tally.read, "new": tally.new, "known": tally.known, "refused": tally.refused,
            "reasons": dict(Counter(tally.reasons))}  # fmt: skip


def go(import_id: object) -> bool:
    """A person's word: take what was looked at; False when it no longer waits for it."""
    with transaction() as db:
        here = Import.id == import_id, Import.state == ImportState.CHECKED
        fresh = {"done": 0, "new": 0, "known": 0, "refused": 0, "reasons": {}}
        moved = db.execute(
            update(Import).where(*here).values(state=ImportState.RUNNING, **fresh).returning(Import.id)
        )
        if moved.one_or_none() is None:
            return False
        db.execute(delete(ImportReport).where(ImportReport.import_id == import_id))
    return True


def drop(import_id: object) -> None:
    """Another word: forget it, file and all."""
    states = ImportState.CHECKED, ImportState.CHECKING, ImportState.FAILED
    with transaction() as db:
        db.execute(delete(Import).where(Import.id == import_id, Import.state.in_(states)))

"""Measure how long the oldest of each queue has waited, against the limit that is stated for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.core import circuit, heartbeats
from mailer.core.settings import settings
from mailer.delivery import due
from mailer.imports import introductions
from mailer.imports import worker as importing
from mailer.imports.models import Import, ImportState
from mailer.monitoring.causes import QUICK, Needs
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import access_links
from mailer.privacy.mailbox import intake
from mailer.privacy.models import RightsEvent, RightsIntake
from mailer.privacy.rights import erasure, erasure_wait, erasure_worker
from mailer.smtp.replies import WAITING
from mailer.subscribers import preferences, signup
from mailer.subscribers.models import PreferencesRequest, SignupRequest


class Queue(StrEnum):
    """Name what waits for a worker, beside the letters."""

    REQUESTS = "requests"  # what the forms received
    NOTICES = "notices"  # confirmations, mails about rights, and all other single mails
    INTRODUCTIONS = "introductions"  # to imported people
    IMPORTS = "imports"
    MAILBOX = "mailbox"  # of the published address
    ERASURES = "erasures"


LIMITS = {
    Queue.REQUESTS: timedelta(minutes=5),
    Queue.NOTICES: timedelta(minutes=5),
    Queue.INTRODUCTIONS: timedelta(hours=24),  # the law gives a month (RGPD 14, 3)
    Queue.IMPORTS: timedelta(minutes=15),
    Queue.MAILBOX: timedelta(hours=1),
    Queue.ERASURES: timedelta(minutes=10),
}
NEEDS = {
    Queue.REQUESTS: Needs(QUICK, jobs=(signup.JOB, preferences.JOB, access_links.JOB)),
    Queue.NOTICES: Needs((*QUICK, "notices"), (circuit.RELAY, circuit.DKIM), (outbox.JOB,)),
    Queue.INTRODUCTIONS: Needs(
        (*QUICK, "notices"), (circuit.RELAY, circuit.DKIM), (introductions.JOB, outbox.JOB, due.FREEZE)
    ),
    Queue.IMPORTS: Needs((*QUICK, "chores"), jobs=(importing.JOB,)),
    Queue.MAILBOX: Needs((*QUICK, "chores"), (circuit.INBOX,), (intake.JOB,)),
    Queue.ERASURES: Needs(QUICK, (circuit.INBOX,), (erasure_worker.RETRY, erasure_worker.FINISH)),
}


@dataclass(frozen=True)
class Backlog:
    """Hold a queue whose oldest has waited for longer than its limit."""

    queue: Queue
    since: datetime
    limit: timedelta
    needs: Needs


def backlogs(db: Session, *, now: datetime) -> Iterator[Backlog]:
    """Yield the queues in which something waits for too long."""
    for queue, oldest in _OLDEST.items():
        since = oldest(db, now)
        if since is not None and now - since > LIMITS[queue]:
            yield Backlog(queue, since, LIMITS[queue], NEEDS[queue])


def _requests(db: Session, now: datetime) -> datetime | None:
    """Return when the oldest could have been decided; a form that is held back has an alarm of its own."""
    columns = [PreferencesRequest.at, RightsIntake.due_at]
    if signup.breaker(db, now=now) is None:
        columns.append(SignupRequest.due_at)
    return _earliest(*(db.scalar(select(func.min(column))) for column in columns))


def _notices(db: Session, _: datetime) -> datetime | None:
    """Return when the oldest was due; a welcome is an introduction, or can wait like one."""
    waiting = Notice.state.in_(WAITING), Notice.kind != NoticeKind.WELCOME
    return db.scalar(select(func.min(Notice.due_at)).where(*waiting))


def _introductions(db: Session, now: datetime) -> datetime | None:
    welcomes = Notice.state.in_(WAITING), Notice.kind == NoticeKind.WELCOME
    due = db.scalar(select(func.min(Notice.due_at)).where(*welcomes))
    return _earliest(due, introductions.waiting_since(db, now=now))


def _imports(db: Session, now: datetime) -> datetime | None:
    """Return when the import that has stood longest last moved, by the caller's clock."""
    busy = Import.state.in_((ImportState.CHECKING, ImportState.RUNNING, ImportState.UNDOING))
    at, moved = db.execute(select(func.now(), func.min(Import.moved_at)).where(busy)).one()
    return now - (at - moved) if moved else None


def _mailbox(db: Session, now: datetime) -> datetime | None:
    """Return when it was last read; one that cannot be has an alarm of its own."""
    if settings().inbox_url is None or circuit.INBOX in circuit.known(db):
        return None
    silent = heartbeats.silence(db, intake.READ) or heartbeats.age(db, "beat")  # never read
    return now - silent if silent is not None else None


def _erasures(db: Session, now: datetime) -> datetime | None:
    """Return when the oldest was asked for, or could have been finished."""
    undone = _step(db, erasure_wait.ASKED, erasure.undone(db, now=now))
    unfinished = _step(db, erasure_wait.DONE, erasure.unfinished(db))
    return _earliest(undone, unfinished + erasure.WAIT if unfinished else None)


def _step(db: Session, what: str, cases: Sequence[UUID]) -> datetime | None:
    steps = RightsEvent.what == what, RightsEvent.request_id.in_(cases)
    return db.scalar(select(func.min(RightsEvent.at)).where(*steps)) if cases else None


def _earliest(*times: datetime | None) -> datetime | None:
    return min((each for each in times if each is not None), default=None)


_OLDEST: dict[Queue, Callable[[Session, datetime], datetime | None]] = {
    Queue.REQUESTS: _requests,
    Queue.NOTICES: _notices,
    Queue.INTRODUCTIONS: _introductions,
    Queue.IMPORTS: _imports,
    Queue.MAILBOX: _mailbox,
    Queue.ERASURES: _erasures,
}

"""Make good in a restored database what people asked for since its backup, and only then arm it.

Permission is only ever taken away here.  Repeating a replay changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mailer.backup import fold as reading
from mailer.backup.fold import Journals, Request, Wills, Wishes
from mailer.core import restore_lock
from mailer.core.db import transaction
from mailer.core.restore_lock import Restoration
from mailer.core.settings import settings
from mailer.delivery.after_restore import Doubt, doubt
from mailer.privacy.cases import access_links, register
from mailer.privacy.models import Right, RightsRequest
from mailer.privacy.rights import erasure
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Line, Will
from mailer.subscribers import preferences, signup, subscribers, subscriptions, suppressions
from mailer.subscribers.consent import anchors, chain
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState, SuppressionReason
from mailer.subscribers.suppressions import Entry

CHANNEL = "restore"  # of what is not the person's own act
CHUNK = 100  # people a transaction


class NothingToReplay(Exception):
    """This database was not restored, or is armed already."""

    def __init__(self) -> None:
        super().__init__(
            "there is nothing to replay: this database is armed, or was not restored from a backup"
        )


@dataclass
class Report:
    """What a replay did."""

    journals: dict[str, int]  # lines of each host's that came after the backup are among these bytes
    lines: int = 0
    erased: int = 0
    withdrawn: int = 0
    suppressed: int = 0
    restricted: int = 0
    moved: int = 0  # people whose new address is lost: they reconfirm before they are written to again
    cases: int = 0  # brought back; their addresses are lost
    agreed_since: int = 0  # people × newsletters: a yes said after the backup, which is lost
    requests_forgotten: int = 0  # of forms, answered long ago
    doubt: Doubt = field(default_factory=Doubt)


class Replay:
    """One restored database, and the journals of wills that were found."""

    def __init__(self) -> None:
        """Read and check every journal.  Raises NothingToReplay, JournalMissing, Damaged."""
        with transaction() as db:
            of = pending(db)
        self._id = of.id
        self._journals: Journals = reading.collect(of.positions)
        self._wills: Wills = reading.fold(self._journals.lines)
        self.report = Report({host: end.size for host, end in self._journals.ends.items()})
        self.report.lines = len(self._journals.lines)

    @property
    def steps(self) -> int:
        """Return how many things there are to make good."""
        return len(self._wills.people) + len(self._wills.barred) + len(self._wills.requests)

    def run(self, *, clock: Callable[[], datetime], told: Callable[[int], object]) -> Report:
        """Make everything good; `told` of each few steps."""
        with transaction() as db:
            self.report.doubt = doubt(db, now=clock())
            self.report.requests_forgotten = _forget_forms(db)
        steps = self._all()
        while some := list(islice(steps, CHUNK)):
            with transaction() as db:
                decisions.replaying(db)
                for step in some:
                    step(db, clock())
            told(len(some))
        with transaction() as db:
            self.report.agreed_since = _lost(db, self._wills)
            self._note(db, clock())
        return self.report

    def _all(self) -> Iterator[Callable[[Session, datetime], None]]:
        for mark, lines in self._wills.barred.items():
            yield lambda db, _, mark=mark, lines=lines: self._bar(db, mark, lines)  # type: ignore[misc]
        for who, wishes in self._wills.people.items():
            yield lambda db, now, who=who, wishes=wishes: self._fulfil(db, who, wishes, now)  # type: ignore[misc]
        for case_id, request in self._wills.requests.items():
            yield lambda db, now, of=case_id, request=request: self._reopen(db, of, request, now)  # type: ignore[misc]

    def _bar(self, db: Session, mark: bytes, lines: list[Line]) -> None:
        changed = [suppressions.insist(db, Entry(mark, _reason(line), line.at)) for line in lines]
        self.report.suppressed += any(changed)

    def _fulfil(self, db: Session, who: bytes, wishes: Wishes, now: datetime) -> None:
        if wishes.erased:
            self._erase(db, who, wishes.erased, now)
        for newsletter_id, line in wishes.withdrawn.items():
            self.report.withdrawn += _withdraw(db, who, newsletter_id, line)
        if wishes.restricted:
            self.report.restricted += _restrict(db, who, wishes.restricted)
        if wishes.moved:
            # The old address gets nothing more: the new one cannot be rebuilt, and says yes again itself.
            self.report.moved += subscriptions.expire(db, who, channel=CHANNEL, at=wishes.moved.at)

    def _erase(self, db: Session, who: bytes, line: Line, now: datetime) -> None:
        gone = [
            erasure.erase_mark(db, mark, never_again=False, now=now, channel=CHANNEL)
            for mark in {who, line.said.fingerprint}
        ]
        self.report.erased += any(Subscriber.__tablename__ in rows for rows in gone)

    def _reopen(self, db: Session, case_id: UUID, request: Request, now: datetime) -> None:
        """Open a request again: an answer is owed though only its right and its date are left."""
        if db.get(RightsRequest, case_id):
            return
        said, done = request.opened.said, request.answered
        register.restore(
            db, case_id, right=Right(said.detail or "unclear"),
            fingerprint=None if said.fingerprint == decisions.NOBODY else said.fingerprint,
            received_at=request.opened.at, answered_at=done.at if done else None, now=now,
        )  # fmt: skip
        self.report.cases += 1

    def _note(self, db: Session, now: datetime) -> None:
        for host, end in self._journals.ends.items():
            decisions.set_position(db, host, end)
        restore_lock.note_replay(db.get_one(Restoration, self._id), asdict(self.report), now=now)


def pending(db: Session) -> Restoration:
    """Return the restoration that is not armed.  Raises NothingToReplay."""
    found = db.scalar(select(Restoration).where(Restoration.armed_at.is_(None)).with_for_update())
    if found is None:
        raise NothingToReplay
    return found


def arm(db: Session, *, now: datetime) -> None:
    """Let the service be used.  A person has confirmed that every journal was replayed.

    The anchors of the consent chain that was lost are set aside; the chain goes on from the backup's.
    Raises NothingToReplay, also before a replay.
    """
    of = pending(db)
    if of.replayed_at is None:
        raise NothingToReplay
    anchors.set_aside(settings().data_dir, now)
    restore_lock.arm(of, now=now)


def _forget_forms(db: Session) -> int:
    """Delete what forms had received at the backup: it was answered since; live links are not any more."""
    return sum(room.forget_requests(db) for room in (signup, preferences, access_links))


def _reason(line: Line) -> SuppressionReason:
    """Why an address is not to be written to."""
    match line.said.will:
        case Will.OBJECTION:
            return SuppressionReason.OBJECTED
        case Will.ERASURE:
            return SuppressionReason.ERASED
    return SuppressionReason(line.said.detail or "manual")


def _withdraw(db: Session, who: bytes, newsletter_id: UUID, line: Line) -> bool:
    """End the subscription; and a no is evidence even of somebody whom the backup does not know."""
    channel, mark = line.said.detail or CHANNEL, line.said.fingerprint
    theirs = Subscriber.fingerprint == who, Subscription.newsletter_id == newsletter_id
    joined = select(Subscription.id).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    found = db.scalar(joined.where(*theirs))
    ended = found is not None and subscriptions.withdraw(db, found, channel=channel, now=line.at)
    if not _is_known(db, mark, newsletter_id, line.at):
        chain.append(
            db,
            ConsentPayload(
                fingerprint=mark, newsletter_id=newsletter_id, kind=ConsentKind.WITHDRAWN, at=line.at,
                channel=channel,
            ),
        )  # fmt: skip
    return ended


def _is_known(db: Session, mark: bytes, newsletter_id: UUID, at: datetime) -> bool:
    said = (
        ConsentPayload.fingerprint == mark, ConsentPayload.newsletter_id == newsletter_id,
        ConsentPayload.kind == ConsentKind.WITHDRAWN, ConsentPayload.at >= at - timedelta(minutes=1),
    )  # fmt: skip
    return db.scalar(select(exists().where(*said))) or False


def _restrict(db: Session, who: bytes, line: Line) -> bool:
    subscriber = db.scalar(select(Subscriber).where(Subscriber.fingerprint == who).with_for_update())
    return subscriber is not None and subscribers.restrict(subscriber, at=line.at)


def _lost(db: Session, wills: Wills) -> int:
    """Return how many said yes after the backup and are not subscribed now."""
    active = (
        select(Subscriber.fingerprint, Subscription.newsletter_id)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscription.state == SubscriptionState.ACTIVE,
            Subscriber.fingerprint.in_(wills.agreed),
        )
    )
    agreed = {(who, newsletter) for who, newsletters in wills.agreed.items() for newsletter in newsletters}
    return len(agreed - {(row[0], row[1]) for row in db.execute(active)})


def shown(report: Report) -> dict[str, Any]:
    """Return a report, flat."""
    values = asdict(report)
    return values | {f"issues_{name}" if name in {"paused", "drafts"} else f"{name}_unknown": value
                     for name, value in values.pop("doubt").items()}  # fmt: skip

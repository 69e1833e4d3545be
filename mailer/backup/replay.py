"""Apply to a restored database what people decided since its backup, and only then arm it.

A replay only takes permission away.  Repeating it changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from mailer.backup import fold
from mailer.backup.fold import LoggedRequest, Logs, PersonDecisions, StaffDecisions, StandingDecisions
from mailer.core import restore_lock
from mailer.core.db import transaction
from mailer.core.restore_lock import Restoration
from mailer.core.settings import settings
from mailer.delivery.after_restore import StoppedSends, pause_all
from mailer.notices import outbox, testers
from mailer.privacy.cases import access_links, register
from mailer.privacy.models import Right, RightsRequest
from mailer.privacy.rights import erasure
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision, LogLine
from mailer.staff import accounts, sessions
from mailer.subscribers import against_log, preferences, signup, subscribers, subscriptions, suppressions
from mailer.subscribers.consent import anchors, chain, witnesses
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.eligibility import Withheld
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState, SuppressionReason
from mailer.subscribers.recipients import receives, recipient
from mailer.subscribers.signup import Due, SignupDecision
from mailer.subscribers.suppressions import SuppressedAddress

CHANNEL = "restore"  # of events that are not the person's own act
CHUNK = 100  # steps a transaction


class NothingToReplay(Exception):
    """Say that this database was not restored, or is armed already."""

    def __init__(self) -> None:
        super().__init__(
            "there is nothing to replay: this database is armed, or was not restored from a backup"
        )


@dataclass
class Report:
    """Count what a replay did."""

    logs: dict[str, int]  # by host: how many bytes its file has
    lines: int = 0
    erased: int = 0
    withdrawn: int = 0
    suppressed: int = 0
    restricted: int = 0
    paused: int = 0  # by their own wish
    moved: int = 0  # people whose new address is lost: they must confirm it before they are written to again
    cases: int = 0  # opened again; their addresses are lost
    left: list[str] = field(default_factory=list)  # ids of issues whose send began after the backup
    asked_again: int = 0  # of these, those who had signed up before the backup: they are asked to confirm
    agreed_since: int = 0  # people × newsletters: consents given after the backup, which are lost
    requests_forgotten: int = 0  # received by forms before the backup, and answered since
    staff_disabled: int = 0
    passwords: int = 0  # of the desk, which were changed since: nobody logs in before they are set anew
    without: list[str] = field(default_factory=list)  # machines whose log is lost for good
    unknown: int = 0  # people × newsletters: nobody knows whether they left there; they are not written to
    stopped: StoppedSends = field(default_factory=StoppedSends)


class Applying:
    """Do what one decision wanted; count it."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def suppress(self, db: Session, fingerprint: bytes, lines: list[LogLine]) -> None:
        changed = [
            suppressions.add_or_strengthen(db, SuppressedAddress(fingerprint, _reason(line), line.at))
            for line in lines
        ]
        self.report.suppressed += any(changed)

    def apply(self, db: Session, who: bytes, person: PersonDecisions, now: datetime) -> None:
        if person.erased:
            self._erase(db, who, person.erased, now)
        for newsletter_id, line in person.withdrawn.items():
            self.report.withdrawn += _withdraw(db, who, newsletter_id, line)
        if person.restricted:
            marks = {who, person.restricted.entry.fingerprint}
            self.report.restricted += sum(_restrict(db, each, person.restricted) for each in marks) > 0
        if person.paused:
            marks = {who, person.paused.entry.fingerprint}
            self.report.paused += sum(_pause(db, each, person.paused) for each in marks) > 0
        if person.moved:
            # The old address gets nothing more; the new one is lost, and its owner has to sign up again.
            self.report.moved += subscriptions.expire(db, who, channel=CHANNEL, at=person.moved.at)

    def apply_staff(self, db: Session, account: UUID, staff: StaffDecisions, now: datetime) -> None:
        if staff.disabled:
            self.report.staff_disabled += accounts.disable(db, account, now=now)
        if staff.password:
            self.report.passwords += accounts.forget_password(db, account)

    def _erase(self, db: Session, who: bytes, line: LogLine, now: datetime) -> None:
        erased = [
            erasure.erase_fingerprint(db, fingerprint, never_again=False, now=now, channel=CHANNEL)
            for fingerprint in {who, line.entry.fingerprint}
        ]
        self.report.erased += any(Subscriber.__tablename__ in rows for rows in erased)

    def reopen(self, db: Session, case_id: UUID, request: LoggedRequest, now: datetime) -> None:
        """Open a request again: an answer is owed, though only its right and its date are left."""
        if db.get(RightsRequest, case_id):
            return
        entry, answered = request.opened.entry, request.answered
        register.restore(
            db, case_id, right=Right(entry.detail or "unclear"),
            fingerprint=None if entry.fingerprint == decisions.NOBODY else entry.fingerprint,
            received_at=request.opened.at, answered_at=answered.at if answered else None, now=now,
        )  # fmt: skip
        self.report.cases += 1


class Replay:
    """Apply every host's privacy log to one restored database."""

    def __init__(self, without: Set[str] = frozenset()) -> None:
        """Read and check every log but those that a person knows to be lost for good.

        Raises NothingToReplay, LogMissing, LogNotLost, LogDamaged.
        """
        with transaction() as db:
            restoration = pending(db)
            self._at = restoration.at
            anchored = witnesses.anchored(db)
        self._id, self._restored = restoration.id, restoration.backed_up_at is not None
        self._older = self._restored or not anchored
        self._first = restoration.replayed_at is None
        reached = anchors.reached(settings().data_dir, chain.chain_key())
        self._logs: Logs = fold.collect(restoration.positions, reached, without)
        self._standing: StandingDecisions = fold.fold(self._logs.lines)
        self.report = Report({host: end.size for host, end in self._logs.ends.items()})
        self.report.lines, self.report.without = len(self._logs.lines), sorted(without)
        self._applying = Applying(self.report)
        self.lost: list[tuple[bytes, UUID]] = []  # who has to say yes again, and to which newsletter

    @property
    def steps(self) -> int:
        """Return how many steps there are."""
        said = self._standing
        return len(said.people) + len(said.suppressed) + len(said.requests) + len(said.staff)

    def run(self, *, clock: Callable[[], datetime], progress: Callable[[int], object]) -> Report:
        """Apply everything; `progress` is told how many steps were done."""
        if self._restored:
            with transaction() as db:
                self.report.stopped = pause_all(db, now=clock())
                self.report.requests_forgotten = _forget_forms(db)
                sessions.end_everybodys(db)
        steps = self._steps()
        while chunk := list(islice(steps, CHUNK)):
            with transaction() as db:
                decisions.begin_replay(db)
                for step in chunk:
                    step(db, clock())
            progress(len(chunk))
        in_doubt = self._older and bool(self.report.without)
        if in_doubt:
            self._end_unknown(clock)
        self.report.left = sorted(str(issue_id) for issue_id in self._standing.frozen)
        with transaction() as db:
            self._list_lost(db, clock(), ask=self._first and not in_doubt)
            self._put_back(db)
            self._note(db, clock())
        return self.report

    def _end_unknown(self, clock: Callable[[], datetime]) -> None:
        """End what everybody receives, since they may have left where the log is lost.

        They are not asked: that would be writing to whoever left, or was erased, and so it would be to those
        who said yes in another log.  Nor does anybody know which password of the desk was changed there, so
        that each is to be set anew.
        """
        with transaction() as db:
            accounts_ = accounts.listing(db)
            self.report.passwords += sum(accounts.forget_password(db, each.id) for each in accounts_)
        active = True
        while active:
            with transaction() as db:
                decisions.begin_replay(db)
                people = subscriptions.active_people(db, CHUNK)
                for who in people:
                    subscriptions.expire(db, who, channel=CHANNEL, at=clock())
                active = bool(people)

    def _list_lost(self, db: Session, now: datetime, *, ask: bool) -> None:
        """List those whose yes was lost; some are asked to confirm once more.

        Whoever moved is listed under their present address too: the one of before may be somebody's again.
        """
        lost = _lost(db, self._standing)
        asked = _ask_again(db, lost, now) if ask else set()
        moved = {
            who: person.moved for who, person in self._standing.people.items() if person.moved is not None
        }
        unknown = _ended(db, since=self._at) if self.report.without else set()
        lost_ = (lost - asked) | unknown | _ended_by_moving(db, moved)
        self.report.agreed_since, self.report.asked_again = len(lost), len(asked)
        self.report.unknown = len(unknown)
        self.lost = sorted({(mark, to) for who, to in lost_ for mark in _marks(who, moved.get(who))})

    def _put_back(self, db: Session) -> None:
        """Suppress, and restrict, whoever the logs say: somebody took it out of the database."""
        decisions.begin_replay(db)
        self._set_positions(db)
        suppressed, restricted = against_log.missing(db)
        for who, line in suppressed.items():
            self._applying.suppress(db, who, [line])
        self.report.restricted += sum(_restrict(db, who, line) for who, line in restricted.items())

    def _steps(self) -> Iterator[Callable[[Session, datetime], None]]:
        for suppressed, lines in self._standing.suppressed.items():
            yield lambda db, _, who=suppressed, lines=lines: self._applying.suppress(db, who, lines)  # type: ignore[misc]
        for known, person in self._standing.people.items():
            yield lambda db, now, who=known, person=person: self._applying.apply(db, who, person, now)  # type: ignore[misc]
        for case_id, request in self._standing.requests.items():
            yield lambda db, now, id=case_id, request=request: self._applying.reopen(db, id, request, now)  # type: ignore[misc]
        for account, staff in self._standing.staff.items():
            yield lambda db, now, of=account, staff=staff: self._applying.apply_staff(db, of, staff, now)  # type: ignore[misc]

    def _set_positions(self, db: Session) -> None:
        """Record how far each file goes; that of a lost host begins anew."""
        for host in self.report.without:
            decisions.forget_position(db, host)
        for host, end in self._logs.ends.items():
            decisions.set_position(db, host, end)

    def _note(self, db: Session, now: datetime) -> None:
        restore_lock.note_replay(
            db.get_one(Restoration, self._id), asdict(self.report), without=self.report.without, now=now
        )


def make_good(db: Session, standing: StandingDecisions, lost: Set[int], now: datetime) -> int:
    """Do what these lines, by their id(), wanted, where they still stand; return how many steps that took.

    Not a change of address, nor of a password: whoever asked for it was told that nothing was changed.
    """
    applying = Applying(Report({}))
    suppressed = {
        who: kept
        for who, lines in standing.suppressed.items()
        if (kept := [line for line in lines if id(line) in lost])
    }
    people = {who: _only(person, lost) for who, person in standing.people.items()}
    requests = {case: each for case, each in standing.requests.items() if id(each.opened) in lost}
    for who, lines in suppressed.items():
        applying.suppress(db, who, lines)
    for account, staff in standing.staff.items():
        if id(staff.disabled) in lost:
            applying.apply_staff(db, account, StaffDecisions(staff.disabled), now)
    for who, person in people.items():
        applying.apply(db, who, person, now)
    for case_id, request in requests.items():
        applying.reopen(db, case_id, request, now)
    done = applying.report
    people_s = done.suppressed + done.erased + done.withdrawn + done.restricted + done.paused
    return people_s + done.cases + done.staff_disabled


def _only(person: PersonDecisions, lost: Set[int]) -> PersonDecisions:
    return PersonDecisions(
        withdrawn={newsletter: line for newsletter, line in person.withdrawn.items() if id(line) in lost},
        erased=person.erased if id(person.erased) in lost else None,
        restricted=person.restricted if id(person.restricted) in lost else None,
        paused=person.paused if id(person.paused) in lost else None,
    )


def pending(db: Session) -> Restoration:
    """Return the restoration that is not armed.  Raises NothingToReplay."""
    restoration = db.scalar(select(Restoration).where(Restoration.armed_at.is_(None)).with_for_update())
    if restoration is None:
        raise NothingToReplay
    return restoration


def arm(db: Session, *, now: datetime) -> None:
    """Let the service be used, once a person has confirmed that every log was replayed.

    The anchors of the lost consent chain are set aside; the chain goes on from the backup's.
    Raises NothingToReplay, also before a replay.
    """
    restoration = pending(db)
    if restoration.replayed_at is None:
        raise NothingToReplay
    if restoration.backed_up_at or restoration.without:
        chain.set_anchors_aside(db, now=now)
    restore_lock.arm(restoration, now=now)


def _forget_forms(db: Session) -> int:
    """Delete what forms had received before the backup: it was answered since, and live links are dead.

    So with the testers: who stopped since is in no log, and staff add again whom they need.
    """
    return sum(room.forget_requests(db) for room in (signup, preferences, access_links, testers))


def _reason(line: LogLine) -> SuppressionReason:
    """Return why an address is not to be written to."""
    match line.entry.decision:
        case Decision.OBJECTION:
            return SuppressionReason.OBJECTED
        case Decision.ERASURE:
            return SuppressionReason.ERASED
    return SuppressionReason(line.entry.detail or "manual")


def _withdraw(db: Session, who: bytes, newsletter_id: UUID, line: LogLine) -> bool:
    """End the subscription.  The withdrawal is evidence even of somebody whom the backup does not know."""
    channel, fingerprint = line.entry.detail or CHANNEL, line.entry.fingerprint
    # Whoever moved and came back may be two records in the backup: one under each address.
    theirs = Subscriber.fingerprint.in_({who, fingerprint}), Subscription.newsletter_id == newsletter_id
    joined = select(Subscription.id).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
    ended = 0
    for subscription_id in db.scalars(joined.where(*theirs).order_by(Subscription.id)).all():
        ended += subscriptions.withdraw(db, subscription_id, channel=channel, now=line.at)
    if not _is_known(db, fingerprint, newsletter_id, line.at):
        chain.append(
            db,
            ConsentPayload(
                fingerprint=fingerprint, newsletter_id=newsletter_id, kind=ConsentKind.WITHDRAWN, at=line.at,
                channel=channel,
            ),
        )  # fmt: skip
    return ended > 0


def _is_known(db: Session, fingerprint: bytes, newsletter_id: UUID, at: datetime) -> bool:
    same = (
        ConsentPayload.fingerprint == fingerprint, ConsentPayload.newsletter_id == newsletter_id,
        ConsentPayload.kind == ConsentKind.WITHDRAWN, ConsentPayload.at >= at - timedelta(minutes=1),
    )  # fmt: skip
    return db.scalar(select(exists().where(*same))) or False


def _restrict(db: Session, who: bytes, line: LogLine) -> bool:
    subscriber = db.scalar(select(Subscriber).where(Subscriber.fingerprint == who).with_for_update())
    return subscriber is not None and subscribers.restrict(subscriber, at=line.at)


def _pause(db: Session, who: bytes, line: LogLine) -> bool:
    subscriber = db.scalar(select(Subscriber).where(Subscriber.fingerprint == who).with_for_update())
    until = datetime.fromisoformat(line.entry.detail or "")
    return subscriber is not None and subscribers.pause_again(subscriber, until)


def _ask_again(db: Session, lost: Set[tuple[bytes, UUID]], now: datetime) -> set[tuple[bytes, UUID]]:
    """Ask those whom the backup knows as having signed up to confirm once more; return who they are.

    Nobody else of these is written to: for what the database holds of them they had left, or never came.
    """
    asked: set[tuple[bytes, UUID]] = set()
    for who, newsletter_id in sorted(lost):
        theirs = Subscriber.fingerprint == who, Subscription.newsletter_id == newsletter_id
        joined = select(Subscription.id).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        pending = db.scalar(joined.where(*theirs, Subscription.state == SubscriptionState.PENDING))
        if pending:
            subscriptions.keep_open(db, pending, now=now)
            outbox.answer_signup(db, SignupDecision(pending, Due.CONFIRMATION), now=now)
            asked.add((who, newsletter_id))
    return asked


def _lost(db: Session, standing: StandingDecisions) -> set[tuple[bytes, UUID]]:
    """Return who consented after the backup, to which newsletter, and is not subscribed or is suppressed."""
    now = recipient()
    subscribed = or_(receives(now), now.c.withheld == Withheld.RESTRICTED)
    active = select(now.c.fingerprint, now.c.newsletter_id).where(
        subscribed, now.c.fingerprint.in_(standing.agreed)
    )
    agreed = {(who, newsletter) for who, newsletters in standing.agreed.items() for newsletter in newsletters}
    return agreed - {(row[0], row[1]) for row in db.execute(active)}


def _ended(db: Session, *, since: datetime) -> set[tuple[bytes, UUID]]:
    """Return what this restore has ended since nobody knows whether it still stood."""
    rows = select(ConsentPayload.fingerprint, ConsentPayload.newsletter_id).where(*_BY_US)
    return {(row[0], row[1]) for row in db.execute(rows.where(ConsentPayload.at >= since))}


def _ended_by_moving(db: Session, moved: Mapping[bytes, LogLine]) -> set[tuple[bytes, UUID]]:
    """Return what a restore has ended of those who moved to an address that is lost."""
    rows = select(ConsentPayload.fingerprint, ConsentPayload.newsletter_id, ConsentPayload.at).where(*_BY_US)
    theirs = db.execute(rows.where(ConsentPayload.fingerprint.in_(moved)))
    return {(row[0], row[1]) for row in theirs if row.at == moved[row[0]].at}


_BY_US = ConsentPayload.kind == ConsentKind.EXPIRED, ConsentPayload.channel == CHANNEL


def _marks(known: bytes, moved: LogLine | None) -> set[bytes]:
    """Return the fingerprints of the address that the backup knows, and of the one they moved to."""
    return {known, bytes.fromhex(moved.entry.detail or "")} if moved else {known}


def as_row(report: Report) -> dict[str, Any]:
    """Return a report without nesting."""
    values = asdict(report)
    return values | {f"issues_{name}" if name in {"paused", "drafts"} else f"{name}_unknown": value
                     for name, value in values.pop("stopped").items()}  # fmt: skip

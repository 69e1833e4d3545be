"""The one judge of every fault: the six invariants of SENDING.md, from the relay's log and the database."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.settings import settings
from mailer.core.tokens import BadToken, Purpose, read_delivery
from mailer.delivery import load_issue
from mailer.delivery.certificate import certify
from mailer.delivery.message import Recipient
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.monitoring.models import Alarm
from mailer.smtp.replies import FINAL, DeliveryState
from mailer.subscribers.models import Subscriber
from tests.conftest import IDENTITY
from tests.faults import copies
from tests.faults.copies import Arrival, End

GATE = 1.0  # seconds, I3
SLACK = 1.0  # seconds between a worker's clock and the relay's, on a machine that is busy with other things


@dataclass(frozen=True)
class Stop:
    """From a commit on, nothing may begin any more: to one person, or to all when nobody is named."""

    at: datetime
    to: str | None = None
    until: datetime | None = None  # an issue that was resumed


@dataclass(frozen=True)
class Case:
    """One issue as both sides tell it."""

    issue: Issue
    rows: dict[int, Delivery]
    emails: dict[int, str]  # of those who still have one
    copies: dict[int, list[Arrival]]  # what the relay took, by position
    strangers: list[Arrival]  # what it took and no row explains
    begun: list[Arrival]  # everything whose first byte came
    expected: str  # what is common to every copy of the approved revision
    alarms: set[str]  # about what a person has been asked


def broken(
    db: Session,
    arrivals: Sequence[Arrival],
    issue_id: UUID,
    *,
    stops: Sequence[Stop] = (),
    settled: bool = True,
    logged: bool = True,
) -> list[str]:
    """What is not as promised, in words; empty when everything is.

    settled: the fault is over and the workers have had their time (I6).  logged: it is the stage's own relay,
    which says what reached it.
    """
    case = _case(db, arrivals, issue_id)
    checks: list[Callable[[Case], Iterator[str]]] = [partial(_adds_up, db)]
    if logged:
        checks += [partial(_one_copy, stops), partial(_stopped, stops), _one_content, _accepted_is_there]
    if settled:
        checks.append(_settled)
    return [fault for check in checks for fault in check(case)]


@dataclass(frozen=True)
class Tally:
    """The two numbers that must be nought."""

    lost: int  # people whose row or whose copy is missing although they should have one
    duplicated: int  # copies beyond the first


def tally(db: Session, arrivals: Sequence[Arrival], issue_id: UUID) -> Tally:
    """Count what is lost and what is double of one issue."""
    case = _case(db, arrivals, issue_id)
    accepted = {position for position, row in case.rows.items() if row.state is DeliveryState.ACCEPTED}
    missing = abs((case.issue.audience or 0) - len(case.rows)) + len(accepted - set(case.copies))
    return Tally(missing, sum(len(held) - 1 for held in case.copies.values()))


def _case(db: Session, arrivals: Sequence[Arrival], issue_id: UUID) -> Case:
    expected = _expected(db, issue_id)
    issue = db.get_one(Issue, issue_id)
    rows = {row.position: row for row in db.scalars(select(Delivery).where(Delivery.issue_id == issue_id))}
    named = select(Delivery.position, Subscriber.email).join(Subscriber)
    emails = {row.position: row.email for row in db.execute(named.where(Delivery.issue_id == issue_id))}
    alarms = set(db.scalars(select(Alarm.kind).where(Alarm.resolved_at.is_(None))))
    held: dict[int, list[Arrival]] = {}
    strangers = []
    for arrival in arrivals:
        if arrival.end is End.TOOK:
            send_id, position = _whose(arrival.message_id)
            if send_id == issue.send_id and position in rows:
                held.setdefault(position, []).append(arrival)
            elif send_id is None and arrival.to != IDENTITY["MAILER_ALERT_ADDRESS"]:
                strangers.append(arrival)
    return Case(issue, rows, emails, held, strangers, list(arrivals), expected, alarms)


@cache
def _whose(message_id: str) -> tuple[UUID | None, int]:
    """The delivery that a copy says it is."""
    try:
        return read_delivery(Purpose.MESSAGE_ID, message_id.partition("@")[0])
    except BadToken:
        return None, 0


def _expected(db: Session, issue_id: UUID) -> str:
    if db.get_one(Issue, issue_id).send_id is None:
        return ""
    letter = load_issue.letter(db, issue_id, settings(), None)
    return copies.impersonal(letter.to(Recipient(1, "someone@example.org", None)).message)


# -- I1 ----------------------------------------------------------------------


def _one_copy(stops: Sequence[Stop], case: Case) -> Iterator[str]:
    for position, held in case.copies.items():
        if len(held) > 1:
            yield f"I1: the relay holds {len(held)} copies of position {position}"
        for copy in held:
            known = position not in case.emails or copy.to == case.emails[position]
            if not (known or _began_before(stops, copy)):
                yield f"I1: the copy of position {position} went to somebody else"
    if case.strangers:
        yield f"I1: the relay holds {len(case.strangers)} messages that are nobody's"


def _began_before(stops: Sequence[Stop], copy: Arrival) -> bool:
    """Whether it went where its reader was until they moved away."""
    return any(stop.to == copy.to and copy.began <= stop.at.timestamp() + GATE + SLACK for stop in stops)


# -- I2 ----------------------------------------------------------------------


def _adds_up(db: Session, case: Case) -> Iterator[str]:
    issue, states = case.issue, Counter(row.state for row in case.rows.values())
    if issue.state in {IssueState.DRAFT, IssueState.SCHEDULED}:
        if case.rows:
            yield f"I2: {len(case.rows)} rows before the freeze"
        return
    if len(case.rows) != issue.audience or set(case.rows) != set(range(1, len(case.rows) + 1)):
        yield f"I2: {len(case.rows)} rows for a frozen audience of {issue.audience}"
    if issue.candidates != (issue.audience or 0) + (issue.excluded or 0):
        yield f"I2: {issue.candidates} candidates, {issue.audience} rows and {issue.excluded} exclusions"
    if issue.state is IssueState.CLOSED:
        said = certify(db, issue.id)
        if said.audience != said.accepted + said.refused + said.withheld + said.unknown:
            yield f"I2: the certificate does not add up: {said}"
        if any(states[state] != getattr(said, state) for state in FINAL):
            yield f"I2: the certificate is not what the rows say: {said}, {dict(states)}"


# -- I3 ----------------------------------------------------------------------


def _stopped(stops: Sequence[Stop], case: Case) -> Iterator[str]:
    for stop in stops:
        begins = stop.at.timestamp() + GATE + SLACK
        ends = stop.until.timestamp() if stop.until else float("inf")
        late = [
            arrival.began - stop.at.timestamp() for arrival in case.begun
            if stop.to in {None, arrival.to} and begins < arrival.began < ends
        ]  # fmt: skip
        if late:
            whom = stop.to or "the issue"
            yield f"I3: {len(late)} messages began up to {max(late):.1f} s after {whom} was stopped"


# -- I4 ----------------------------------------------------------------------


def _one_content(case: Case) -> Iterator[str]:
    other = [copy for held in case.copies.values() for copy in held if copy.content != case.expected]
    if other:
        yield f"I4: {len(other)} copies are not of the approved revision"
    for position, held in case.copies.items():
        mine = case.issue.send_id, position
        if any(_named(token) != mine for copy in held for token in copy.tokens):
            yield f"I4: the copy of position {position} has a link that is somebody else's"


def _named(token: str) -> tuple[UUID, int] | None:
    try:
        return read_delivery(Purpose.UNSUBSCRIBE, token)
    except BadToken:
        return None


# -- I5 ----------------------------------------------------------------------


def _accepted_is_there(case: Case) -> Iterator[str]:
    lost = [p for p, row in case.rows.items() if row.state is DeliveryState.ACCEPTED and p not in case.copies]
    if lost:
        yield f"I5: {len(lost)} rows are accepted, and the relay has no copy: {lost[:5]}"
    fine = {DeliveryState.ACCEPTED, DeliveryState.UNKNOWN}
    if not case.issue.closed_at:
        fine.add(DeliveryState.HANDED)  # its outcome is on its way, or in a journal
    denied = Counter(case.rows[p].state.value for p in case.copies if case.rows[p].state not in fine)
    if denied:
        yield f"I5: the relay has copies of rows that are {dict(denied)}"


# -- I6 ----------------------------------------------------------------------


def _settled(case: Case) -> Iterator[str]:
    left = Counter(row.state for row in case.rows.values())
    waits = case.issue.state is IssueState.PAUSED or bool(
        case.alarms & {"relay", "journal", "dkim", "provider", "refused"}
    )
    if left[DeliveryState.HANDED]:
        yield f"I6: {left[DeliveryState.HANDED]} rows are still handed"
    if left[DeliveryState.PENDING] and not waits:
        yield f"I6: {left[DeliveryState.PENDING]} rows are still pending, and nobody has been asked"
    overdue = [
        row for row in case.rows.values()
        if row.state is DeliveryState.DEFERRED and row.due_at.timestamp() < time.time() - 300
    ]  # fmt: skip
    if overdue and not waits:
        yield f"I6: {len(overdue)} deferred rows are long overdue, and nobody has been asked"
    if left[DeliveryState.UNKNOWN] and "unknown" not in case.alarms:
        yield f"I6: {left[DeliveryState.UNKNOWN]} rows are unknown, and nobody has been asked"

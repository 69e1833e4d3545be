"""A chunk of a file taken over, in one transaction: the people, their consent events, their subscriptions."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from mailer.core import pg_copy
from mailer.imports import decide
from mailer.imports.decide import KNOWN, NOTHING, Decision, Facts
from mailer.imports.rows import Act, Person
from mailer.subscribers import bulk as subscribers
from mailer.subscribers import suppressions
from mailer.subscribers.consent import bulk
from mailer.subscribers.consent.bulk import BulkEvent, Common, PreparedEvents
from mailer.subscribers.consent.models import ConsentKind
from mailer.subscribers.models import SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress

_NEWCOMER = decide.decide(Person(0, Act.JOIN, "", b"", None, "", None, ""), NOTHING)


class Acting(NamedTuple):
    """Hold a person for whom something is written, and what is known of them."""

    person: Person
    known: Facts


def judge(people: Sequence[Person], known: dict[bytes, Facts]) -> list[Decision]:
    """Return what becomes of each row of a chunk; a second yes of the same person is known already."""
    taken: set[bytes] = set()
    decisions = []
    for person in people:
        if person.mark in taken:
            decisions.append(Decision(KNOWN))
            continue
        held = known.get(person.mark)
        if held is None and person.act is Act.JOIN:
            decision = _NEWCOMER
        else:
            decision = decide.decide(person, held or NOTHING)
        if decision.acts:
            taken.add(person.mark)
        decisions.append(decision)
    return decisions


class Ready(NamedTuple):
    """Hold a chunk made ready to be written: its rows as COPY takes them, and what becomes of each person."""

    decisions: list[Decision]
    known: dict[bytes, Facts]
    again: list[bytes]  # who is acted upon, and was known: to be looked at again under a lock
    subscribers: bytes
    events: PreparedEvents
    subscriptions: bytes
    back: list[tuple[UUID, bytes]]  # subscriptions taken up again, with the event that allows it
    noes: list[Acting]
    informed_at: datetime | None  # when they learnt who writes to them


def prepare(
    common: Common,
    people: Sequence[Person],
    known: dict[bytes, Facts],
    informed_at: datetime | None = None,
) -> Ready:
    """Decide upon a chunk, and make its rows: all that can be done before its transaction."""
    decisions = judge(people, known)
    acting = [
        Acting(person, known.get(person.mark, NOTHING))
        for person, decision in zip(people, decisions, strict=True)
        if decision.acts
    ]
    heard = [each for each in acting if each.person.act is not Act.SUPPRESS]
    events = bulk.prepare(common, [_said(person) for person, _ in heard])
    joined = [
        (each, event_id)
        for each, event_id in zip(heard, events.event_ids, strict=True)
        if each.person.act is Act.JOIN
    ]
    newcomers, subscribers = _subscribers(common, [each for each, _ in joined])
    return Ready(
        decisions, known, [person.mark for person, held in acting if held is not NOTHING],
        subscribers, events, _subscriptions(common, joined, newcomers, informed_at),
        [(each.known.subscription_id, event) for each, event in joined if each.known.subscription_id],
        [each for each in acting if each.person.act is not Act.JOIN],
        informed_at,
    )  # fmt: skip


def _said(person: Person) -> BulkEvent:
    kind = ConsentKind.IMPORTED if person.act is Act.JOIN else ConsentKind.WITHDRAWN
    return BulkEvent(kind, person.mark, person.source, person.said_at)


def import_people(
    db: Session, common: Common, people: Sequence[Person], *, informed_at: datetime | None = None
) -> list[str]:
    """Take over a handful of people in the caller's transaction; what became of each.

    `informed_at`: they know already who writes to them, and why (RGPD 14, 5 a).
    """
    db.flush()
    known = decide.gather(pg_copy.connection(db), common.newsletter_id, [person.mark for person in people])
    decisions = take(db, common, people, prepare(common, people, known, informed_at))
    bulk.anchor(db)
    return [str(decision.outcome) for decision in decisions]


def take(db: Session, common: Common, people: Sequence[Person], ready: Ready) -> list[Decision]:
    """Write what a chunk's rows say; what became of each.

    What is known was gathered a moment ago: whoever was known then is locked and looked at again.
    """
    if again := ready.again:
        connection = pg_copy.connection(db)
        decide.steady(connection)
        decide.lock(connection, common.newsletter_id, again)
        now = dict.fromkeys(again, NOTHING) | decide.gather(connection, common.newsletter_id, again)
        ready = prepare(common, people, ready.known | now, ready.informed_at)
    _write(db, common, ready)
    return ready.decisions


def _write(db: Session, common: Common, ready: Ready) -> None:
    bulk.append(db, ready.events, during=subscribers.adding_subscribers(db, ready.subscribers))
    subscribers.add_subscriptions(db, ready.subscriptions)
    if ready.back:
        subscribers.take_up_again(db, ready.back, at=common.at, informed_at=ready.informed_at)
    _leave(db, common, ready.noes)


def _subscribers(common: Common, joining: list[Acting]) -> tuple[dict[bytes, bytes], bytes]:
    """Return the ids of the people nobody knew, and their rows."""
    new = [p for p, known in joining if known.subscriber_id is None]
    keys, rows = subscribers.subscriber_rows(new, at=common.at)
    return {p.mark: key for key, p in zip(keys, new, strict=True)}, rows


def _subscriptions(
    common: Common, joined: list[tuple[Acting, bytes]], newcomers: dict[bytes, bytes],
    informed_at: datetime | None,
) -> bytes:  # fmt: skip
    """Return the rows of those who never had this newsletter."""
    fresh = [
        (newcomers.get(p.mark) or _of(known), event)
        for (p, known), event in joined
        if known.subscription_id is None
    ]
    return subscribers.subscription_rows(
        fresh, newsletter_id=common.newsletter_id, at=common.at, informed_at=informed_at
    )


def _of(known: Facts) -> bytes:
    if known.subscriber_id is None:
        raise LookupError("a subscription of nobody")
    return known.subscriber_id.bytes


def _leave(db: Session, common: Common, noes: list[Acting]) -> None:
    leaving = (known for p, known in noes if p.act is Act.LEAVE and known.active)
    ended = [known.subscription_id for known in leaving if known.subscription_id]
    if ended:
        subscribers.end(db, ended, at=common.at)
    barred = (p for p, _ in noes if p.act is Act.SUPPRESS)
    suppressions.add(
        db, (SuppressedAddress(p.mark, p.reason or SuppressionReason.MANUAL, common.at) for p in barred)
    )

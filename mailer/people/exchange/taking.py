"""A chunk of a file taken over, in one transaction: the people, their consent events, their subscriptions."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from mailer.people import bulk, suppression
from mailer.people.exchange import chain, facts
from mailer.people.exchange.chain import Common, Said
from mailer.people.exchange.facts import KNOWN, NOTHING, Decision, Facts
from mailer.people.exchange.rows import Act, Person
from mailer.people.models import ConsentKind, SubscriptionState, SuppressionReason
from mailer.people.suppression import Entry

_SUBSCRIBER = "id, fingerprint, email, name, locale, created_at"
_SUBSCRIPTION = "id, subscriber_id, consent_id, newsletter_id, state, changed_at, informed_at"
_NEWCOMER = facts.decide(Person(0, Act.JOIN, "", b"", None, "", None, ""), NOTHING)
_KIND = {Act.JOIN: ConsentKind.IMPORTED, Act.LEAVE: ConsentKind.WITHDRAWN}

_COME_BACK = """
UPDATE subscription u SET state = 'active', consent_id = i.consent, changed_at = %(now)s,
    informed_at = %(informed)s
FROM unnest(%(ids)b::uuid[], %(consents)b::uuid[]) AS i (id, consent)
WHERE u.id = i.id
"""
_END = """
UPDATE subscription SET state = 'ended', consent_id = NULL, changed_at = %(now)s
WHERE id = ANY(%(ids)b) AND state = 'active'
"""


class Acting(NamedTuple):
    """A person for whom something is written, and what is known of them."""

    person: Person
    known: Facts


def judge(people: Sequence[Person], known: dict[bytes, Facts]) -> list[Decision]:
    """What becomes of each row of a chunk; a second yes of the same person is known already."""
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
            decision = facts.decide(person, held or NOTHING)
        if decision.acts:
            taken.add(person.mark)
        decisions.append(decision)
    return decisions


def import_people(
    db: Session, common: Common, people: Sequence[Person], *, informed_at: datetime | None = None
) -> list[str]:
    """Take over a handful of people in the caller's transaction; what became of each.

    `informed_at`: they know already who writes to them, and why (RGPD 14, 5 a).
    """
    db.flush()
    known = facts.gather(bulk.connection(db), common.newsletter_id, [person.mark for person in people])
    decisions = take(db, common, people, known, informed_at=informed_at)
    chain.anchor(db)
    return [str(decision.outcome) for decision in decisions]


def take(
    db: Session,
    common: Common,
    people: Sequence[Person],
    known: dict[bytes, Facts],
    *,
    informed_at: datetime | None = None,
) -> list[Decision]:
    """Write what a chunk's rows say; what became of each.

    `known` was gathered a moment ago: whoever was known then is locked and looked at again.
    """
    connection = bulk.connection(db)
    decisions = judge(people, known)
    again = [p.mark for p, d in zip(people, decisions, strict=True) if d.acts and p.mark in known]
    if again:
        facts.steady(connection)
        facts.lock(connection, common.newsletter_id, again)
        known = known | dict.fromkeys(again, NOTHING) | facts.gather(connection, common.newsletter_id, again)
        decisions = judge(people, known)
    acting = [
        Acting(person, known.get(person.mark, NOTHING))
        for person, decision in zip(people, decisions, strict=True)
        if decision.acts
    ]
    _write(db, common, acting, informed_at)
    return decisions


def _write(db: Session, common: Common, acting: list[Acting], informed_at: datetime | None) -> None:
    connection = bulk.connection(db)
    newcomers = _subscribers(connection, common, acting)
    heard = [each for each in acting if each.person.act in _KIND]
    said = [Said(_KIND[p.act], p.mark, p.source, p.said_at) for p, _ in heard]
    event_ids = chain.extend(db, common, said)
    joined = [
        (each, event_id)
        for each, event_id in zip(heard, event_ids, strict=True)
        if each.person.act is Act.JOIN
    ]
    _subscribe(connection, common, joined, newcomers, informed_at)
    _leave(db, common, acting)


def _subscribers(
    connection: psycopg.Connection[Any], common: Common, acting: list[Acting]
) -> dict[bytes, bytes]:
    """Add the people nobody knew; their ids."""
    new = [p for p, known in acting if p.act is Act.JOIN and known.subscriber_id is None]
    six, d16, d32, now = bulk.count(6), bulk.UUID_SIZE, bulk.DIGEST_SIZE, bulk.instant(common.at)
    keys = bulk.ids(len(new))

    def rows() -> Iterator[bytes]:
        for key, p in zip(keys, new, strict=True):
            email, locale = bulk.sized(p.email.encode()), bulk.sized(p.locale.encode())
            yield b"".join((six, d16, key, d32, p.mark, email, bulk.text(p.name), locale, now))

    if new:
        bulk.copy(connection, "subscriber", _SUBSCRIBER, rows())
    return {p.mark: key for key, p in zip(keys, new, strict=True)}


def _subscribe(
    connection: psycopg.Connection[Any],
    common: Common,
    joined: list[tuple[Acting, bytes]],
    newcomers: dict[bytes, bytes],
    informed_at: datetime | None,
) -> None:
    fresh = [(each, event) for each, event in joined if each.known.subscription_id is None]
    back = [(each.known.subscription_id, event) for each, event in joined if each.known.subscription_id]
    seven, d16 = bulk.count(7), bulk.UUID_SIZE
    tail = b"".join((bulk.sized(common.newsletter_id.bytes), bulk.text(SubscriptionState.ACTIVE),
                     bulk.instant(common.at), bulk.instant(informed_at)))  # fmt: skip
    rows = (
        b"".join((seven, d16, key, d16, newcomers.get(p.mark) or _of(known), d16, event, tail))
        for key, ((p, known), event) in zip(bulk.ids(len(fresh)), fresh, strict=True)
    )
    if fresh:
        bulk.copy(connection, "subscription", _SUBSCRIPTION, rows)
    if back:
        ids = [subscription_id for subscription_id, _ in back]
        consents = [UUID(bytes=event) for _, event in back]
        values = {"ids": ids, "consents": consents, "now": common.at, "informed": informed_at}
        connection.execute(_COME_BACK, values, prepare=False)


def _of(known: Facts) -> bytes:
    if known.subscriber_id is None:
        raise LookupError("a subscription of nobody")
    return known.subscriber_id.bytes


def _leave(db: Session, common: Common, acting: list[Acting]) -> None:
    ended = [known.subscription_id for p, known in acting if p.act is Act.LEAVE and known.active]
    if ended:
        bulk.connection(db).execute(_END, {"ids": ended, "now": common.at}, prepare=False)
    barred = (p for p, _ in acting if p.act is Act.SUPPRESS)
    suppression.add(db, (Entry(p.mark, p.reason or SuppressionReason.MANUAL, common.at) for p in barred))

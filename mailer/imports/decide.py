"""What is known of the people of a file, and what follows for each.  The deciding is pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import psycopg

from mailer.imports.rows import Act, Person, Refused
from mailer.subscribers.eligibility import NOT_A_NO
from mailer.subscribers.models import SubscriptionState

NEW, KNOWN = "new", "known"

# Only those of whom something is known come back.  Each part is one look in an index, whatever the planner
# thinks of tables that are growing under it (see `steady`).
_FACTS = """
SELECT i.n, x.fingerprint IS NOT NULL OR s.restricted_at IS NOT NULL, s.id, u.id, u.state,
    coalesce(c.consented_at, c.at), coalesce(no.consented_at, no.at)
FROM unnest(%(marks)b::bytea[]) WITH ORDINALITY AS i (mark, n)
LEFT JOIN suppression x ON x.fingerprint = i.mark
LEFT JOIN subscriber s ON s.fingerprint = i.mark
LEFT JOIN subscription u ON u.subscriber_id = s.id AND u.newsletter_id = %(newsletter)s
LEFT JOIN consent_payload r ON r.event_id = u.consent_id
LEFT JOIN consent_payload c ON c.event_id = coalesce(r.continues, r.event_id)
LEFT JOIN consent_payload no ON no.fingerprint = i.mark
    AND no.kind IN ('withdrawn', 'expired', 'erased', 'rectified')
    AND no.channel <> ALL(%(moot)s) AND (no.newsletter_id = %(newsletter)s OR no.kind = 'erased')
WHERE x.fingerprint IS NOT NULL OR s.id IS NOT NULL OR no.event_id IS NOT NULL
ORDER BY 7
"""
_LOCK = """
SELECT u.id FROM subscription u JOIN subscriber s ON s.id = u.subscriber_id
WHERE s.fingerprint = ANY(%(marks)b) AND u.newsletter_id = %(newsletter)s
ORDER BY u.id FOR UPDATE OF u
"""
# In the order written, since of a table that was empty a moment ago the planner knows nothing.
_STEADY = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off",
           "enable_mergejoin": "off", "enable_material": "off", "join_collapse_limit": "1"}  # fmt: skip


class Facts(NamedTuple):
    """Say what the database holds under one fingerprint, for one newsletter."""

    suppressed: bool  # or restricted (RGPD 18): nothing is changed
    subscriber_id: UUID | None
    subscription_id: UUID | None
    state: str | None
    agreed_at: datetime | None  # of the consent that is in force
    last_no: datetime | None  # withdrawal, expiry or change of address for this newsletter, any erasure

    @property
    def active(self) -> bool:
        return self.state == SubscriptionState.ACTIVE


NOTHING = Facts(False, None, None, None, None, None)


class Decision(NamedTuple):
    """Say what becomes of a row: its outcome, and whether something is to be written."""

    outcome: str  # NEW, KNOWN, or a Refused
    acts: bool = False


def steady(connection: psycopg.Connection[Any], *, until: Literal["commit", "closed"] = "commit") -> None:
    """Have every look-up go through its index, until this transaction ends or this connection does."""
    how = "SET LOCAL" if until == "commit" else "SET"
    connection.execute("; ".join(f"{how} {name} = {value}" for name, value in _STEADY.items()))


def gather(
    connection: psycopg.Connection[Any], newsletter_id: UUID, marks: Sequence[bytes]
) -> dict[bytes, Facts]:
    """Return the facts of those of whom there are any; of several noes, the last."""
    values = {"marks": list(marks), "newsletter": newsletter_id, "moot": sorted(NOT_A_NO)}
    rows = connection.execute(_FACTS, values, prepare=False).fetchall()
    return {marks[row[0] - 1]: Facts(*row[1:]) for row in rows}


def lock(connection: psycopg.Connection[Any], newsletter_id: UUID, marks: Sequence[bytes]) -> None:
    """Hold these people's subscriptions until the commit: nobody leaves while they are decided upon."""
    connection.execute(_LOCK, {"marks": list(marks), "newsletter": newsletter_id}, prepare=False)


def decide(person: Person, known: Facts) -> Decision:
    """Return what a row does, given what is known."""
    if person.act is not Act.JOIN:
        return _refusal(person, known)
    if known.suppressed:
        return Decision(Refused.SUPPRESSED)
    if known.active:
        return Decision(KNOWN)
    if known.last_no and (person.said_at is None or known.last_no >= person.said_at):
        return Decision(Refused.WITHDRAWN)
    return Decision(NEW, acts=True)


def _refusal(person: Person, known: Facts) -> Decision:
    """Count a no said elsewhere, unless a yes was said here since."""
    if known.active and known.agreed_at and person.said_at and known.agreed_at > person.said_at:
        return Decision(Refused.OUTDATED)
    if person.act is Act.SUPPRESS:
        return Decision(Refused.BARRED, acts=not known.suppressed)
    told = known.last_no and (person.said_at is None or known.last_no >= person.said_at)
    return Decision(Refused.LEFT, acts=known.active or not told)

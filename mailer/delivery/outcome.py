"""How a claimed row ends: what its session saw, as the ledger keeps it.  Pure but for the jitter."""

import random
from datetime import datetime

from mailer.delivery.claim import Claimed
from mailer.delivery.ledger import Outcome
from mailer.smtp.replies import DeliveryState, Reply, retry_at, verdict
from mailer.smtp.session import TransactionEnd

FAULTS_ALLOWED = 3  # in flight at as many 421s or cuts, a message is charged and set aside for a while
_CUT = Reply(421, "", "connection cut")


def unbegun(row: Claimed, now: datetime) -> Outcome:
    """As if it had never been claimed."""
    return Outcome(
        row.issue_id, row.position, row.fence, DeliveryState.PENDING, now, row.attempts, row.faults
    )


def unknown(row: Claimed, now: datetime) -> Outcome:
    """Begun, and no reply seen."""
    return Outcome(
        row.issue_id, row.position, row.fence, DeliveryState.UNKNOWN, now, row.attempts + 1, row.faults
    )


def unproven(row: Claimed, now: datetime) -> Outcome:
    """Withheld by ourselves: the address is not the one that the consent is about."""
    return unbegun(row, now)._replace(state=DeliveryState.WITHHELD)


def unrenderable(row: Claimed, now: datetime) -> Outcome:
    """Refused by ourselves: it cannot be put into a message."""
    return _with(row, DeliveryState.REFUSED, Reply(0, "", "render"), now)


def outcome(
    row: Claimed, end: TransactionEnd, answer: Reply | None, now: datetime, *, suspect: bool = False
) -> Outcome:
    """Return what the ledger keeps of an ended job; a suspect refusal is deferred till it is judged."""
    if end is TransactionEnd.NOT_BEGUN:
        return unbegun(row, now)
    if end is TransactionEnd.UNKNOWN:
        return unknown(row, now)
    faults = row.faults + 1
    if end is TransactionEnd.INTERRUPTED and faults < FAULTS_ALLOWED:
        return Outcome(
            row.issue_id, row.position, row.fence, DeliveryState.PENDING, now, row.attempts, faults
        )
    answer = answer or _CUT
    if suspect:
        return _with(row, DeliveryState.DEFERRED, answer, retry_at(now, row.attempts + 1, _jitter()))
    decided = verdict(
        answer,
        now=now,
        attempts=row.attempts + 1,
        first_tried=row.first_tried,
        jitter=_jitter,
    )
    return _with(row, decided.state, answer, decided.due_at or now)


def _jitter() -> float:
    return random.uniform(-1, 1)  # noqa: S311 -- spreads load, guards nothing


def _with(row: Claimed, state: DeliveryState, answer: Reply, due_at: datetime) -> Outcome:
    return Outcome(
        row.issue_id, row.position, row.fence, state, due_at, row.attempts + 1, row.faults,
        answer.code, answer.enhanced, answer.text,
    )  # fmt: skip

"""Restrict or erase somebody's data for the privacy officer, from the desk or the terminal.

The audit records it always, and the history of the case if there is one.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import audit
from mailer.privacy.cases import old_mailbox, register
from mailer.privacy.cases.register import ClosedCase
from mailer.privacy.models import Channel, RightsRequest
from mailer.privacy.rights import erasure, erasure_wait, restriction
from mailer.subscribers.models import Subscriber

RESTRICTED, LIFTING = "restricted", "lifting"  # in the case's history


class NobodyThere(Exception):
    """Say that nobody is subscribed, or ever was, at this address."""

    def __init__(self) -> None:
        super().__init__("nobody is subscribed, or ever was, at this address: nothing to restrict")


class NotRestricted(Exception):
    """Say that there is no restriction to lift."""

    def __init__(self) -> None:
        super().__init__("nothing is restricted at this address: nothing to lift")


class ErasureHeld(NotRestricted):
    """Say that the restriction belongs to an erasure that waits."""

    def __init__(self) -> None:
        Exception.__init__(self, "an erasure waits at this address: the restriction goes with it")


class AnotherAddress(Exception):
    """Say that the case is about another address than the one that was typed."""

    def __init__(self, number: int) -> None:
        super().__init__(f"case {number} is about another address: nothing was done")


def restrict(
    db: Session, email: str, *, by: str, now: datetime, case: RightsRequest | None = None
) -> bool:  # fmt: skip
    """Restrict their data; return False if they were restricted already.

    Raises NobodyThere, ClosedCase, AnotherAddress.
    """
    subscriber = _subscriber(db, email, case)
    changed = restriction.restrict(db, subscriber, now=now)
    if changed:
        _note(db, case, RESTRICTED, by, now)
        old_mailbox.tell_of_act(db, subscriber.fingerprint, now=now)
    _audit(db, "restrict", by, now, case, fingerprint=subscriber.fingerprint.hex())
    return changed


def lift(db: Session, email: str, *, by: str, now: datetime, case: RightsRequest | None = None) -> datetime:
    """Have them told that the restriction ends; return when.

    Raises NobodyThere, NotRestricted, ErasureHeld, ClosedCase, AnotherAddress.
    """
    subscriber = _subscriber(db, email, case)
    if erasure_wait.is_held(db, subscriber.fingerprint):
        raise ErasureHeld
    announced = subscriber.lift_at
    ends = restriction.announce(db, subscriber, now=now)
    if ends is None:
        raise NotRestricted
    if not announced:
        _note(db, case, LIFTING, by, now, until=register.today(ends).isoformat())
    _audit(db, "lift", by, now, case, fingerprint=subscriber.fingerprint.hex())
    return ends


def ask_erasure(
    db: Session, email: str, *, never_again: bool, by: str, now: datetime, channel: Channel = Channel.DESK,
    case: RightsRequest | None = None,
) -> RightsRequest:  # fmt: skip
    """Record the request; `erasure_worker.attempt` then does it.  Raises ClosedCase, AnotherAddress."""
    _check_case(case, email)
    return erasure.ask(db, email, never_again=never_again, channel=channel, by=by, case=case, now=now)


def _subscriber(db: Session, email: str, case: RightsRequest | None) -> Subscriber:
    _check_case(case, email)
    subscriber = db.scalar(select(Subscriber).where(Subscriber.email == email).with_for_update())
    if subscriber is None:
        raise NobodyThere
    return subscriber


def _check_case(case: RightsRequest | None, email: str) -> None:
    """Check that the case is open, and was made by this address or came without any."""
    if case and case.closed_at:
        raise ClosedCase
    if case and case.email not in {None, email}:
        raise AnotherAddress(case.number)


def _note(
    db: Session, case: RightsRequest | None, what: str, by: str, now: datetime, **details: Any
) -> None:  # fmt: skip
    if case:
        register.note(db, case, what, by, now, **details)


def _audit(
    db: Session, what: str, by: str, now: datetime, case: RightsRequest | None, **details: Any
) -> None:  # fmt: skip
    if case:
        details["case"] = case.number
    audit.record(db, who=by, what=f"rights {what}", details=details, now=now)

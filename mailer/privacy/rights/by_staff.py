"""Do what a case asks for the privacy officer, from the desk or the terminal: each right but directives.

The audit records it always, and the history of the case if there is one: its channel says how the person
asked, its dates when, each step who did it.  The person is told by the same mail as when they act themselves.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import audit
from mailer.core.fingerprint import fingerprint_of
from mailer.privacy.cases import access_links, old_mailbox, register
from mailer.privacy.cases.fulfilment import CORRECTED, DRAWN, OBJECTED, RESTRICTED, UNSUBSCRIBED
from mailer.privacy.cases.register import ClosedCase
from mailer.privacy.models import Channel, Right, RightsRequest
from mailer.privacy.rights import (
    access,
    erasure,
    erasure_wait,
    export,
    objection,
    rectification,
    restriction,
)
from mailer.privacy.rights.access import HeldData
from mailer.subscribers import subscribers
from mailer.subscribers.models import Subscriber

LIFTING, FOUND, LINKED = "lifting", "found", "link sent"  # in the case's history
ADDRESS_ASKED = "address asked"  # of a new mailbox: nothing is changed before it has confirmed
BY_STAFF = frozenset({Channel.PHONE, Channel.POST, Channel.DESK, Channel.TERMINAL})  # staff typed the address


class NobodyThere(Exception):
    """Say that nobody is subscribed, or ever was, at this address."""

    def __init__(self) -> None:
        super().__init__("nobody is subscribed, or ever was, at this address: nothing to restrict")


class NotRestricted(Exception):
    """Say that there is no restriction to lift."""

    def __init__(self) -> None:
        super().__init__("nothing is restricted at this address: nothing to lift")


class NotFindable(Exception):
    """Say that this case's address is the one it came from, and is not for staff to replace."""

    def __init__(self) -> None:
        super().__init__("the address of this case is the one it came from: it cannot be replaced")


class DataRestricted(Exception):
    """Say that restricted data are not changed (RGPD 18)."""

    def __init__(self) -> None:
        super().__init__("these data are restricted: lift the restriction before they are changed")


class ErasureHeld(NotRestricted):
    """Say that the restriction belongs to an erasure that waits."""

    def __init__(self) -> None:
        Exception.__init__(self, "an erasure waits at this address: the restriction goes with it")


class AnotherAddress(Exception):
    """Say that the case is about another address than the one that was typed."""

    def __init__(self, number: int) -> None:
        super().__init__(f"case {number} is about another address: nothing was done")


def find(db: Session, case: RightsRequest, email: str, *, by: str, now: datetime) -> bool:
    """Say which address a case is about, as given on the telephone or on paper; return whether it is known.

    The receipt leaves there, if none has.  Raises ClosedCase, BeingErased, NotFindable.
    """
    register.must_be_closable(db, case, by)
    if case.email and case.channel not in BY_STAFF:
        raise NotFindable
    known = access_links.held(db, fingerprint_of(email))
    case.email, case.fingerprint, case.handler = email, fingerprint_of(email), by
    register.note(db, case, FOUND, by, now, held=known)
    _audit(db, "find", by, now, case)
    register.acknowledge(db, case, now=now)
    return known


def withdraw(
    db: Session, email: str, *, by: str, now: datetime, case: RightsRequest,
    newsletters: Collection[UUID] | None = None,
) -> int:  # fmt: skip
    """End their subscriptions, or those to some newsletters, each with its goodbye; return how many.

    Raises NobodyThere, ClosedCase, AnotherAddress.
    """
    subscriber = _subscriber(db, email, case)
    ended = objection.withdraw(
        db, subscriber.fingerprint, channel=_channel(case, objection.WITHDRAWAL), newsletters=newsletters,
        now=now,
    )  # fmt: skip
    if ended:
        _note(db, case, UNSUBSCRIBED, by, now, newsletters=[str(each) for each in ended])
    _audit(db, "withdraw", by, now, case, fingerprint=subscriber.fingerprint.hex())
    return len(ended)


def object_to(db: Session, email: str, *, by: str, now: datetime, case: RightsRequest) -> bool:
    """Record their objection to every mailing; return False if it was already.

    Of an unknown address too: no import brings it in later.  Raises ClosedCase, AnotherAddress.
    """
    _check_case(case, email)
    channel = _channel(case, objection.OBJECTION)
    changed = objection.object_to(db, email=email, locale=case.locale, channel=channel, now=now)
    if changed:
        _note(db, case, OBJECTED, by, now)
    _audit(db, "object", by, now, case, fingerprint=fingerprint_of(email).hex())
    return changed


def correct(
    db: Session, email: str, *, name: str | None, locale: str, by: str, now: datetime, case: RightsRequest
) -> bool:  # fmt: skip
    """Set their name and language; return False if nothing changed.

    Raises NobodyThere, DataRestricted, ClosedCase, AnotherAddress.
    """
    subscriber = _changeable(db, email, case)
    changed = subscribers.correct(subscriber, name=name, locale=locale)
    if changed:
        _note(db, case, CORRECTED, by, now)
    _audit(db, "correct", by, now, case, fingerprint=subscriber.fingerprint.hex())
    return changed


def change_address(
    db: Session, email: str, new_email: str, *, by: str, now: datetime, case: RightsRequest
) -> bool:
    """Ask a new mailbox to confirm that it replaces theirs; return False if it is theirs already.

    The case closes by itself once it has, or has not within two days.  Raises as `correct` does.
    """
    subscriber = _changeable(db, email, case)
    if new_email == subscriber.email:
        return False
    rectification.ask_within(db, case, subscriber, new_email, now=now)
    _note(db, case, ADDRESS_ASKED, by, now)
    _audit(db, "change address", by, now, case, fingerprint=subscriber.fingerprint.hex())
    return True


def draw(db: Session, email: str, right: Right, *, by: str, now: datetime, case: RightsRequest) -> bytes:
    """Return as a zip what access (15) or portability (20) gives, for staff to hand over.

    Raises ClosedCase, AnotherAddress.
    """
    held = draw_within(db, email, right, by=by, now=now, case=case)
    return (export.portable if right is Right.PORTABILITY else export.archive)(held, case.locale)


def draw_within(
    db: Session, email: str, right: Right, *, by: str, now: datetime, case: RightsRequest
) -> HeldData:  # fmt: skip
    """Return what is held, which the case then says staff drew up.  Raises ClosedCase, AnotherAddress."""
    _check_case(case, email)
    held = access.draw(db, email, now)
    _note(db, case, DRAWN, by, now, right=right)
    _audit(db, f"draw {right}", by, now, case, fingerprint=held.consent.fingerprint)
    return held


def send_link(db: Session, email: str, *, by: str, now: datetime, case: RightsRequest) -> None:
    """Send the person the link by which they exercise their rights themselves.

    Raises ClosedCase, AnotherAddress.
    """
    _check_case(case, email)
    access_links.send(db, email=email, locale=case.locale, now=now)
    _note(db, case, LINKED, by, now)
    _audit(db, "link", by, now, case, fingerprint=fingerprint_of(email).hex())


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


def _changeable(db: Session, email: str, case: RightsRequest) -> Subscriber:
    subscriber = _subscriber(db, email, case)
    if subscriber.restricted_at:
        raise DataRestricted
    return subscriber


def _channel(case: RightsRequest, otherwise: str) -> str:
    """Return how the person asked, as the consent file says it."""
    return otherwise if case.channel is Channel.LINK else case.channel.value


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

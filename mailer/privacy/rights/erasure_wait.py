"""Hold an erasure back while the old mailbox may still undo a change of address.

All mail stops at once: the data are restricted meanwhile, and nobody but the undo lifts that.  Otherwise a
thief could destroy what the owner may still take back.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from mailer.core import i18n
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import old_mailbox, register
from mailer.privacy.cases.register import SERVICE
from mailer.privacy.models import AddressChange, Outcome, RightsEvent, RightsRequest
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.rendering.typography import long_day
from mailer.subscribers import subscribers, suppressions
from mailer.subscribers.models import Subscriber, SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress

ASKED, DONE = register.ERASING, "erased"  # in the case's history
HELD = "mail stopped"  # in the case's history: from here on it waits


def undone() -> Select[UUID]:
    """Select the cases whose erasure was asked for and is not done."""
    open_ = RightsRequest.closed_at.is_(None), RightsRequest.email.is_not(None)
    return select(RightsRequest.id).where(*open_, _step(ASKED), ~_step(DONE))


def waiting(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a case waits until a change of address can no longer be undone."""
    whose = Subscriber.fingerprint == RightsRequest.fingerprint, AddressChange.subscriber_id == Subscriber.id
    return exists().where(*whose, *old_mailbox.undoable(now)) & _step(HELD)


def _step(what: str) -> ColumnElement[bool]:
    return exists().where(RightsEvent.request_id == RightsRequest.id, RightsEvent.what == what)


def hold(db: Session, case: RightsRequest, *, never_again: bool, now: datetime) -> datetime | None:
    """Stop all mail to them, once; return until when the erasure waits, None if it may be done now."""
    fingerprint = case.fingerprint or decisions.NOBODY
    until = old_mailbox.undoable_until(db, fingerprint, now=now)
    if until is None:
        return None
    if never_again:
        suppressions.add_or_strengthen(db, SuppressedAddress(fingerprint, SuppressionReason.ERASED, now))
    if all(step.what != HELD for step in register.history(db, case)):
        _stop(db, case, fingerprint, until, now)
    return until


def _stop(db: Session, case: RightsRequest, fingerprint: bytes, until: datetime, now: datetime) -> None:
    subscriber = subscribers.by_fingerprint(db, fingerprint, lock=True)
    by_us = subscriber is not None and subscribers.restrict(subscriber, at=now)
    if subscriber and not by_us:
        subscribers.keep_restricted(subscriber)
    decisions.write(db, Decision.RESTRICTION, fingerprint)
    day = register.today(until)
    register.note(db, case, HELD, SERVICE, now, restricted=by_us, until=day.isoformat())
    words = i18n.words("cases", case.locale)["erasure_waits"].format(day=long_day(day, case.locale))
    register.tell(db, case, NoticeKind.LETTER, SERVICE, now, words=words)
    old_mailbox.tell_of_act(db, fingerprint, now=now)


def is_held(db: Session, fingerprint: bytes) -> bool:
    """Return whether an erasure of theirs waits: then nobody lifts the restriction."""
    theirs = undone().where(RightsRequest.fingerprint == fingerprint, _step(HELD))
    return db.scalar(theirs.limit(1)) is not None


def withdraw(db: Session, subscriber: Subscriber, *, now: datetime) -> None:
    """Give up the erasures that wait at the address somebody is taken back from, and what stopped their mail.

    A wish never to be written to again, and a restriction that they had asked for, stay.
    """
    theirs = undone().where(RightsRequest.fingerprint == subscriber.fingerprint)
    for case in db.scalars(select(RightsRequest).where(RightsRequest.id.in_(theirs)).with_for_update()).all():
        held = next((step for step in register.history(db, case) if step.what == HELD), None)
        if held and held.details["restricted"]:
            subscribers.lift(subscriber)
            decisions.write(db, Decision.RESTRICTION_LIFTED, subscriber.fingerprint)
        register.close(db, case, Outcome.WITHDRAWN, by=SERVICE, now=now)

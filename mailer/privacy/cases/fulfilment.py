"""Compare how staff mean to end a case with what the ledger, the consent file and its history say.

A case is done, not only answered: "you are unsubscribed" is written to nobody who still is subscribed.
"""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from mailer.core.i18n import Explained
from mailer.newsletters.models import Newsletter
from mailer.privacy.models import AddressChange, Outcome, Right, RightsEvent, RightsRequest
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)

CORRECTED, UNSUBSCRIBED, OBJECTED = "corrected", "unsubscribed", "objected"  # steps of a case's history…
RESTRICTED, DRAWN = "restricted", "drawn"  # …that say what was done in it


class NotDone(Explained):
    """Say that a case cannot end so: what it says was done was not, or what is held contradicts it."""

    sentences = "cases", "not_done"


def check(db: Session, case: RightsRequest, outcome: Outcome) -> None:
    """Raise NotDone where that outcome would say what the ledger or the file does not."""
    if outcome is Outcome.NOTHING_HELD and _is_held(db, case):
        raise NotDone("held")
    if outcome is Outcome.GRANTED and case.right in _CHECKS:
        if case.fingerprint is None and case.right is not Right.UNCLEAR:
            raise NotDone("no_address")
        _CHECKS[case.right](db, case)


def _unclear(_: Session, __: RightsRequest) -> None:
    raise NotDone("unclear")


def _withdrawal(db: Session, case: RightsRequest) -> None:
    """Check that what the person was to be unsubscribed from is over."""
    named = {UUID(each) for step in _steps(db, case, UNSUBSCRIBED) for each in step.details["newsletters"]}
    active = Subscription.state == SubscriptionState.ACTIVE, Subscriber.fingerprint == case.fingerprint
    joined = select(Newsletter.id, Newsletter.name).join(
        Subscription, Subscription.newsletter_id == Newsletter.id
    )
    received = db.execute(
        joined.join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(*active)
        .order_by(Newsletter.name)
    )
    still = [name for newsletter_id, name in received if not named or newsletter_id in named]
    if still:
        raise NotDone("withdrawal", newsletters=", ".join(still))


def _objection(db: Session, case: RightsRequest) -> None:
    mine = Suppression.fingerprint == case.fingerprint, Suppression.reason == SuppressionReason.OBJECTED
    if not _is(db, *mine):
        raise NotDone("objection")


def _restriction(db: Session, case: RightsRequest) -> None:
    restricted = Subscriber.fingerprint == case.fingerprint, Subscriber.restricted_at.is_not(None)
    if not (_is(db, *restricted) or _steps(db, case, RESTRICTED) or _done_elsewhere(db, case)):
        raise NotDone("restriction")


def _rectification(db: Session, case: RightsRequest) -> None:
    """Check that nothing waits for a new mailbox; whoever is no subscriber has nothing to correct here."""
    waiting = AddressChange.request_id == case.id, AddressChange.confirmed_at.is_(None)
    if _is(db, *waiting):
        raise NotDone("unconfirmed_address")
    known = _is(db, Subscriber.fingerprint == case.fingerprint)
    if known and not (_steps(db, case, CORRECTED) or _done_elsewhere(db, case)):
        raise NotDone("rectification")


def _erasure(db: Session, case: RightsRequest) -> None:
    """Check that it was done in another case: one in which it is asked for closes by itself."""
    if _is(db, Subscriber.fingerprint == case.fingerprint) or not _done_elsewhere(db, case):
        raise NotDone("erasure")


def _handed_over(db: Session, case: RightsRequest) -> None:
    """Check that the person was given what is held: a file that staff drew up, or their own session."""
    drawn = (step.details["right"] for step in _steps(db, case, DRAWN))
    if case.right not in drawn and not _done_elsewhere(db, case):
        raise NotDone(case.right)


_CHECKS: dict[Right, Callable[[Session, RightsRequest], None]] = {
    Right.UNCLEAR: _unclear,
    Right.WITHDRAWAL: _withdrawal,
    Right.OBJECTION: _objection,
    Right.RESTRICTION: _restriction,
    Right.RECTIFICATION: _rectification,
    Right.ERASURE: _erasure,
    Right.ACCESS: _handed_over,
    Right.PORTABILITY: _handed_over,
}


def _is_held(db: Session, case: RightsRequest) -> bool:
    """Return whether anything but requests is kept of the person."""
    if case.fingerprint is None:
        return False
    columns = Subscriber.fingerprint, ConsentPayload.fingerprint, Suppression.fingerprint
    return any(_is(db, column == case.fingerprint) for column in columns)


def _done_elsewhere(db: Session, case: RightsRequest) -> bool:
    """Return whether the person exercised this right since, by a link to their mailbox or in another case."""
    return _is(
        db, RightsRequest.fingerprint == case.fingerprint, RightsRequest.right == case.right,
        RightsRequest.id != case.id, RightsRequest.outcome == Outcome.GRANTED,
        RightsRequest.closed_at >= case.received_at,
    )  # fmt: skip


def _steps(db: Session, case: RightsRequest, what: str) -> list[RightsEvent]:
    mine = RightsEvent.request_id == case.id, RightsEvent.what == what
    return list(db.scalars(select(RightsEvent).where(*mine)))


def _is(db: Session, *where: ColumnElement[bool]) -> bool:
    return db.scalar(select(exists().where(*where))) or False

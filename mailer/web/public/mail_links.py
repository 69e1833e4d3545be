"""Door: the links of mails: confirm, leave, come back.

No page here has a session or a cookie, and no GET or HEAD changes anything: robots follow every link
of a mail.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from flask import Blueprint, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from sqlalchemy.orm import Session

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.i18n import labels
from mailer.core.settings import settings
from mailer.core.tokens import BadToken, ExpiredToken, Purpose
from mailer.delivery import reports
from mailer.delivery.reports import Addressee
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.subscribers import recipients, subscribers, subscriptions, suppressions
from mailer.subscribers.models import (
    DepartureReason,
    Subscriber,
    Subscription,
)
from mailer.subscribers.preferences import still_theirs
from mailer.subscribers.subscriptions import CONFIRM_WITHIN, Confirmation
from mailer.web.public.home import were_shown, wording_of
from mailer.web.security import limiter, private

links = Blueprint("links", __name__)
FOR_EVER = timedelta(days=36_500)
Act = Callable[..., Confirmation]


links.after_request(private)


@links.get("/confirm/<token>")
def ask_to_confirm(token: str) -> ResponseReturnValue:
    return _ask(token, Purpose.CONFIRM, "confirm.html")


@links.post("/confirm/<token>")
@limiter.limit("60 per minute")
def confirm(token: str) -> ResponseReturnValue:
    return _act(token, Purpose.CONFIRM, subscriptions.confirm, "confirm.html")


@links.get("/back/<token>")
def ask_to_come_back(token: str) -> ResponseReturnValue:
    return _ask(token, Purpose.UNDO, "back.html")


@links.post("/back/<token>")
@limiter.limit("60 per minute")
def come_back(token: str) -> ResponseReturnValue:
    return _act(token, Purpose.UNDO, subscriptions.renew, "back.html")


def _ask(token: str, purpose: Purpose, template: str) -> ResponseReturnValue:
    """Show the question, if it still makes sense: what has become of the subscription since answers it."""
    with transaction() as db:
        subscription_id, newsletter, fault = _read(db, token, purpose)
        subscription = db.get(Subscription, subscription_id) if subscription_id else None
        told = _told(db, subscription, purpose)
        received = subscription is not None and subscriptions.received(db, subscription)
        pause = _pause(db, subscription)
    if fault or subscription is None or newsletter is None:
        return _said(fault or Confirmation.GONE, newsletter)
    if told:
        return _said(told, newsletter, pause)
    wording = wording_of(newsletter.name)
    return render_template(template, newsletter=newsletter, wording=wording, received=received, pause=pause)


def _pause(db: Session, subscription: Subscription | None) -> datetime | None:
    """Return until when the person asked for no letter, which nothing they confirm here changes."""
    theirs = db.get(Subscriber, subscription.subscriber_id) if subscription else None
    until = theirs.paused_until if theirs else None
    return until if until and until > utcnow() else None


def _told(db: Session, subscription: Subscription | None, purpose: Purpose) -> Confirmation | None:
    """Return what there is to say instead of asking."""
    if purpose is Purpose.CONFIRM or subscription is None or subscriptions.is_restricted(db, subscription):
        return subscriptions.unasked(db, subscription)
    return Confirmation.ALREADY if subscriptions.received(db, subscription) else None


def _act(token: str, purpose: Purpose, act: Act, template: str) -> ResponseReturnValue:
    with transaction() as db:
        subscription_id, newsletter, fault = _read(db, token, purpose)
        if subscription_id is None or newsletter is None:
            return _said(fault or Confirmation.GONE, newsletter)
        wording = wording_of(newsletter.name)
        if not were_shown([wording]):
            return _ask(token, purpose, template)
        outcome = act(db, subscription_id, wording=wording, now=utcnow())
        if outcome is Confirmation.CONFIRMED:
            outbox.welcome(db, subscription_id, now=utcnow())
        pause = recipients.pause_ends(db, subscription_id)
    return _said(outcome, newsletter, pause)


def _read(db: Session, token: str, purpose: Purpose) -> tuple[UUID | None, Newsletter | None, str]:
    """Return whose link this is, of which newsletter, and what is wrong with it: "", expired or bad.

    One that went to an older address of theirs, or that they said never again after, is nobody's.
    """
    try:
        (of, slug), signed_at = tokens.dated(purpose, token, max_age=CONFIRM_WITHIN)
    except ExpiredToken as expired:
        return None, newsletters.newsletter(db, expired.value[1]), "expired"
    except BadToken:
        return None, None, "bad"
    subscriber = subscribers.by_subscription(db, UUID(of))
    if subscriber and not (still_theirs(subscriber, signed_at) and _stands(db, subscriber, signed_at)):
        return None, newsletters.newsletter(db, slug), ""
    return UUID(of), newsletters.newsletter(db, slug), ""


def _stands(db: Session, subscriber: Subscriber, signed_at: datetime) -> bool:
    """Return whether no suppression came after the mail; links are signed in whole seconds."""
    barred = suppressions.find(db, subscriber.fingerprint)
    return barred is None or barred.at < signed_at + timedelta(seconds=1)


def _said(outcome: str, newsletter: Newsletter | None, pause: datetime | None = None) -> ResponseReturnValue:
    """Say what became of it; `pause`: until when no letter comes all the same, as the person asked."""
    if outcome == Confirmation.RESTRICTED:
        return render_template("preferences_frozen.html"), 409
    status = {"gone": 410, "expired": 410, "bad": 404}.get(outcome, 200)
    return render_template("confirmed.html", outcome=outcome, newsletter=newsletter, pause=pause), status


# -- leaving ---------------------------------------------------------------------


@links.get("/u/<token>")
def ask_to_leave(token: str) -> ResponseReturnValue:
    with transaction() as db:
        newsletter = _left(_addressee(db, token), db)
    return render_template("leave.html", newsletter=newsletter)


@links.post("/u/<token>")
def leave(token: str) -> ResponseReturnValue:
    """Show the button, and the mailbox's own (RFC 8058): no cookie, no redirect, and the same answer for
    ever.
    """
    channel = "one-click" if request.form.get("List-Unsubscribe") == "One-Click" else "link"
    with transaction() as db:
        found = _addressee(db, token)
        newsletter = _left(found, db)
        theirs = found.subscription_id if found else None
        if subscriptions.withdraw(db, theirs, channel=channel, now=utcnow()) and theirs:
            outbox.goodbye(db, theirs, now=utcnow())
    reasons = labels(DepartureReason, str(get_locale()))
    return render_template("left.html", newsletter=newsletter, token=token, reasons=reasons, thanks=False)


@links.post("/u/<token>/reason")
@limiter.limit("10 per minute")
def tell_why(token: str) -> ResponseReturnValue:
    """Why, if they wish to say: a count by day, which names nobody."""
    reason = request.form.get("reason", "")
    with transaction() as db:
        newsletter = _left(_addressee(db, token), db)
        if newsletter and reason in list(DepartureReason):
            day = utcnow().astimezone(settings().zone).date()
            subscriptions.count_departure(db, newsletter.id, DepartureReason(reason), day)
    return render_template("left.html", newsletter=newsletter, thanks=True)


def _left(found: Addressee | None, db: Session) -> Newsletter | None:
    return newsletters.newsletter(db, found.newsletter_slug) if found else None


def _addressee(db: Session, token: str) -> Addressee | None:
    """Return whom a mail was for; None when an older, restored database does not know.  404 on a forged
    token.
    """
    try:
        return reports.addressee(db, *tokens.read_delivery(Purpose.UNSUBSCRIBE, token))
    except BadToken:
        return _addressee_of_notice(db, token)


def _addressee_of_notice(db: Session, token: str) -> Addressee | None:
    try:
        of, slug = tokens.read(Purpose.LEAVE, token, max_age=FOR_EVER)
    except BadToken:
        abort(make_response(render_template("broken.html"), 404))
    subscription = db.get(Subscription, UUID(of))
    return Addressee(slug, subscription.id if subscription else None)

"""Door: a newsletter's pages for its readers: sign up, confirm, leave, come back, read.

No page here has a session or a cookie, and no GET or HEAD changes anything.
"""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from mailer import tokens
from mailer.db import transaction, utcnow
from mailer.issues import editing
from mailer.issues.blocks import Content
from mailer.issues.calendar import event_ics
from mailer.issues.models import Asset, Issue, Newsletter
from mailer.people import consent
from mailer.people.consent import CONFIRM_WITHIN, Confirmation
from mailer.people.models import Subscription, Wording
from mailer.sending import ledger, notices
from mailer.sending.ledger import Addressee
from mailer.settings import settings
from mailer.tasks import ring
from mailer.tokens import BadToken, ExpiredToken, Purpose
from mailer.web.security import LETTER_CSP, limiter
from mailer.web.signup import SignupForm

public = Blueprint("public", __name__)
YEAR = 31_536_000  # seconds
LATEST = 3


def _newsletter(db: Session, slug: str) -> Newsletter:
    return editing.newsletter(db, slug) or abort(404)


def _wording(newsletter: str) -> Wording:
    return consent.current_wording(newsletter, settings().controller_name, str(get_locale()))


# -- signing up ------------------------------------------------------------------


@public.get("/<slug>/")
def home(slug: str) -> ResponseReturnValue:
    return _home(slug, SignupForm())


@public.post("/<slug>/")
@limiter.limit("10 per minute; 100 per hour")
def sign_up(slug: str) -> ResponseReturnValue:
    """The same statements, answer and page whatever the address: a worker decides."""
    form = SignupForm(request.form)
    if not form.validate():
        return _home(slug, form), 422
    with transaction() as db:
        newsletter = _newsletter(db, slug)
        if not form.is_robot:
            consent.request_signup(
                db, newsletter_id=newsletter.id, email=form.address, name=form.given_name,
                locale=str(get_locale()), wording=_wording(newsletter.name), now=utcnow(),
            )  # fmt: skip
    ring("signups")
    return redirect(url_for("public.check_your_mail", slug=slug), 303)


@public.get("/<slug>/check-your-mail")
def check_your_mail(slug: str) -> ResponseReturnValue:
    with transaction() as db:
        newsletter = _newsletter(db, slug)
    return render_template("check.html", newsletter=newsletter)


def _home(slug: str, form: SignupForm) -> str:
    with transaction() as db:
        newsletter = _newsletter(db, slug)
        latest = editing.published(db, newsletter.id)[:LATEST]
    return render_template(
        "newsletter.html", newsletter=newsletter, form=form, issues=latest, wording=_wording(newsletter.name)
    )


# -- links of notices ------------------------------------------------------------


@public.get("/confirm/<token>")
def ask_to_confirm(token: str) -> ResponseReturnValue:
    return _ask(token, Purpose.CONFIRM, "confirm.html")


@public.post("/confirm/<token>")
@limiter.limit("60 per minute")
def confirm(token: str) -> ResponseReturnValue:
    return _act(token, Purpose.CONFIRM, lambda db, of, _: consent.confirm(db, of, now=utcnow()))


@public.get("/back/<token>")
def ask_to_come_back(token: str) -> ResponseReturnValue:
    return _ask(token, Purpose.UNDO, "back.html")


@public.post("/back/<token>")
@limiter.limit("60 per minute")
def come_back(token: str) -> ResponseReturnValue:
    def renew(db: Session, of: UUID, newsletter: Newsletter) -> Confirmation:
        return consent.renew(db, of, wording=_wording(newsletter.name), now=utcnow())

    return _act(token, Purpose.UNDO, renew)


def _ask(token: str, purpose: Purpose, template: str) -> ResponseReturnValue:
    subscription_id = _subscription_id(token, purpose)
    if isinstance(subscription_id, tuple):
        return subscription_id
    with transaction() as db:
        newsletter = _newsletter_of(db, subscription_id)
    if newsletter is None:
        return render_template("confirmed.html", outcome=Confirmation.GONE, newsletter=None), 410
    wording = _wording(newsletter.name)
    return render_template(template, newsletter=newsletter, wording=wording)


def _act(
    token: str, purpose: Purpose, act: Callable[[Session, UUID, Newsletter], Confirmation]
) -> ResponseReturnValue:
    subscription_id = _subscription_id(token, purpose)
    if isinstance(subscription_id, tuple):
        return subscription_id
    with transaction() as db:
        newsletter = _newsletter_of(db, subscription_id)
        outcome = act(db, subscription_id, newsletter) if newsletter else Confirmation.GONE
        if outcome is Confirmation.CONFIRMED:
            notices.welcome(db, subscription_id, now=utcnow())
    ring("notices")
    status = 410 if outcome is Confirmation.GONE else 200
    return render_template("confirmed.html", outcome=outcome, newsletter=newsletter), status


def _subscription_id(token: str, purpose: Purpose) -> UUID | tuple[str, int]:
    """Whose link this is, or the page that says why it no longer works."""
    try:
        return UUID(tokens.read(purpose, token, max_age=CONFIRM_WITHIN))
    except ExpiredToken:
        return render_template("confirmed.html", outcome="expired", newsletter=None), 410
    except BadToken:
        return render_template("confirmed.html", outcome="bad", newsletter=None), 404


def _newsletter_of(db: Session, subscription_id: UUID) -> Newsletter | None:
    subscription = db.get(Subscription, subscription_id)
    return db.get(Newsletter, subscription.newsletter_id) if subscription else None


# -- leaving ---------------------------------------------------------------------


@public.get("/u/<token>")
def ask_to_leave(token: str) -> ResponseReturnValue:
    with transaction() as db:
        found = _addressee(db, token)
    return render_template("leave.html", found=found)


@public.post("/u/<token>")
def leave(token: str) -> ResponseReturnValue:
    """The button, and the mailbox's own (RFC 8058): no cookie, no redirect, and the same answer for ever."""
    channel = "one-click" if request.form.get("List-Unsubscribe") == "One-Click" else "link"
    with transaction() as db:
        found = _addressee(db, token)
        if found and found.subscription_id:
            left = consent.withdraw(db, found.subscription_id, channel=channel, now=utcnow())
            if left:
                notices.goodbye(db, found.subscription_id, now=utcnow())
    ring("notices")
    return render_template("left.html", found=found)


def _addressee(db: Session, token: str) -> Addressee | None:
    """Whom a copy was for; None when an older, restored database does not know.  404 on a forged token."""
    try:
        return ledger.addressee(db, *tokens.read_delivery(Purpose.UNSUBSCRIBE, token))
    except BadToken:
        abort(404)


# -- reading ---------------------------------------------------------------------


@public.get("/<slug>/archive")
def archive(slug: str) -> ResponseReturnValue:
    with transaction() as db:
        newsletter = _newsletter(db, slug)
        return render_template(
            "archive.html", newsletter=newsletter, issues=editing.published(db, newsletter.id)
        )


@public.get("/<slug>/issues/<uuid:issue_id>")
def issue(slug: str, issue_id: UUID) -> ResponseReturnValue:
    """The letter as everybody may read it: no personal value in it."""
    with transaction() as db:
        page = editing.public_page(db, _published(db, slug, issue_id), settings())
    return Response(page, headers={"Content-Security-Policy": LETTER_CSP})


@public.get("/<slug>/issues/<uuid:issue_id>/agenda/<int:number>.ics")
def event(slug: str, issue_id: UUID, number: int) -> ResponseReturnValue:
    with transaction() as db:
        found = _published(db, slug, issue_id)
    entries = Content.model_validate(found.content).dated_entries()
    if not 1 <= number <= len(entries):
        abort(404)
    url = f"{settings().public_url}/{slug}/issues/{issue_id}"
    host = url.split("/")[2].partition(":")[0]
    body = event_ics(
        entries[number - 1], uid=f"{issue_id}-{number}@{host}", url=url, zone=settings().zone,
        now=found.started_at or utcnow(),
    )  # fmt: skip
    name = _("rendez-vous")
    disposition = f'attachment; filename="{name}-{number}.ics"'
    return Response(body, mimetype="text/calendar", headers={"Content-Disposition": disposition})


@public.get("/assets/<name>")
def asset(name: str) -> ResponseReturnValue:
    with transaction() as db:
        found = db.get(Asset, name.partition(".")[0])
    if found is None:
        abort(404)
    response = Response(found.body, mimetype=found.media_type)
    response.cache_control.public = response.cache_control.immutable = True
    response.cache_control.max_age = YEAR
    return response


def _published(db: Session, slug: str, issue_id: UUID) -> Issue:
    found = editing.get(db, issue_id)
    if found is None or found.started_at is None or found.newsletter.slug != slug:
        abort(404)
    return found

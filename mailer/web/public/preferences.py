"""Door: what a person chooses, behind a fresh link to the address on file.  No session, no cookie."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import Form, RadioField, SelectMultipleField, StringField, ValidationError
from wtforms.validators import Length

from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.i18n import LOCALES
from mailer.core.settings import settings
from mailer.core.tokens import BadToken, Purpose
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.subscribers import preferences as choices
from mailer.subscribers import subscribers
from mailer.subscribers.models import Subscriber
from mailer.subscribers.preferences import LONGEST_PAUSE, OPEN_FOR
from mailer.web.network import network
from mailer.web.public.forms import AddressForm, one_line
from mailer.web.public.home import were_shown, wording_of
from mailer.web.security import LINK_LIMIT, limiter, private

preferences = Blueprint("preferences", __name__)
preferences.after_request(private)
WHICH_DAY = _l("Choisissez un jour à venir, dans l’année.")


class PreferencesForm(Form):  # type: ignore[misc]
    """Say what one may change about oneself."""

    name = StringField(
        validators=[Length(max=80, message=_l("80 caractères au plus, s’il vous plaît.")), one_line]
    )
    locale = RadioField(choices=LOCALES)
    newsletters = SelectMultipleField()
    before = StringField()  # what was received when the page was shown: another tab may have changed it since
    paused_until = StringField()

    def validate_paused_until(self, field: StringField) -> None:
        try:
            self.day = date.fromisoformat(field.data) if field.data else None
        except ValueError:
            raise ValidationError(WHICH_DAY) from None
        if self.day and not first_day() <= self.day <= last_day():
            raise ValidationError(WHICH_DAY)


@preferences.get("/preferences")
def ask() -> ResponseReturnValue:
    return render_template("preferences_ask.html", form=AddressForm())


@preferences.post("/preferences")
@limiter.limit(LINK_LIMIT, key_func=network)
def send_link() -> ResponseReturnValue:
    """Answer alike, with the same statements, whatever the address: a worker decides, later."""
    form = AddressForm(request.form)
    if not form.validate():
        return render_template("preferences_ask.html", form=form), 422
    if not form.is_robot:
        with transaction() as db:
            choices.request(db, email=form.address, now=utcnow())
    return redirect(url_for("preferences.check_your_mail"), 303)


@preferences.get("/preferences/check-your-mail")
def check_your_mail() -> ResponseReturnValue:
    return render_template("check_mailbox.html", asked="preferences", framed=False)


@preferences.get("/preferences/<token>")
def show(token: str) -> ResponseReturnValue:
    """Show a button, and nothing about anybody: mails are passed on, and robots open their links."""
    with transaction() as db:
        subscriber = _whose(db, token)
    return render_template("preferences_open.html", token=token) if subscriber else _over()


@preferences.post("/preferences/<token>/open")
@limiter.limit("60 per minute")
def open_form(token: str) -> ResponseReturnValue:
    with transaction() as db:
        subscriber = _whose(db, token)
        if subscriber is None:
            return _over()
        choices.used(db, subscriber.email, token, now=utcnow())
        if subscriber.restricted_at:
            return render_template("preferences_frozen.html")
        return _page(db, subscriber, _form_of(db, subscriber))


@preferences.get("/preferences/<token>/open")
def open_again(token: str) -> ResponseReturnValue:
    """Show where the other language, or a link kept of the form, leads."""
    return redirect(url_for("preferences.show", token=token))


@preferences.post("/preferences/<token>")
@limiter.limit("60 per minute")
def save(token: str) -> ResponseReturnValue:
    with transaction() as db:
        subscriber = _whose(db, token, late=OPEN_FOR, lock=True)  # a page opened in time may be sent late
        if subscriber is None:
            return _over()
        if subscriber.restricted_at:
            return render_template("preferences_frozen.html"), 409
        listed = newsletters.newsletters(db)
        form = _offering(PreferencesForm(request.form), listed)
        if not (form.validate() and _as_shown(db, subscriber, form, listed)):
            return _page(db, subscriber, form), 422
        _apply(db, subscriber, form, listed)
        return _page(db, subscriber, _form_of(db, subscriber), saved=True)


def _over() -> ResponseReturnValue:
    return render_template("preferences_over.html"), 410


def first_day() -> date:
    """Return the first day a pause may end on: tomorrow, where staff schedule."""
    return utcnow().astimezone(settings().zone).date() + timedelta(days=1)


def last_day() -> date:
    return first_day() + LONGEST_PAUSE


def _whose(
    db: Session, token: str, *, late: timedelta = timedelta(0), lock: bool = False
) -> Subscriber | None:
    """Return whose preferences the link opens; None when it is over, none of ours, or went to an older
    address.
    """
    try:
        found, signed_at = tokens.dated(Purpose.PREFERENCES, token, max_age=choices.KEPT)
    except BadToken:
        return None
    if utcnow() >= _ends(found, signed_at) + late:
        return None
    of = UUID(found[0])
    subscriber = subscribers.locked(db, of) if lock else db.get(Subscriber, of)
    return subscriber if subscriber and choices.still_theirs(subscriber, signed_at) else None


def _ends(found: list[str], signed_at: datetime) -> datetime:
    """Return how long a link lives: an hour, or what it says itself."""
    until = datetime.fromisoformat(found[2]) if len(found) > 2 else signed_at
    return max(signed_at + OPEN_FOR, until)


def _offering(form: PreferencesForm, listed: Sequence[Newsletter]) -> PreferencesForm:
    form.newsletters.choices = [each.slug for each in listed]
    return form


def _form_of(db: Session, subscriber: Subscriber) -> PreferencesForm:
    """As things stand."""
    listed, chosen = newsletters.newsletters(db), choices.chosen(db, subscriber.id)
    until = subscriber.paused_until
    paused = until.astimezone(settings().zone).date() if until and until > utcnow() else None
    form = PreferencesForm(
        name=subscriber.name, locale=subscriber.locale, paused_until=paused,
        newsletters=[each.slug for each in listed if each.id in chosen],
    )  # fmt: skip
    return _offering(form, listed)


def _page(db: Session, subscriber: Subscriber, form: PreferencesForm, *, saved: bool = False) -> str:
    listed = newsletters.newsletters(db)
    return render_template(
        "preferences.html", form=form, saved=saved, newsletters=listed,
        chosen=choices.chosen(db, subscriber.id), first=first_day(), last=last_day(),
        wordings={each.id: wording_of(each.name) for each in listed},
    )  # fmt: skip


def _apply(db: Session, subscriber: Subscriber, form: PreferencesForm, listed: Sequence[Newsletter]) -> None:
    now, before = utcnow(), choices.chosen(db, subscriber.id)
    shown = _shown(form, listed, before)
    name = " ".join((form.name.data or "").split()) or None
    subscribers.correct(subscriber, name=name, locale=form.locale.data)
    subscribers.pause(db, subscriber, _midnight(form.day))
    for each in listed:
        wanted = each.slug in form.newsletters.data
        if wanted is (each.id in shown):
            continue  # left as the page showed it
        if wanted and each.id not in before:
            begun = choices.subscribe(db, subscriber, each.id, wording=wording_of(each.name), now=now)
            outbox.welcome(db, begun, now=now)
        elif not wanted and each.id in before:
            ended = choices.unsubscribe(db, subscriber.id, each.id, now=now)
            if ended:
                outbox.goodbye(db, ended, now=now)
    if before and not choices.chosen(db, subscriber.id):
        choices.end_all(db, subscriber.fingerprint, now=now)


def _as_shown(
    db: Session, subscriber: Subscriber, form: PreferencesForm, listed: Sequence[Newsletter]
) -> bool:
    """Return whether the texts beside what was not received are those of today; else the page says so."""
    shown = _shown(form, listed, choices.chosen(db, subscriber.id))
    same = were_shown(wording_of(each.name) for each in listed if each.id not in shown)
    if not same:
        form.newsletters.errors = [
            _l("Une lettre a changé entre-temps. Vérifiez vos choix, puis enregistrez.")
        ]
    return same


def _shown(form: PreferencesForm, listed: Sequence[Newsletter], now: set[UUID]) -> set[UUID]:
    """Return the letters that were received when the page was shown; beside all others, a wording was."""
    slugs = form.before.data
    return now if slugs is None else {each.id for each in listed if each.slug in slugs.split()}


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), settings().zone) if day else None

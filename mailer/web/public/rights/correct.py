"""Door: in a rights session, what one corrects: name, language, address."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from wtforms import Form, RadioField, StringField
from wtforms.validators import Length

from mailer.core.db import transaction, utcnow
from mailer.core.i18n import LOCALES
from mailer.privacy.rights import rectification
from mailer.web.public.forms import AddressForm, one_line
from mailer.web.public.rights.actions import Situation, back_home, situation
from mailer.web.public.rights.session import mine

corrections = Blueprint("corrections", __name__)


class CorrectionForm(Form):  # type: ignore[misc]
    """Say what changes at once."""

    name = StringField(
        validators=[Length(max=80, message=_l("80 caractères au plus, s’il vous plaît.")), one_line]
    )
    locale = RadioField(choices=LOCALES)


@corrections.get("/correct")
def look() -> ResponseReturnValue:
    with transaction() as db:
        here = situation(db)
    return _page(here, _form_of(here), AddressForm())


@corrections.post("/correct")
def correct() -> ResponseReturnValue:
    form = CorrectionForm(request.form)
    with transaction() as db:
        here = situation(db, lock=True)
        if here.subscriber is None or here.frozen or not form.validate():
            return _page(here, form, AddressForm()), 422
        name = " ".join((form.name.data or "").split()) or None
        rectification.correct(db, mine(), here.subscriber, name=name, locale=form.locale.data, now=utcnow())
    return back_home("correct")


@corrections.post("/address")
def move() -> ResponseReturnValue:
    """Show the same screen, whoever the new address is of."""
    form = AddressForm(request.form)
    with transaction() as db:
        here = situation(db, lock=True)
        if here.subscriber is None or here.frozen or not form.validate():
            return _page(here, _form_of(here), form), 422
        later = rectification.ask(db, mine(), here.subscriber, form.address, now=utcnow())
    return back_home("address_later" if later else "address")


@corrections.get("/address")
def look_again() -> ResponseReturnValue:
    """Show where a reload or the other language leads, once the form was refused."""
    return look()


def _form_of(here: Situation) -> CorrectionForm:
    """As things stand."""
    subscriber = here.subscriber
    return CorrectionForm(name=subscriber.name, locale=subscriber.locale) if subscriber else CorrectionForm()


def _page(here: Situation, form: CorrectionForm, address: AddressForm) -> str:
    return render_template("rights/correct.html", here=here, form=form, address_form=address)

"""Door: in a rights session, the erasure: the address typed once more, and a wish for ever."""

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, ValidationError

from mailer.core.db import transaction, utcnow
from mailer.privacy.cases import old_mailbox
from mailer.privacy.rights import erasure, erasure_certificate
from mailer.privacy.rights.erasure import ErasureWaits
from mailer.privacy.rights.erasure_worker import attempt
from mailer.web.public.forms import AddressForm
from mailer.web.public.rights.entry import COOKIE
from mailer.web.public.rights.session import mine

erasing = Blueprint("erasing", __name__)


class ErasureForm(AddressForm):
    """Take the address, typed once more, so that nobody erases by a slip."""

    never_again = BooleanField()

    def validate_email(self, field: object) -> None:
        super().validate_email(field)
        if self.address != mine().email:
            raise ValidationError(_l("Ce n’est pas l’adresse de cette session. Saisissez-la à l’identique."))


@erasing.get("/erasure")
def consider() -> ResponseReturnValue:
    return _page(ErasureForm())


@erasing.post("/erasure")
def erase() -> ResponseReturnValue:
    """Whole or not at all; the certificate is on the screen, and leaves by mail.  The session is over.

    What cannot be done at once is noted, and tried again until it is.  While another mailbox may undo a
    change of address, mail stops and the erasure waits.
    """
    form = ErasureForm(request.form)
    if not form.validate():
        return _page(form), 422
    with transaction() as db:
        case = erasure.ask(
            db, mine().email, never_again=form.never_again.data, locale=mine().locale, now=utcnow()
        )
    done = attempt(case.id, clock=utcnow)
    if done is None:
        return render_template("rights/erasing.html", number=case.number, until=None), 202
    if isinstance(done, ErasureWaits):
        return render_template("rights/erasing.html", number=case.number, until=done.until), 202
    stays = erasure_certificate.words(str(get_locale()), done)
    answer = make_response(render_template("rights/erased.html", done=done, stays=stays.splitlines()))
    answer.delete_cookie(COOKIE, path="/rights")
    return answer


def _page(form: ErasureForm) -> str:
    """Ask, and say what a recent change of address makes of it."""
    now = utcnow()
    with transaction() as db:
        until = old_mailbox.undoable_until(db, mine().fingerprint, now=now)
        takes_back = bool(old_mailbox.from_here(db, mine().email, now=now))
    return render_template("rights/erasure.html", form=form, until=until, takes_back=takes_back)

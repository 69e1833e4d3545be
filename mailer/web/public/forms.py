"""The sign-up form: an address, perhaps a name, a box that is not ticked.  What was typed is never lost."""

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, Form, StringField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length

from mailer.core import tokens
from mailer.core.address import InvalidAddress, normalise
from mailer.core.tokens import BadToken, Purpose
from mailer.subscribers.consent.models import Wording

FASTEST = timedelta(seconds=2)  # nobody reads the wording and ticks the box in less
KEPT = timedelta(hours=24)  # how long a page may stay open before it is sent


def shown_at(slug: str, wording: Wording, now: datetime) -> str:
    """Sign when the form of a newsletter was shown, and with which text beside its box.

    Anonymous, so that it needs no session.
    """
    return tokens.issue(Purpose.FORM, [slug, now.timestamp(), wording.sha256.hex()])


def one_line(_: Form, field: StringField) -> None:
    """Refuse what no header can hold."""
    if not (field.data or "").isprintable():
        raise ValidationError(_l("Le nom tient sur une ligne, sans caractère spécial."))


class AddressForm(Form):  # type: ignore[misc]
    """Take an address, and a field that people do not see."""

    email = EmailField(validators=[InputRequired(_l("Indiquez votre adresse électronique."))])
    website = StringField()

    def validate_email(self, field: EmailField) -> None:
        try:
            self.address = normalise(field.data or "")
        except InvalidAddress:
            raise ValidationError(
                _l("Cette adresse n’est pas complète : elle s’écrit comme prenom.nom@exemple.fr.")
            ) from None

    @property
    def is_robot(self) -> bool:
        return bool(self.website.data)


class SignupForm(AddressForm):
    """Take a sign-up, anonymous: no session, hence no CSRF token."""

    name = StringField(
        validators=[Length(max=80, message=_l("80 caractères au plus, s’il vous plaît.")), one_line]
    )
    consent = BooleanField(
        validators=[DataRequired(_l("Cochez la case : sans votre consentement, nous ne vous écrirons pas."))]
    )
    shown = StringField()
    again = False  # it has to be sent once more, as it is
    too_fast = False  # because it came sooner than anybody reads

    @property
    def given_name(self) -> str | None:
        return " ".join((self.name.data or "").split()) or None

    def was_read(self, slug: str, wording: Wording, now: datetime) -> bool:
        """Return whether a page of ours with this text was shown, long enough to be read, and not too long
        ago.
        """
        try:
            of, at, sha256 = tokens.read(Purpose.FORM, self.shown.data or "", max_age=KEPT)
        except (BadToken, ValueError):  # or of an older version
            self.again = True
        else:
            same = (of, sha256) == (slug, wording.sha256.hex())
            self.too_fast = same and now.timestamp() - at < FASTEST.total_seconds()
            self.again = not same or self.too_fast
        return not self.again

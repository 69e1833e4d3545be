"""The sign-up form: an address, perhaps a name, a box that is not ticked.  What was typed is never lost."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, Form, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from mailer.people.address import InvalidAddress, normalise


class SignupForm(Form):  # type: ignore[misc]
    """Anonymous: no session, hence no CSRF token."""

    email = EmailField(validators=[InputRequired(_l("Indiquez votre adresse électronique."))])
    name = StringField(validators=[Length(max=80, message=_l("80 caractères au plus, s’il vous plaît."))])
    consent = BooleanField(
        validators=[InputRequired(_l("Cochez la case : sans votre accord, nous ne vous écrirons pas."))]
    )
    website = StringField()  # people do not see it

    def validate_email(self, field: EmailField) -> None:
        try:
            self.address = normalise(field.data or "")
        except InvalidAddress:
            raise ValidationError(
                _l("Cette adresse n’est pas complète : elle s’écrit comme prenom.nom@exemple.fr.")
            ) from None

    def validate_name(self, field: StringField) -> None:
        if not (field.data or "").isprintable():
            raise ValidationError(_l("Le nom tient sur une ligne, sans caractère spécial."))

    @property
    def given_name(self) -> str | None:
        return " ".join((self.name.data or "").split()) or None

    @property
    def is_robot(self) -> bool:
        return bool(self.website.data)

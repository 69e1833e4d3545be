"""Write the texts that people agree to, and keep each one that was shown."""

import hashlib

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.subscribers.consent.models import ConsentPayload, Wording

FORM_VERSION = "2026-11-29"


WORDINGS = {
    "fr": (
        "J’accepte de recevoir «\u00a0{newsletter}\u00a0» par courriel. Expéditeur\u00a0: {controller}. "
        "Je peux me désinscrire à tout moment, par le lien présent dans chaque envoi."
    ),
    "en": (
        "I agree to receive “{newsletter}” by email. Sender: {controller}. "
        "I can unsubscribe at any time, through the link in every mailing."
    ),
}


KEEPING = {
    "fr": (
        "Je veux continuer à recevoir vos lettres par courriel. Expéditeur\u00a0: {controller}. "
        "Je peux me désinscrire à tout moment, par le lien présent dans chaque envoi."
    ),
    "en": (
        "I want to keep receiving your newsletters by email. Sender: {controller}. "
        "I can unsubscribe at any time, through the link in every mailing."
    ),
}


TESTING = {
    "fr": (
        "J’accepte de recevoir par courriel les numéros de «\u00a0{newsletter}\u00a0» avant leur envoi, "
        "pour les relire. Expéditeur\u00a0: {controller}. Je peux arrêter à tout moment, par le lien présent "
        "dans chaque essai."
    ),
    "en": (
        "I agree to receive the issues of “{newsletter}” by email before they are sent, to read them over. "
        "Sender: {controller}. I can stop at any time, through the link in every test."
    ),
}


def current_wording(newsletter: str, controller: str, locale: str) -> Wording:
    """Return the text beside the sign-up box, as it will be kept if somebody agrees to it."""
    return _wording(WORDINGS[locale].format(newsletter=newsletter, controller=controller), locale)


def keeping_wording(controller: str, locale: str) -> Wording:
    """Return the text that somebody agrees to who stays after years of silence.

    It names no newsletter, since others may see its page.
    """
    return _wording(KEEPING[locale].format(controller=controller), locale)


def testing_wording(newsletter: str, controller: str, locale: str) -> Wording:
    """Return the text that somebody outside agrees to who reads issues before they are sent."""
    return _wording(TESTING[locale].format(newsletter=newsletter, controller=controller), locale)


def _wording(text: str, locale: str) -> Wording:
    digest = hashlib.sha256(text.encode()).digest()
    return Wording(sha256=digest, version=FORM_VERSION, locale=locale, text=text)


def attach(db: Session, payload: ConsentPayload, wording: Wording) -> None:
    """Record in an event which text was shown."""
    keep_wording(db, wording)
    payload.form_version, payload.wording_sha256 = wording.version, wording.sha256


def keep_wording(db: Session, wording: Wording) -> None:
    db.execute(
        insert(Wording)
        .values(sha256=wording.sha256, version=wording.version, locale=wording.locale, text=wording.text)
        .on_conflict_do_nothing()
    )

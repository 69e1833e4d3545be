"""Why a row was refused, for whoever reads the report.  None of these quotes an address."""

from typing import Literal

from mailer.imports.rows import LOCALES, MAX_NAME, MAX_SOURCE, Refused

_SENTENCES: dict[Refused, tuple[str, str]] = {  # in French, in English
    Refused.CELLS: (
        "plus de cellules que la première ligne n’en nomme",
        "more cells than the first line names",
    ),
    Refused.ADDRESS: ("pas une adresse électronique", "not an email address"),
    Refused.NAME: (
        f"le nom dépasse {MAX_NAME} caractères, ou n’est pas du simple texte",
        f"the name is longer than {MAX_NAME} characters, or not plain text",
    ),
    Refused.LOCALE: (
        f"la langue doit être l’une de celles-ci : {', '.join(LOCALES)}",
        f"the locale must be one of {', '.join(LOCALES)}",
    ),
    Refused.SOURCE: (
        f"l’origine manque, dépasse {MAX_SOURCE} caractères, ou n’est pas du simple texte",
        f"the source is missing, longer than {MAX_SOURCE} characters, or not plain text",
    ),
    Refused.NO_DATE: (
        "pas de date de consentement : remplissez la colonne consented_at, ou donnez-en une pour tous",
        "no consent date: fill the consented_at column, or give one for the whole file",
    ),
    Refused.BAD_DATE: (
        "date de consentement illisible : écrivez-la 2026-01-31",
        "the consent date is unreadable: write it 2026-01-31",
    ),
    Refused.FUTURE: ("la date de consentement est à venir", "the consent date is in the future"),
    Refused.AWAITS: (
        "n’a jamais confirmé son inscription là d’où vient le fichier",
        "never confirmed where the file comes from",
    ),
    Refused.SUPPRESSED: (
        "cette personne est sur la liste d’opposition : elle seule peut en sortir, en s’inscrivant",
        "this person is on the suppression list: only they can lift it, by signing up",
    ),
    Refused.WITHDRAWN: (
        "cette personne s’est désinscrite, ou ses données ont été effacées, après ce consentement",
        "this person unsubscribed, or was erased, after that consent",
    ),
    Refused.LEFT: (
        "désinscrite là d’où vient le fichier : ce refus est noté ici",
        "unsubscribed where the file comes from: this no is recorded here",
    ),
    Refused.BARRED: (
        "écartée de tout envoi là d’où vient le fichier : inscrite ici sur la liste d’opposition",
        "barred from every mailing where the file comes from: put on the suppression list here",
    ),
    Refused.OUTDATED: (
        "désinscrite là d’où vient le fichier, mais inscrite ici depuis : rien ne change",
        "unsubscribed where the file comes from, but subscribed here since: nothing changes",
    ),
}


def sentence(reason: str, locale: Literal["fr", "en"]) -> str:
    """Return what is wrong with a row, in words.  Raises ValueError on what is no reason."""
    return _SENTENCES[Refused(reason)][0 if locale == "fr" else 1]

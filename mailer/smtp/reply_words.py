"""Put an SMTP reply in words that people read.  Pure."""

import re
from collections.abc import Mapping

from mailer.core.i18n import words

_REPLY = re.compile(r"(?P<code>[2-5]\d\d)(?:[ -]+(?P<enhanced>[245]\.\d{1,3}\.\d{1,3}))?(?:\s|\Z)")


def in_words(said: str, locale: str) -> str | None:
    """Return what a reply means, in that language; None when the text begins with no SMTP code.

    `said` is a reply on one line, as `replies.said` writes it: 550 5.1.1 no such user.  It is read by its
    enhanced status (RFC 3463), else by its code (RFC 5321), else by its class: not now, or never.
    """
    found = _REPLY.match(said)
    if found is None:
        return None
    meanings: Mapping[str, str] = words("smtp", locale)["replies"]
    return next(meanings[key] for key in _keys(found["code"], found["enhanced"] or "") if key in meanings)


def _keys(code: str, enhanced: str) -> tuple[str, ...]:
    """Return under what a meaning may stand, the closest first; the class of a code always has one."""
    kind, _, status = enhanced.partition(".")
    group = status.partition(".")[0]
    return f"{kind}.{group}.x", status, f"{group}.x", code, f"{code[0]}xx"


def explained(said: str, locale: str) -> str:
    """Return a reply's meaning with the reply itself, for whoever runs the service; another text as it is."""
    meaning = in_words(said, locale)
    return (
        said
        if meaning is None
        else str(words("smtp", locale)["explained"]).format(meaning=meaning, reply=said)
    )

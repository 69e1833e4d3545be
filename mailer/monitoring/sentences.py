"""Word an alarm in a reader's language, from the facts that were found.

Our own reasons are codes, which have a label in each language; what a relay, a provider or Python said is
quoted as it was.
"""

import re
from collections.abc import Mapping
from typing import Any

from mailer.core import hold_reasons, i18n
from mailer.monitoring.backlog import Queue
from mailer.monitoring.causes import Cause
from mailer.rendering.typography import typeset
from mailer.smtp.reply_words import in_words

# What delivery/breaker.py says in the relay's place, so that a person may judge it like a refusal.
TOO_BIG = re.compile(r"552 5\.3\.4 the letter weighs (\d+) kB, the relay takes (\d+) kB")
_UNITS = (("days", 1440), ("hours", 60), ("minutes", 1))  # each from two of it on
THEIRS = {"refused", "provider"}  # kinds whose reason is somebody else's words
CODE = {"failing", "set_aside", "contradicted", "evidence"}  # kinds whose reason names a place


def title(kind: str, facts: Mapping[str, Any], locale: str) -> str:
    """Return what it is, in a few words."""
    return _filled(i18n.words("monitoring", locale)["titles"][kind], kind, facts, locale)


def sentence(kind: str, facts: Mapping[str, Any], locale: str) -> str:
    """Return what it is, and what to do, on one line."""
    return _filled(i18n.words("monitoring", locale)[kind], kind, facts, locale)


def duration(minutes: int, locale: str) -> str:
    """Return how long something lasted: in minutes up to two hours, in hours up to two days, then in days."""
    units = i18n.words("monitoring", locale)["duration"]
    unit, length = next((unit, length) for unit, length in _UNITS if minutes >= 2 * length or length == 1)
    return typeset(units[unit], locale).format(n=minutes // length)


def _filled(template: str, kind: str, facts: Mapping[str, Any], locale: str) -> str:
    worded: dict[str, Any] = dict(facts)
    if "reason" in facts:
        worded["reason"] = _reason(kind, str(facts["reason"]), locale)
    if "queue" in facts:
        worded["queue"] = i18n.label(Queue(facts["queue"]), locale)
    if "cause" in facts:
        worded["cause"] = _cause(Cause(facts["cause"]), str(facts.get("detail", "")), locale)
    for name in {"minutes", "limit"} & facts.keys():
        worded[name] = duration(int(facts[name]), locale)
    return typeset(template, locale).format(**worded)


def reason(text: str, locale: str) -> str:
    """Return why something of ours is on hold; whatever is not a reason of ours is quoted."""
    known = hold_reasons.read(text)
    if known is None:
        return _quoted(text, locale) if text else i18n.words("monitoring", locale)["unsaid"]
    label = typeset(i18n.label(known[0], locale), locale)
    place, _, theirs = known[1].partition(", ")
    words = [part for part in (_place(place), _quoted(theirs, locale) if theirs else "") if part]
    return f"{label}, {', '.join(words)}" if words and known[0] in hold_reasons.UNUSABLE else label


def refusal(text: str, locale: str) -> str:
    """Return what a relay's reply means, and the reply as a quotation; what the service says in its place."""
    if big := TOO_BIG.fullmatch(text):
        return _too_big(big, locale)
    meaning, quoted = in_words(text, locale), _quoted(text, locale)
    return f"{typeset(meaning, locale)}, {quoted}" if meaning else quoted


def _reason(kind: str, text: str, locale: str) -> str:
    if kind == "erasure":
        return text  # how many
    if kind in CODE:
        return f"`{text}`"
    if kind in THEIRS:
        return refusal(text, locale)
    return reason(text, locale)


def _too_big(big: re.Match[str], locale: str) -> str:
    words = typeset(i18n.words("monitoring", locale)["too_big"], locale)
    return str(words.format(size=big[1], limit=big[2]))


def _cause(cause: Cause, detail: str, locale: str) -> str:
    """Return the likely cause; its detail is a hold's reason where there is one."""
    held = cause in {Cause.RELAY, Cause.JOURNAL, Cause.DKIM, Cause.INBOX}
    label = typeset(i18n.label(cause, locale), locale)
    return label.format(detail=reason(detail, locale) if held else detail)


def _place(text: str) -> str:
    """Return a server's name and port as code, so that no space comes into it."""
    return f"`{text}`" if text else ""


def _quoted(text: str, locale: str) -> str:
    return typeset(i18n.words("monitoring", locale)["quoted"], locale).format(text=text)

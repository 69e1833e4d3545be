"""Read a complaint: a feedback report (RFC 5965), with the message, its headers alone, or neither.  Pure.

Those of before the RFC, and of Microsoft, name the recipient in a header of their own.
"""

import re

from mailer.outcomes import returned
from mailer.outcomes.addresses import addresses_in, is_role, stated
from mailer.outcomes.incoming import Incoming
from mailer.outcomes.report import AddressOutcome, Meaning
from mailer.outcomes.signs import signs

_REPORT = "message/feedback-report"
_FIELD = re.compile(r"^([A-Za-z][A-Za-z-]{2,40}):[ \t]*(.*)$", re.MULTILINE)
_RECIPIENT_FIELDS = ("original-rcpt-to", "removal-recipient", "original-recipient", "final-recipient")
_MICROSOFT = ("x-hmxmroriginalrecipient", "x-complaint-recipient")
_MEANINGS = {"auth-failure": Meaning.AUTHENTICATION, "virus": Meaning.CONTENT}
_PRAISE = "not-spam"
_REDACTED = re.compile(r"(?:redacted|removed|hidden|undisclosed|anonym|x{3,}|\*{2,})", re.IGNORECASE)


def is_complaint(incoming: Incoming) -> bool:
    """Return whether a mail reports that somebody, or a program for them, complains."""
    if _report_of(incoming):
        return _type(incoming) != _PRAISE
    complains = signs().complaint_subjects.within(incoming.subject) or signs().complaint_sentences.within(
        incoming.opening
    )
    microsoft = any(name in incoming.headers for name in _MICROSOFT)
    return microsoft or (incoming.back is not None and complains and not incoming.is_reply)


def is_praise(incoming: Incoming) -> bool:
    """Return whether a feedback report says that a message was wanted."""
    return bool(_report_of(incoming)) and _type(incoming) == _PRAISE


def outcomes(incoming: Incoming) -> list[AddressOutcome]:
    """Return who complained, as far as the report tells: many providers take the address out."""
    kind = _type(incoming)
    meaning = _MEANINGS.get(kind, Meaning.SPAM)
    return [AddressOutcome(one, meaning, kind or "complaint") for one in _complainants(incoming)]


def _complainants(incoming: Incoming) -> list[str]:
    back = incoming.back
    places = (
        [stated(value) for name in _RECIPIENT_FIELDS for value in _fields(incoming).get(name, ())],
        [stated(value) for name in _MICROSOFT for value in incoming.headers.all(name)],
        [stated(value) for name in _MICROSOFT for value in (back.all(name) if back else ())],
        incoming.addressed,
        returned.handed_to(back) if back else [],
    )
    for place in places:
        named = [one for one in place if one and not _REDACTED.match(one) and one not in incoming.never]
        if named:
            return list(dict.fromkeys(one for one in named if not is_role(one) or len(named) == 1))
    return []


def _type(incoming: Incoming) -> str:
    return next(iter(_fields(incoming).get("feedback-type", ())), "").strip().lower()


def _fields(incoming: Incoming) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(_report_of(incoming)[:20_000]):
        fields.setdefault(name.lower(), []).append(value)
    return fields


def _report_of(incoming: Incoming) -> str:
    """Return the fields of the report, also where its part has a wrong kind; "" where there are none."""
    parts = incoming.of_kind(_REPORT)
    if parts:
        return parts[0]
    declared = incoming.mail.parameters.get("report-type", "").lower() == "feedback-report"
    text = incoming.text
    return text if (declared or "x-arf" in incoming.headers) and "eedback-" in text else ""


def identifiers(incoming: Incoming) -> list[str]:
    """Return the lines of the report in which a token of ours may stand."""
    return [value for values in _fields(incoming).values() for value in addresses_in(" ".join(values))]

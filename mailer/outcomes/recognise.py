"""Tell what a mail that came back is, and about whom: the one question the rest of the service asks.  Pure.

In this order: the address of List-Unsubscribe, a feedback report, a delivery status, a receipt or an answer
to an invitation, a bounce in free text, a challenge, the reply of a machine, a mailing; what remains is a
person.
Whatever goes wrong with one mail, the answer is "other", and a person looks at it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from mailer.outcomes import bounce, feedback, incoming, own_tokens
from mailer.outcomes.bounce import Reading
from mailer.outcomes.incoming import Incoming
from mailer.outcomes.report import AddressOutcome, MailKind, Meaning, Ours, Report
from mailer.outcomes.signs import signs

_RECEIPTS = frozenset({"message/disposition-notification", "message/tracking-status"})
_ANSWER = re.compile(r"^METHOD:(?:REPLY|COUNTER|DECLINECOUNTER|REFRESH)\b", re.IGNORECASE | re.MULTILINE)
_LATE = {
    Meaning.UNKNOWN: Meaning.SOFT,
    Meaning.HARD: Meaning.SOFT,
}  # nothing is final while it is still tried
_SHORT = 400  # characters of a mail that may be a single wish


def recognise(raw: bytes, *, keyed: bool = True) -> Report:
    """Return what a mail is.  Bounded in time and memory, and it never fails.

    keyed: the installation's keys are at hand; without them no token can be told to be ours.
    """
    try:
        mail = incoming.read(raw)
        if keyed and own_tokens.unsubscribes(mail.us):
            return Report(MailKind.UNSUBSCRIBE, "list-unsubscribe", ours=own_tokens.ours(mail.us))
        return _report(mail, own_tokens.ours(_identifiers(mail)) if keyed else None)
    except Exception:  # one mail, however odd, must not stop the next; a person reads what is not understood
        return Report(MailKind.OTHER, "unreadable")


def _report(mail: Incoming, ours: Ours | None) -> Report:
    return (
        _complaint(mail, ours)
        or _status(mail, ours)
        or _receipt(mail, ours)
        or _free_text(mail, ours)
        or _reply(mail, ours)
    )


def _identifiers(mail: Incoming) -> Iterator[str]:
    """Return where a token of ours may stand, the surest first."""
    yield from mail.us
    if mail.back:
        for name in ("return-path", "message-id", "list-unsubscribe", "x-envelope-from"):
            yield from mail.back.all(name)
    for name in ("in-reply-to", "references"):
        yield from mail.headers.all(name)
    yield from mail.of_kind("message/feedback-report", "message/delivery-status")
    yield mail.text


def _complaint(mail: Incoming, ours: Ours | None) -> Report | None:
    if feedback.is_praise(mail):
        return Report(MailKind.OTHER, "not-spam", ours=ours)
    if not feedback.is_complaint(mail):
        return None
    outcomes = feedback.outcomes(mail)
    rule = "feedback-report" if "message/feedback-report" in mail.kinds else "complaint"
    return Report(MailKind.COMPLAINT, rule, tuple(outcomes), ours)


def _status(mail: Incoming, ours: Ours | None) -> Report | None:
    """Return what a delivery status tells, unless a person forwards it."""
    if mail.is_reply and not mail.is_from_daemon and mail.mail.kind != "multipart/report":
        return None
    reading = bounce.by_status(mail)
    if reading is None:
        return None
    if reading.delivered:
        return Report(MailKind.OTHER, "delivered", ours=ours)
    return _of(MailKind.DELAY if reading.delayed else MailKind.BOUNCE, reading, ours)


def _receipt(mail: Incoming, ours: Ours | None) -> Report | None:
    if mail.kinds & _RECEIPTS:
        return Report(MailKind.OTHER, "receipt", ours=ours)
    if (
        any(_ANSWER.search(text[:4_000]) for text in mail.of_kind("text/calendar"))
        and not mail.is_from_daemon
    ):
        return Report(MailKind.OTHER, "calendar", ours=ours)
    return None


def _free_text(mail: Incoming, ours: Ours | None) -> Report | None:
    if not bounce.is_report(mail):
        return None
    reading = bounce.by_text(mail)
    late = reading.delayed or (not mail.headers.get("x-failed-recipients") and bounce.is_late(mail))
    return _of(MailKind.DELAY if late else MailKind.BOUNCE, reading, ours)


def _of(kind: MailKind, reading: Reading, ours: Ours | None) -> Report:
    outcomes = reading.outcomes
    if kind is MailKind.DELAY:
        outcomes = [replace(one, meaning=_LATE.get(one.meaning, one.meaning)) for one in outcomes]
    decided = outcomes[0].rule if outcomes else "no-recipient"
    return Report(kind, f"{reading.way}/{decided}", tuple(outcomes), ours)


def _reply(mail: Incoming, ours: Ours | None) -> Report:
    """Return what is left: a challenge, a machine, a mailing or a person."""
    if _challenges(mail):
        asked = tuple(AddressOutcome(one, Meaning.CHALLENGE, "challenge") for one in mail.authors)
        return Report(MailKind.CHALLENGE, "challenge", asked, ours)
    if rule := mail.automatic:
        return Report(MailKind.AUTO_REPLY, rule, ours=ours)
    if rule := _of_nobody(mail):
        return Report(MailKind.OTHER, rule, ours=ours)
    if _wants_to_leave(mail):
        return Report(MailKind.UNSUBSCRIBE, "wish", ours=ours)
    return Report(MailKind.HUMAN, "reply" if mail.is_reply else "mail", ours=ours)


def _of_nobody(mail: Incoming) -> str | None:
    """Return why nobody waits for an answer to a mail, None where a person may."""
    reasons = {
        "program": mail.is_from_daemon and not mail.is_reply,
        "mailing": mail.is_list,
        "no-author": not mail.authors,
    }
    return next((rule for rule, applies in reasons.items() if applies), None)


def _challenges(mail: Incoming) -> bool:
    return not mail.is_list and (
        signs().challenge_sentences.within(mail.opening)
        or (signs().challenge_subjects.within(mail.subject) and (bool(mail.automatic) or mail.is_from_nobody))
    )


def _wants_to_leave(mail: Incoming) -> bool:
    wish = mail.own_words
    return signs().leave_subjects.equal(mail.bare_subject) or (
        len(wish) < _SHORT and signs().leave_subjects.equal(wish.strip(" .!"))
    )

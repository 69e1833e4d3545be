"""Tell whether a mail gives a message up or says that it is late, and what became of whom.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailer.outcomes import classify, delivery_status, free_text, returned
from mailer.outcomes.addresses import addresses_in
from mailer.outcomes.classify import Codes
from mailer.outcomes.delivery_status import RecipientStatus
from mailer.outcomes.incoming import Incoming
from mailer.outcomes.own_tokens import is_ours
from mailer.outcomes.report import AddressOutcome
from mailer.outcomes.signs import signs

STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_SUCCESS = frozenset({"delivered", "relayed", "expanded", "deliverable", "success"})
_DELAYED = frozenset({"delayed", "delay"})
_MOST = 200  # recipients of one mail


@dataclass(frozen=True, slots=True)
class Reading:
    """Hold what a delivery status, or a text, says about recipients."""

    way: str
    outcomes: list[AddressOutcome]
    delayed: bool = False
    delivered: bool = False


# -- is it one? ----------------------------------------------------------------


def is_report(incoming: Incoming) -> bool:
    """Return whether a mail without a usable delivery status comes from a program that gives a message back.

    What counts: who writes, the subject, the sentences such programs use, codes of SMTP, the message itself.
    People quote all of these, so that more is asked of a mail that no daemon wrote.
    """
    if "x-failed-recipients" in incoming.headers or _has_status(incoming):
        return True
    if incoming.is_auto_titled or incoming.is_mailing:
        return False
    subject, sentence = _titled(incoming), _sentenced(incoming)
    if incoming.is_from_daemon:
        return _of_a_daemon(incoming, subject=subject, sentence=sentence)
    return not incoming.is_reply and _of_another(incoming, subject=subject, sentence=sentence)


def _of_another(incoming: Incoming, *, subject: bool, sentence: bool) -> bool:
    copy, codes = incoming.back is not None, _has_codes(incoming)
    if not (copy or codes):
        return False
    if incoming.is_from_nobody:
        return subject or sentence
    if incoming.authors and signs().person.within(incoming.own_words):
        return False
    return subject and (sentence or codes) and (copy or _names_somebody(incoming))


def _has_status(incoming: Incoming) -> bool:
    return not incoming.is_reply and bool(incoming.kinds.intersection(STATUS_PARTS))


def _of_a_daemon(incoming: Incoming, *, subject: bool, sentence: bool) -> bool:
    copy = incoming.back is not None
    if incoming.is_reply:
        return (sentence or subject) and (copy or _names_somebody(incoming))
    if copy and (subject or incoming.is_from_nobody):
        return True
    if _has_codes(incoming) or _names_somebody(incoming, sure=not sentence):
        return True
    return sentence and _is_answered_to(incoming)


def _is_answered_to(incoming: Incoming) -> bool:
    """Return whether it came to a return path, which names a recipient, or comes from nobody."""
    return incoming.is_from_nobody or any(is_ours(one) or free_text.verp(one) for one in incoming.us)


def _names_somebody(incoming: Incoming, *, sure: bool = True) -> bool:
    return bool(_named(incoming, [], sure=sure))


def _titled(incoming: Incoming) -> bool:
    return signs().bounce_subjects.within(incoming.subject) or signs().delay_subjects.within(incoming.subject)


def _sentenced(incoming: Incoming) -> bool:
    return signs().bounce_sentences.within(incoming.opening) or signs().delay_sentences.within(
        incoming.opening
    )


def _has_codes(incoming: Incoming) -> bool:
    codes = classify.codes_in(incoming.text[:20_000])
    return bool(codes.code or codes.status)


def is_late(incoming: Incoming) -> bool:
    """Return whether such a mail says that the message is still being tried."""
    subject = incoming.subject  # of which the end may be our own
    if signs().delay_subjects.within(_before_ours(subject)):
        return True
    over = signs().delay_over.within(incoming.opening) or classify.codes_in(incoming.text).code in range(
        500, 600
    )
    return not over and signs().delay_sentences.within(incoming.opening)


def _before_ours(subject: str) -> str:
    """Return a subject without that of the message it is about."""
    return subject.partition(":")[0] if signs().bounce_subjects.begins(subject) else subject


# -- about whom? ---------------------------------------------------------------


def by_status(incoming: Incoming) -> Reading | None:
    """Return what the delivery status says; None where there is none that names anybody."""
    parts = incoming.of_kind(*STATUS_PARTS)
    rows = [row for part in parts for row in delivery_status.read(part)]
    rows = [row for row in rows if row.addresses]
    return _reading(incoming, rows, "delivery-status") if rows else None


def by_text(incoming: Incoming) -> Reading:
    """Return what the text says: its fields, if it has those of a delivery status, or its sentences."""
    if "final-recipient" in incoming.text.lower():
        rows = [row for row in delivery_status.read(incoming.text) if row.addresses]
        if rows:
            return _reading(incoming, rows, "status-in-text")
    way, passages = _passages(incoming)
    alone = len(passages) == 1
    outcomes = [
        _by_passage(incoming, passage.address, passage.text, alone=alone) for passage in passages[:_MOST]
    ]
    return Reading(way, _theirs(incoming, outcomes))


def _reading(incoming: Incoming, rows: list[RecipientStatus], way: str) -> Reading:
    failed = [row for row in rows if row.action not in _SUCCESS | _DELAYED and not _is_success(row)]
    delayed = [row for row in rows if row.action in _DELAYED]
    kept = failed or delayed
    everybody = dict.fromkeys(address for row in kept[:_MOST] for address in row.addresses)
    around = free_text.about(incoming.text, everybody)
    outcomes = [_by_row(incoming, row, address, around) for row in kept[:_MOST] for address in row.addresses]
    return Reading(way, _theirs(incoming, outcomes), delayed=not failed and bool(delayed), delivered=not kept)


def _is_success(row: RecipientStatus) -> bool:
    return not row.action and row.status.startswith("2")


def _by_row(incoming: Incoming, row: RecipientStatus, address: str, around: dict[str, str]) -> AddressOutcome:
    codes = classify.codes_in(row.diagnostic or around[address], row.status)
    texts = [row.diagnostic, around[address]]
    if codes.code is None and len(around) <= 2:
        texts.append(incoming.text)
    return _outcome(address, texts, codes)


def _by_passage(incoming: Incoming, address: str, text: str, *, alone: bool) -> AddressOutcome:
    codes = classify.codes_in(text)
    unclear = not codes.code and not codes.status
    if unclear:
        codes = classify.codes_in(incoming.text)
    nearest, _, more = text.partition("\n\n")
    wider = [incoming.text] if alone or unclear else []
    return _outcome(address, [nearest, more, *wider], codes)


def _outcome(address: str, texts: list[str], codes: Codes) -> AddressOutcome:
    judgement = classify.judge([text for text in texts if text], codes)
    return AddressOutcome(address, judgement.meaning, judgement.rule, codes.status or None, codes.code)


def _passages(incoming: Incoming) -> tuple[str, list[free_text.Passage]]:
    """Return by what the recipients are known, and the lines about each."""
    stated = [one for value in incoming.headers.all("x-failed-recipients") for one in addresses_in(value)]
    if stated:
        return "x-failed-recipients", _with_lines(incoming, stated)
    verps = [name for one in incoming.us if not is_ours(one) and (name := free_text.verp(one))]
    for way, passages in (
        ("text", _named(incoming, verps, sure=True)),
        ("return-path", _with_lines(incoming, verps[:1])),
        ("returned-message", _alone(incoming, incoming.addressed)),
        ("returned-message", _alone(incoming, returned.handed_to(incoming.back) if incoming.back else [])),
        ("text", _named(incoming, verps, sure=False)),
    ):
        if passages:
            return way, passages
    return "text", []


def _named(incoming: Incoming, verps: list[str], *, sure: bool) -> list[free_text.Passage]:
    known, never = [*incoming.addressed, *verps], incoming.never
    return free_text.passages(incoming.text, addressed=known, never=never, sure=sure)


def _alone(incoming: Incoming, addresses: list[str]) -> list[free_text.Passage]:
    """Return whom our message went to, if that was one person: of several, the text would have to say who."""
    theirs = {one for one in addresses if one not in incoming.us}
    return _with_lines(incoming, theirs) if len(theirs) == 1 else []


def _with_lines(incoming: Incoming, addresses: Iterable[str]) -> list[free_text.Passage]:
    around = free_text.about(incoming.text, dict.fromkeys(addresses))
    return [free_text.Passage(one, text) for one, text in around.items()]


def _theirs(incoming: Incoming, outcomes: list[AddressOutcome]) -> list[AddressOutcome]:
    """Return each address once, and ours only where no other remains."""
    once = {one.address: one for one in reversed(outcomes)}
    kept = [one for one in reversed(once.values()) if not is_ours(one.address)]
    others = [one for one in kept if one.address not in incoming.never]
    return others or kept

"""Find who was not reached in a text that people are meant to read, and the lines about each.  Pure.

Half of what comes back has no delivery status that can be used.  Programs then name a recipient at the start
of a line (qmail, Exim, Sendmail), after a label, in the command that was refused, or in the reply itself.  An
address counts by where it stands, and more if our message was addressed to it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from mailer.outcomes.addresses import ADDRESS, addresses_in, is_role
from mailer.outcomes.signs import words

_MOST_LINES, _MOST_ADDRESSES = 1_500, 300
_PASSAGE = 14  # lines about one address
_OWN_LINE = re.compile(
    r"[\s>|*•\-–.\d)\"'(\[]{0,40}(?:smtp:|rfc822;|mailto:|to:|<|\[|\(){0,3}\s{0,4}['\"]?$", re.IGNORECASE
)
_NAMED_LINE = re.compile(r"[\s*•-]{0,20}[^@<>():=]{1,60}[<(\[]$")
_COMMAND = re.compile(r"rcpt to:\s{0,4}<?$", re.IGNORECASE)
_FIELD = re.compile(r"(?:final|original|failed|actual)[- ]recipients?\s{0,4}:.{0,20}$", re.IGNORECASE)
_LABELLED = r"(?:\s?\([^)]{0,20}\))?\s{0,8}[:：=]\s{0,20}(?:[^@<>:]{0,60}<|<|\[|'|\")?$"
_RECIPIENT = re.compile(words("recipients") + _LABELLED, re.IGNORECASE)
_LABEL = re.compile(words("labels") + _LABELLED, re.IGNORECASE)
_VERB = re.compile(
    words("verbs") + r"\s{1,4}(?:message\s|mail\s)?" + words("links")
    + r"\s{1,4}(?:the following\s)?[\w.' -]{0,30}[<(\['\"]{0,3}$",
    re.IGNORECASE,
)  # fmt: skip
_REPLY = re.compile(r"(?<![\d.])[45]\d\d(?![\d.])|(?<![\d.])[45]\.\d{1,2}\.\d{1,3}(?![\d.])")
_SENDERS = re.compile(rf"\b{words('senders')}[\s:=<'\"(]{{0,6}}$", re.IGNORECASE)
_VERP = re.compile(r"[+-]?([^+=\s]{1,64})=((?:[a-z0-9_-]{1,63}\.){1,6}[a-z]{2,24})@", re.IGNORECASE)
_REWRITTEN = re.compile(r"(?:srs[01]|prvs|btv1)[=+-]", re.IGNORECASE)  # SRS, BATV: they name the sender
_CERTAIN, _LIKELY, _MENTIONED, _ADDRESSED = 4, 3, 1, 2


@dataclass(frozen=True, slots=True)
class Passage:
    """Hold an address that was not reached, and what the text says of it."""

    address: str
    text: str


@dataclass(slots=True)
class _Mention:
    weight: int
    lines: list[int]


def passages(
    text: str, *, addressed: Collection[str], never: Collection[str], sure: bool = False
) -> list[Passage]:
    """Return the addresses that a text says were not reached.

    addressed: to whom our message was; never: who is no recipient, such as its sender; sure: leave out what
    is only mentioned somewhere.
    """
    lines = text.split("\n")[:_MOST_LINES]
    mentions = _mentions(lines, never, addressed)
    for address in mentions.keys() & set(addressed):
        mentions[address].weight += _ADDRESSED
    least = _LIKELY if sure else 0
    best = max((mention.weight for mention in mentions.values()), default=0)
    if best == _MENTIONED and not sure:
        first = next(one for one, mention in mentions.items() if mention.weight == best)
        return [Passage(first, _about(lines, mentions[first].lines, {}))]
    chosen = {one: m.lines for one, m in mentions.items() if m.weight >= min(max(best, least), _CERTAIN)}
    return [Passage(one, _about(lines, at, chosen)) for one, at in chosen.items()]


def about(text: str, addresses: Collection[str]) -> dict[str, str]:
    """Return the lines of a text about each of some addresses, "" where one is not mentioned."""
    lines = text.split("\n")[:_MOST_LINES]
    mentions = _mentions(lines, (), addresses)
    chosen = {one: mentions[one].lines for one in addresses if one in mentions}
    return {one: _about(lines, chosen[one], chosen) if one in chosen else "" for one in addresses}


def verp(address: str) -> str | None:
    """Return whom a return path of the form list-user=example.org@… names."""
    match = _VERP.search(address)
    if match is None or _REWRITTEN.match(address):
        return None
    local = match[1].rpartition("-")[2] if "-" in match[1] and address.startswith(match[1]) else match[1]
    return f"{local}@{match[2]}".lower()


def _mentions(lines: list[str], never: Collection[str], known: Collection[str]) -> dict[str, _Mention]:
    mentions: dict[str, _Mention] = {}
    for number, line in enumerate(lines):
        for match in ADDRESS.finditer(line[:2_000]):
            address = addresses_in(match[0])[0]
            nobody = address in never or (is_role(address) and address not in known)
            if nobody or len(mentions) >= _MOST_ADDRESSES:
                continue
            weight = _weight(line, line[max(0, match.start() - 100) : match.start()])
            mention = mentions.setdefault(address, _Mention(0, []))
            mention.weight = max(mention.weight, weight)
            mention.lines.append(number)
    return mentions


def _weight(line: str, before: str) -> int:
    """Return how surely an address is a recipient's, by what stands before it on its line."""
    if _SENDERS.search(before):
        return 0
    if any(form.match(before) for form in (_OWN_LINE, _NAMED_LINE)):
        return _CERTAIN
    if any(form.search(before) for form in (_COMMAND, _FIELD, _RECIPIENT)):
        return _CERTAIN
    if any(form.search(before) for form in (_LABEL, _VERB, _REPLY)) or _REPLY.search(line[:2_000]):
        return _LIKELY
    return _MENTIONED


def _about(lines: list[str], at: list[int], chosen: dict[str, list[int]]) -> str:
    """Return the lines from each mention of an address to the next mention of another."""
    others = {line for places in chosen.values() if places is not at for line in places}
    kept: dict[int, None] = {}
    for start in at[:20]:
        for number in range(start, min(start + _PASSAGE, len(lines))):
            if number in others and number not in at:
                break
            kept[number] = None
    return "\n".join(lines[number] for number in sorted(kept))

"""Find what was sent back of our own message: its headers, attached or copied into the text.  Pure."""

import re
from collections.abc import Iterator

from mailer.outcomes import mime
from mailer.outcomes.addresses import addresses_in
from mailer.outcomes.mime import Headers, Part
from mailer.outcomes.signs import words

_COPY = re.compile(
    rf"^[ \t>*=_#|-]{{0,80}}{words('copies')}(?! was\b| has\b| could\b)", re.IGNORECASE | re.MULTILINE
)
_HEADER = re.compile(r"(?:[>|] ?)?([A-Z][A-Za-z0-9-]{1,40}):[ \t]")
_TRANSPORT = frozenset(
    {"received", "return-path", "message-id", "mime-version", "dkim-signature", "x-mailer", "content-type"}
)
_ADDRESSED = frozenset({"from", "to", "subject", "date"})
_QUOTED = re.compile(r"^[>|] ?", re.MULTILINE)
_LONGEST_HEAD = 20_000  # characters of a copy
_NOTHING = 10  # characters that explain nothing
_ENOUGH = 3  # fields in a row that make a header
_TO = (
    "to",
    "cc",
    "x-original-to",
    "delivered-to",
    "envelope-to",
    "x-envelope-to",
    "apparently-to",
    "x-rcpt-to",
)
_FOR = re.compile(r"\bfor <([^<>\s]{3,320})>")
_FROM = (
    "from",
    "sender",
    "return-path",
    "reply-to",
    "errors-to",
    "x-sender",
    "list-owner",
    "x-envelope-from",
    "disposition-notification-to",
)


def attached(mail: Part) -> Headers | None:
    """Return the headers of the message that is attached, whole or by its headers alone."""
    for part in mail.walk():
        if part.kind in mime.HEADERS_ALONE:
            return mime.split_head(part.text().lstrip())[0]
        if part.kind.startswith("message/") and part.parts:
            return part.parts[0].headers
    return None


def parted(text: str) -> tuple[str, Headers | None]:
    """Return a text up to the copy of our message in it, and the headers of that copy.

    A copy at the very top is followed by what explains it, so that all of the text stays.
    """
    start, mark = _header_run(text), _COPY.search(text)
    ends = [start if start is not None else len(text), mark.start() if mark else len(text)]
    after = text[start:] if start is not None else text[mark.end() :].partition("\n")[2] if mark else ""
    headers = mime.split_head(_QUOTED.sub("", after[:_LONGEST_HEAD]).lstrip())[0]
    told = text[: min(ends)]
    return told if len(told.strip()) > _NOTHING else text, headers if _ADDRESSED & set(
        headers.values
    ) else None


def _header_run(text: str) -> int | None:
    """Return where fields of a mail's header stand one below the other, among them one no person writes."""
    start, names = 0, set[str]()
    for at, line in _lines(text):
        match = _HEADER.match(line)
        if match:
            start = start if names else at
            names.add(match[1].lower())
            if len(names) >= _ENOUGH and names & _TRANSPORT and names & _ADDRESSED:
                return start
        elif not line[:1].isspace() or not line.strip():
            names = set()
    return None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def recipients(headers: Headers) -> list[str]:
    """Return to whom a message was addressed."""
    named = [one for field in _TO for value in headers.all(field) for one in addresses_in(value)]
    return list(dict.fromkeys(named))


def handed_to(headers: Headers) -> list[str]:
    """Return for whom relays say they took it, which not every message names in To."""
    return [one for value in headers.all("received") for one in addresses_in(" ".join(_FOR.findall(value)))]


def senders(headers: Headers) -> set[str]:
    """Return the addresses a message came from."""
    return {one for field in _FROM for value in headers.all(field) for one in addresses_in(value)}

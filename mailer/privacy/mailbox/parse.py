"""Parse a mail to the published address: what it is, and what it says.  Pure.

Whoever answers mail by machine must not answer machines (RFC 3834), and must not believe a From line: it
only says where a receipt goes.  The marks of machines prove as little: relays and mail programs add them to
what people write.  So they stop the answer, and a person reads the mail.  An unsubscription is decided by the
signed token in the address it was sent to, which the person's mail program took from List-Unsubscribe.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum

from mailer.core.address import InvalidAddress, normalise
from mailer.privacy.models import Right
from mailer.rendering.plain_text import from_html

LONGEST = 5_000  # characters of what was written that are kept
LONGEST_HEAD = 64_000  # bytes of all headers…
LONGEST_MIME, ALL_MIME = 2_000, 30_000  # …of one Content- header, and of all
PARTS = 2_000  # lines that may part a mail
_MIME = re.compile(rb"^content-[a-z-]+:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_HOPS = 50  # Received lines; more is a loop
_UNSUBSCRIBE = re.compile(r"(?<![a-z0-9])u-([a-z0-9]{40,62})@", re.IGNORECASE)
_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
_LIST_HEADERS = ("List-Id", "List-Unsubscribe", "List-Post", "Mailing-List", "X-Mailing-List", "Feedback-ID")
_AUTORESPONDERS = (
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoreply-From",
    "X-Auto-Response-From",
    "X-Failed-Recipients",
)
_SPAM = ("X-Spam-Flag", "X-Spam-Status", "X-Spam")
_AUTOMATIC = re.compile(r"\s*(r[ée]ponse automatique|automatic reply|auto-?reply|out of office)\b", re.I)
_NOBODY = re.compile(r"(mailer-daemon|postmaster|no-?_?reply|do-?not-?reply|ne-?pas-?repondre)\b")
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{3,250}>")
_QUOTED = re.compile(
    r"^(?:[ \t]*>.*|.{0,20}-{3,} ?(?:Message d.origine|Original Message|Message transféré"
    r"|Forwarded message).*"
    r"|Le .{5,120} a écrit[ \u00a0]?:[ \t\r]*|On .{5,120} wrote:[ \t\r]*|_{20,})$",
    re.MULTILINE,
)
_ENGLISH = re.compile(r"\b(the|you|your|please|and|have|would|want|data|about)\b", re.IGNORECASE)
_FRENCH = re.compile(r"\b(le|la|les|vous|votre|je|mes|veuillez|merci|bonjour|données)\b", re.IGNORECASE)


_ASKED = {
    Right.ACCESS: r"acc[èe]s\b|acc[ée]der|copie de mes|d[ée]tenez|quelles (donn|informations)"
    r"|\baccess\b|copy of my|hold about|what (data|information)",
    Right.PORTABILITY: r"portab",
    Right.RECTIFICATION: r"rectif|corrig|inexact|erron[ée]|nouvelle adresse|chang\w* .{0,20}adresse"
    r"|\bcorrect my|\bupdate my|new address",
    Right.ERASURE: r"effac|supprim|droit [àa] l.oubli|\beras|\bdelet|remove my|forget me",
    Right.RESTRICTION: r"limitation|\bgel(er|ez)\b|\brestrict",
    Right.OBJECTION: r"m.oppose|opposition|\bobject(ion)?\b",
    Right.WITHDRAWAL: r"d[ée]sinscri|d[ée]sabonn|unsubscri|retir\w* .{0,20}consentement|withdraw"
    r"|ne (veux|souhaite|d[ée]sire) plus (recevoir|rien recevoir)|no longer (wish|want)",
    Right.DIRECTIVES: r"d[ée]c[èe]s|d[ée]c[ée]d[ée]|deceased|passed away",
}


class Sort(StrEnum):
    """Name what becomes of a mail."""

    LEAVE = "leave"  # an unsubscription: the token decides
    REQUEST = "request"
    OURS = "ours"  # we wrote it, or it goes round for ever: no case
    UNCLEAR = "unclear"  # a person must look, and nobody is answered before


class Reason(StrEnum):
    """Name why a mail is not answered by itself."""

    AUTOMATIC = "automatic"  # has the marks of an answering machine
    LIST = "list"  # has those of a mailing
    NULL_SENDER = "null_sender"
    LOOP = "loop"
    NOBODY = "nobody"  # an address that by its name reads nothing
    UNREADABLE = "unreadable"
    NO_SENDER = "no_sender"
    NO_TEXT = "no_text"
    SPAM = "spam"  # says the mail server: nobody is answered, and a person may know better
    BAD_TOKEN = "bad_token"  # noqa: S105 -- no password


@dataclass(frozen=True)
class ParsedMail:
    """Hold what was understood of a mail; every field is its sender's claim."""

    sort: Sort
    reason: Reason | None = None
    message_id: str | None = None
    sender: str | None = None
    written_by: str = ""  # the From line as it stands
    subject: str = ""
    text: str = ""
    locale: str = "fr"
    token: str | None = None
    answers: tuple[str, ...] = ()  # the Message-IDs it says it answers, the nearest first
    attachments: int = 0


def read(raw: bytes, ours: Collection[str]) -> ParsedMail:
    """Return what a mail is.

    `ours`: the normalised addresses we write from; a mail from one of them is a loop.
    """
    if _costly(raw):
        return ParsedMail(Sort.UNCLEAR, Reason.UNREADABLE)
    try:
        return _read(message_from_bytes(raw, policy=policy.default), ours)
    except Exception:  # the parser raises whatever a header that no mail program wrote makes it stumble on
        return ParsedMail(Sort.UNCLEAR, Reason.UNREADABLE)


def right_of(mail: ParsedMail) -> Right:
    """Return the one right it asks for; UNCLEAR when it is none or several: a person reads it."""
    text = f"{mail.subject}\n{mail.text}"
    asked = [right for right, words in _ASKED.items() if re.search(words, text, re.IGNORECASE)]
    return asked[0] if len(asked) == 1 else Right.UNCLEAR


def _costly(raw: bytes) -> bool:
    """Return whether it would take long to parse: that time grows with the square of a header's length."""
    head = min((at for end in (b"\n\n", b"\r\n\r\n") if (at := raw.find(end)) >= 0), default=len(raw))
    mime = [len(header[0]) for header in _MIME.finditer(raw)]
    parts = raw.count(b"\n--")
    return head > LONGEST_HEAD or max(mime, default=0) > LONGEST_MIME or sum(mime) > ALL_MIME or parts > PARTS


def _read(mail: EmailMessage, ours: Collection[str]) -> ParsedMail:
    sender, text = _sender(mail), _text(mail)
    token = _token(mail)
    reason = None if token else _machine(mail, sender, ours) or _unclear(mail, sender, text)
    sort = Sort.LEAVE if token else Sort.REQUEST
    if reason:
        sort = Sort.OURS if reason is Reason.LOOP else Sort.UNCLEAR
    return ParsedMail(
        sort, reason, _one_id(mail["Message-ID"]), sender, _line(", ".join(mail.get_all("From", []))),
        _line(mail["Subject"]), text, _locale(f"{_line(mail['Subject'])} {text}"), token,
        tuple(_answered(mail)), sum(1 for _ in mail.iter_attachments()),
    )  # fmt: skip


def _token(mail: EmailMessage) -> str | None:
    """Return the token in the address that an unsubscription was sent to."""
    for name in _RECIPIENT_HEADERS:
        for value in mail.get_all(name, []):
            if match := _UNSUBSCRIBE.search(str(value)):
                return match[1].lower()
    return None


def _machine(mail: EmailMessage, sender: str | None, ours: Collection[str]) -> Reason | None:
    """Return why it is not answered: nobody would read it, or a machine would answer (RFC 3834, 2)."""
    automatic = (
        str(mail.get("Auto-Submitted", "no")).partition(";")[0].strip().lower() != "no"
        or str(mail.get("Precedence", "")).strip().lower() in {"auto_reply", "junk"}
        or any(name in mail for name in _AUTORESPONDERS)
        or mail.get_content_type() in {"multipart/report", "message/delivery-status"}
        or _AUTOMATIC.match(_line(mail["Subject"]))
    )
    checks = {
        Reason.NULL_SENDER: "Return-Path" in mail and str(mail["Return-Path"]).strip() in {"<>", ""},
        Reason.LOOP: sender in ours or len(mail.get_all("Received", [])) > _HOPS,
        Reason.AUTOMATIC: automatic,
        Reason.LIST: any(name in mail for name in _LIST_HEADERS)
        or str(mail.get("Precedence", "")).strip().lower() in {"bulk", "list"},
        Reason.NOBODY: bool(sender and _NOBODY.match(sender)),
    }
    return next((reason for reason, applies in checks.items() if applies), None)


def _unclear(mail: EmailMessage, sender: str | None, text: str) -> Reason | None:
    """Return why only a person can handle it."""
    if any(str(mail.get(name, "")).strip().lower().startswith("yes") for name in _SPAM):
        return Reason.SPAM
    if sender is None:
        return Reason.NO_SENDER
    return None if text or _line(mail["Subject"]) else Reason.NO_TEXT


def _sender(mail: EmailMessage) -> str | None:
    """Return the one address of the one From line (RFC 5322, 3.6.2); None when there is not exactly one."""
    lines = mail.get_all("From", [])
    addresses = list(getattr(lines[0], "addresses", [])) if len(lines) == 1 else []
    if len(addresses) != 1:
        return None
    try:
        return normalise(addresses[0].addr_spec.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    except InvalidAddress:
        return None


def _answered(mail: EmailMessage) -> Iterator[str]:
    yield from _MESSAGE_ID.findall(str(mail.get("In-Reply-To", "")))
    yield from reversed(_MESSAGE_ID.findall(str(mail.get("References", "")))[-20:])


def _one_id(value: object) -> str | None:
    match = _MESSAGE_ID.fullmatch(str(value or "").strip())
    return match[0] if match else None


def _line(value: object) -> str:
    """Return a header on one line, without unprintable characters."""
    return "".join(c if c.isprintable() else " " for c in str(value or "")).strip()[:200]


def _text(mail: EmailMessage) -> str:
    """Return what was written, without what it quotes."""
    body = mail.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    text = str(body.get_content())
    if body.get_content_subtype() == "html":
        text = from_html(text)
    quoted = _QUOTED.search(text)
    own = text[: quoted.start()].strip() if quoted else text.strip()
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in own or text.strip())
    return shown[:LONGEST]


def _locale(text: str) -> str:
    return "en" if len(_ENGLISH.findall(text)) > len(_FRENCH.findall(text)) else "fr"

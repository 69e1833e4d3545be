"""An issue as bytes with holes, personalised by splicing.  Pure.

A `Letter` is encoded once per revision and process; `Letter.to` then joins a few already encoded pieces per
recipient.  Everything that is not To, Message-ID, List-Unsubscribe, the greeting and the personal links is
the same bytes in every copy, also between processes and attempts: the date is the send's, the MIME boundary
comes from the send id.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Protocol
from uuid import UUID

from mailer.issues.merge import GREETING, HOLE, NAME, UNSUBSCRIBE_URL, greeting
from mailer.sending.encoding import CRLF, SOFT, bracketed, hole, mailbox, quoted_printable, unstructured
from mailer.tokens import Purpose, issue_deliveries

_PURPOSES = Purpose.UNSUBSCRIBE, Purpose.RETURN_PATH, Purpose.MESSAGE_ID


@dataclass(frozen=True)
class Sender:
    """How a newsletter presents itself, and where its pages and mailboxes are."""

    slug: str
    name: str
    from_name: str
    from_address: str
    reply_to: str
    domain: str  # of return paths, Message-IDs and mailto: unsubscription
    public_url: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """For whom a copy is made."""

    position: int
    address: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Copy:
    """One recipient's message, ready for the wire."""

    return_path: str
    message: bytes


class Sign(Protocol):
    """Adds a signature to a message (`dkim.Signer.sign`)."""

    def __call__(self, message: bytes, *, canonical: bool) -> bytes:
        """canonical: its body is its own relaxed form."""


@dataclass(frozen=True)
class Letter:
    """A revision on its way out under one send id."""

    send_id: UUID
    sender: Sender
    locale: str  # in which it greets
    subject: str
    html: str  # with holes
    text: str  # with holes
    date: datetime
    sign: Sign | None = None  # DKIM
    _parts: list[bytes] = field(init=False, repr=False)
    _holes: list[tuple[bool, str]] = field(init=False, repr=False)  # (in the HTML?, name), between parts
    _head: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts, holes = _cut(self.text, self.html, self.boundary, self._unsubscribe(""))
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "_holes", holes)
        object.__setattr__(self, "_head", self._common_headers())

    @property
    def boundary(self) -> bytes:
        """Cannot occur in quoted-printable, where "=_" is no valid sequence."""
        return b"=_" + self.send_id.hex.encode()

    def to(self, recipient: Recipient) -> Copy:
        """The copy of one recipient.  Raises ValueError when their name or address cannot be in a header."""
        where = self.send_id, recipient.position
        link, returned, ours = issue_deliveries(_PURPOSES, *where)
        domain = self.sender.domain.encode()
        head = b"".join((
            b"To: ", mailbox("To", recipient.name, recipient.address),
            b"\r\nMessage-ID: <", ours.encode(), b"@", domain,
            b">\r\nList-Unsubscribe: <", self._unsubscribe(link).encode(),
            b">,\r\n <mailto:u-", link.encode(), b"@", domain, b"?subject=unsubscribe>\r\n",
        ))  # fmt: skip
        values = {
            NAME: recipient.name or "",
            GREETING: greeting(self.locale, recipient.name),
            UNSUBSCRIBE_URL: link,  # the rest of the address is the same for all, and encoded once
        }
        message = b"".join((self._head, head, CRLF, *self._body(values)))
        if self.sign:
            message = self.sign(message, canonical=True)
        return Copy(f"b-{returned}@{self.sender.domain}", message)

    def _unsubscribe(self, token: str) -> str:
        return f"{self.sender.public_url}/u/{token}"

    def _body(self, values: Mapping[str, str]) -> Iterator[bytes]:
        encoded = {
            (in_html, name): hole(html.escape(values[name]) if in_html else values[name])
            for in_html, name in set(self._holes)
        }
        yield self._parts[0]
        for key, part in zip(self._holes, self._parts[1:], strict=True):
            yield encoded[key]
            yield part

    def _common_headers(self) -> bytes:
        sender = self.sender
        home = f"{sender.public_url}/{sender.slug}/"
        headers: dict[str, bytes | str] = {
            "From": mailbox("From", sender.from_name, sender.from_address),
            "Reply-To": sender.reply_to,
            "Subject": unstructured("Subject", self.subject),
            "Date": format_datetime(self.date),
            "List-Id": _list_id(sender),
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Help": f"<{home}>",
            "List-Owner": f"<mailto:{sender.reply_to}>",
            "List-Post": "NO",
            "List-Archive": f"<{home}archive>",
            "Feedback-ID": f"{self.send_id.hex}:{sender.slug}:issue:{sender.domain}",
            "Precedence": "bulk",
            "MIME-Version": "1.0",
            "Content-Type": b'multipart/alternative;\r\n boundary="' + self.boundary + b'"',
        }
        return b"".join(
            name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) + CRLF
            for name, value in headers.items()
        )


def _list_id(sender: Sender) -> bytes:
    """RFC 2919: a phrase and an identifier that outlives any server."""
    return bracketed("List-Id", sender.name, f"{sender.slug}.{sender.domain}")


def _cut(text: str, page: str, boundary: bytes, link: str) -> tuple[list[bytes], list[tuple[bool, str]]]:
    """The body as encoded parts, and the holes between them: text first, the richest last (RFC 2046)."""
    parts: list[bytes] = [b""]
    holes: list[tuple[bool, str]] = []
    for in_html, source in ((False, text), (True, page)):
        kind = b"html" if in_html else b"plain"
        parts[-1] += (
            b"--" + boundary + b"\r\nContent-Type: text/" + kind + b'; charset="utf-8"\r\n'
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        )  # fmt: skip
        for at, piece in enumerate(re.split(HOLE, source.rstrip("\n"))):
            if at % 2:
                holes.append((in_html, piece))
                if piece == UNSUBSCRIBE_URL:
                    parts[-1] += SOFT + quoted_printable(html.escape(link) if in_html else link)
                parts[-1] += SOFT
                parts.append(SOFT)
            else:
                parts[-1] += quoted_printable(piece)
        parts[-1] += CRLF
    parts[-1] += b"--" + boundary + b"--\r\n"
    return parts, holes

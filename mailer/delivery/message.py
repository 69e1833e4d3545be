"""An issue as bytes with holes, personalised by splicing.  Pure.

A `Letter` is encoded once per revision and process; `Letter.to` then joins a few already encoded pieces per
recipient.  Everything that is not To, Message-ID, List-Unsubscribe, a merge field or a personal link is the
same bytes in every copy, also between processes and attempts: the date is the send's, the MIME boundary
comes from the send id.
"""

import html
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Protocol
from uuid import UUID

from mailer.core.tokens import Purpose, issue_deliveries
from mailer.rendering.merge_fields import HOLE, UNSUBSCRIBE_URL, as_html, fill, value, values_for
from mailer.smtp.encoding import CRLF, SOFT, bracketed, hole, mailbox, quoted_printable, unstructured

_PURPOSES = Purpose.UNSUBSCRIBE, Purpose.RETURN_PATH, Purpose.MESSAGE_ID


@dataclass(frozen=True)
class SenderIdentity:
    """Say how a newsletter presents itself, and where its pages and mailboxes are."""

    slug: str
    name: str
    from_name: str
    from_address: str
    reply_to: str
    domain: str  # of return paths, Message-IDs and mailto: unsubscription
    public_url: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """Name the person a copy is made for."""

    position: int
    address: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Copy:
    """Hold one recipient's message, ready for the wire."""

    return_path: str
    message: bytes


class Sign(Protocol):
    """Add a signature to a message (`dkim.Signer.sign`)."""

    def __call__(self, message: bytes, *, canonical: bool) -> bytes:
        """canonical: its body is its own relaxed form."""


@dataclass(frozen=True)
class Letter:
    """Hold a revision on its way out under one send id."""

    send_id: UUID
    sender: SenderIdentity
    locale: str  # in which it greets
    subject: str  # with holes, perhaps
    html: str  # with holes
    text: str  # with holes
    date: datetime
    sign: Sign | None = None  # DKIM
    _pieces: list[bytes] = field(init=False, repr=False)  # the body, with empty places for the holes
    _holes: dict[int, tuple[bool, str]] = field(init=False, repr=False)  # place -> (in the HTML?, name)
    _personal: set[str] = field(init=False, repr=False)  # the holes of the body that an author wrote
    _subject_varies: bool = field(init=False, repr=False)
    _head: bytes = field(init=False, repr=False)
    _links: tuple[bytes, bytes, bytes, bytes] = field(init=False, repr=False)  # around three tokens

    def __post_init__(self) -> None:
        domain, link = self.sender.domain.encode(), f"{self.sender.public_url}/u/"
        pieces, holes = _cut(self.text, self.html, self.boundary, link)
        object.__setattr__(self, "_pieces", pieces)
        object.__setattr__(self, "_holes", holes)
        object.__setattr__(self, "_personal", {name for _, name in holes.values()} - {UNSUBSCRIBE_URL})
        object.__setattr__(self, "_subject_varies", re.search(HOLE, self.subject) is not None)
        object.__setattr__(self, "_head", self._common_headers() + b"To: ")
        object.__setattr__(self, "_links", (
            b"\r\nMessage-ID: <",
            b"@%s>\r\nList-Unsubscribe: <%s" % (domain, link.encode()),
            b">,\r\n <mailto:u-",
            b"@%s?subject=unsubscribe>\r\n\r\n" % domain,
        ))  # fmt: skip

    @property
    def boundary(self) -> bytes:
        """Cannot occur in quoted-printable, where "=_" is no valid sequence."""
        return b"=_" + self.send_id.hex.encode()

    def to(self, recipient: Recipient) -> Copy:
        """Return the copy of one recipient.

        Raises ValueError when their name or address cannot be in a header.
        """
        link, returned, ours = issue_deliveries(_PURPOSES, self.send_id, recipient.position)
        token = link.encode()
        identified, listed, mailed, end = self._links
        message = b"".join((
            self._head, mailbox("To", recipient.name, recipient.address), self._subject_for(recipient.name),
            identified, ours.encode(), listed, token, mailed, token, end,
            *self._body(recipient.name, token),
        ))  # fmt: skip
        if self.sign:
            message = self.sign(message, canonical=True)
        return Copy(f"b-{returned}@{self.sender.domain}", message)

    def _body(self, name: str | None, token: bytes) -> list[bytes]:
        filled = {UNSUBSCRIBE_URL: (token, token)}  # the rest of the address is the same, and encoded once
        if self._personal:
            values = values_for(self.locale, name)
            filled |= {what: _encoded(value(what, values)) for what in self._personal}
        pieces = self._pieces.copy()
        for place, (in_html, what) in self._holes.items():
            pieces[place] = filled[what][in_html]
        return pieces

    def _subject_for(self, name: str | None) -> bytes:
        """Return the header where the subject names its reader; else it is among the common ones."""
        if not self._subject_varies:
            return b""
        subject = fill(self.subject, values_for(self.locale, name), escape=False)
        return b"\r\nSubject: " + unstructured("Subject", subject)

    def _common_headers(self) -> bytes:
        sender = self.sender
        home = f"{sender.public_url}/{sender.slug}/"
        headers: dict[str, bytes | str] = {
            "From": mailbox("From", sender.from_name, sender.from_address),
            "Reply-To": sender.reply_to,
            **({} if self._subject_varies else {"Subject": unstructured("Subject", self.subject)}),
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


def _encoded(value: str) -> tuple[bytes, bytes]:
    """Return a value for the text and for the HTML."""
    plain, escaped = hole(value), as_html(value)
    return plain, plain if escaped == value else hole(escaped)


def _list_id(sender: SenderIdentity) -> bytes:
    """RFC 2919: a phrase and an identifier that outlives any server."""
    return bracketed("List-Id", sender.name, f"{sender.slug}.{sender.domain}")


def _cut(text: str, page: str, boundary: bytes, link: str) -> tuple[list[bytes], dict[int, tuple[bool, str]]]:
    """Return the body as encoded pieces, and which of them are holes: text first, the richest last (RFC
    2046).
    """
    pieces: list[bytes] = [b""]
    holes: dict[int, tuple[bool, str]] = {}
    for in_html, source in ((False, text), (True, page)):
        kind = b"html" if in_html else b"plain"
        pieces[-1] += (
            b"--" + boundary + b"\r\nContent-Type: text/" + kind + b'; charset="utf-8"\r\n'
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        )  # fmt: skip
        for at, piece in enumerate(re.split(HOLE, source.rstrip("\n"))):
            if at % 2:
                if piece == UNSUBSCRIBE_URL:
                    pieces[-1] += SOFT + quoted_printable(html.escape(link) if in_html else link)
                pieces[-1] += SOFT
                holes[len(pieces)] = (in_html, piece)
                pieces += (b"", SOFT)
            else:
                pieces[-1] += quoted_printable(piece)
        pieces[-1] += CRLF
    pieces[-1] += b"--" + boundary + b"--\r\n"
    return pieces, holes

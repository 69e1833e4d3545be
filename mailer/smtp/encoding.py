"""Quoted-printable text with holes, and header values.  Pure.

The encoder's output is at once RFC 2045 quoted-printable with CRLF and lines of 76 at most, free of leading
dots (so the body needs no dot-stuffing, RFC 5321 4.5.2), and a fixed point of DKIM's relaxed body
canonicalisation (RFC 6376 3.4.4): no tab, no run of blanks, no blank at the end of a line.
"""

import re
from email.header import Header
from email.utils import formataddr

CRLF = b"\r\n"
SOFT = b"=\r\n"  # a line break that is not in the text: it isolates a hole from what surrounds it
WIDTH = 75  # and one for the "=" of a soft break

_EQUALS = ord("=")
_UNTIDY = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_SPECIAL = re.compile(rb"[^ !-<>-~]| \Z|(?<= ) ")  # a blank too, at the end of a line or after another
_UNSAFE = re.compile(rb"[^A-Za-z0-9 !*+/-]")  # in a phrase (RFC 2047 5)
_ESCAPED = [b"=%02X" % byte for byte in range(256)]
_PLAIN = re.compile(rf"[!-\-/-<>-~](?:[!-<>-~]| (?! |\Z)){{0,{WIDTH - 1}}}\Z")


def quoted_printable(text: str) -> bytes:
    """Encode text; its line ends become CRLF.  No CRLF is added at the end."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode().split(b"\n")
    return CRLF.join(_fold(line) for line in lines)


def hole(value: str) -> bytes:
    """Encode a value that stands between two soft breaks."""
    return value.encode() if _PLAIN.match(value) else quoted_printable(value)


def _fold(line: bytes) -> bytes:
    encoded = _SPECIAL.sub(lambda found: _ESCAPED[found[0][0]], line)
    folded: list[bytes] = []
    at = 0
    while True:
        dot = encoded.startswith(b".", at)
        end = at + WIDTH - 2 * dot
        if end < len(encoded):
            end -= 2 if encoded[end - 2] == _EQUALS else encoded[end - 1] == _EQUALS
        folded.append((b"=2E" if dot else b"") + encoded[at + dot : end])
        if end >= len(encoded):
            return SOFT.join(folded)
        at = end


def tidy(value: str) -> str:
    """Return a value fit for a header: line breaks, controls and runs of blanks become one blank."""
    return _UNTIDY.sub(" ", value).strip(" ")


def unstructured(name: str, value: str) -> bytes:
    """Return the value of a header such as Subject: encoded words (RFC 2047) where ASCII cannot say it."""
    value = tidy(value)
    plain = value.isascii() and "=?" not in value and max(map(len, value.split(" "))) < WIDTH - len(name)
    return _header(name, value, "us-ascii" if plain else "utf-8")


def mailbox(header: str, name: str | None, address: str) -> bytes:
    """Return a From, To or Reply-To value.  Raises ValueError on a line break in the address."""
    return bracketed(header, name, address) if name and tidy(name) else _raw(address)


def bracketed(header: str, name: str | None, what: str) -> bytes:
    """Return a phrase, if there is a name, and something in angle brackets.  Raises ValueError."""
    shown = _phrase(header, tidy(name or ""))
    last = len(shown) - (shown.rfind(b"\n") + 1)
    gap = b"" if not shown else b" " if last + len(what) < 64 else b"\r\n "
    return shown + gap + b"<" + _raw(what) + b">"


def _raw(address: str) -> bytes:
    if not address.isprintable():
        raise ValueError("a line break or a control in an address")
    return address.encode()


def _phrase(header: str, name: str) -> bytes:
    if name.isascii() and "=?" not in name:
        shown = formataddr((name, "")).removesuffix(" <>").encode()
        if len(shown) <= 60:
            return shown
    return _header(header, name, "utf-8")


def _header(name: str, value: str, charset: str) -> bytes:
    if charset == "utf-8" and len(name) + len(value) < 50:
        word = b"=?utf-8?q?%s?=" % _UNSAFE.sub(lambda found: _ESCAPED[found[0][0]], value.encode())
        if len(word) + len(name) + 2 <= 76:
            return word.replace(b" ", b"_")
    return Header(value, charset, maxlinelen=76, header_name=name).encode(linesep="\r\n").encode()

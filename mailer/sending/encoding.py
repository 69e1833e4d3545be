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

_TOKENS = [bytes([b]) if 33 <= b <= 126 and b != ord("=") else b"=%02X" % b for b in range(256)]
_TOKENS[ord(" ")] = b" "
_PLAIN = re.compile(r"[A-Za-z0-9,/:;?@_\-&#%+][A-Za-z0-9,/:;?@_\-&#%+.]{0,74}\Z")


def quoted_printable(text: str) -> bytes:
    """Encode text; its line ends become CRLF.  No CRLF is added at the end."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode().split(b"\n")
    return CRLF.join(_fold(line) for line in lines)


def hole(value: str) -> bytes:
    """Encode a value that stands between two soft breaks."""
    return value.encode() if _PLAIN.match(value) else quoted_printable(value)


def _fold(line: bytes) -> bytes:
    folded: list[bytes] = []
    current = bytearray()
    for at, byte in enumerate(line):
        token = _TOKENS[byte]
        if byte == 0x20 and (at == len(line) - 1 or line[at - 1 : at] == b" "):
            token = b"=20"
        if len(current) + len(token) > WIDTH:
            folded.append(bytes(current))
            current.clear()
        if not current and token == b".":
            token = b"=2E"
        current += token
    folded.append(bytes(current))
    return SOFT.join(folded)


def unstructured(name: str, value: str) -> bytes:
    """The value of a header such as Subject: encoded words (RFC 2047) when it is not plain ASCII."""
    header = Header(value, "us-ascii" if value.isascii() else "utf-8", header_name=name)
    return header.encode(linesep="\r\n").encode()


def mailbox(header: str, name: str | None, address: str) -> bytes:
    """A From, To or Reply-To value.  Raises ValueError on a line break."""
    if re.search(r"[\r\n]", address + (name or "")):
        raise ValueError("a line break in a header")
    if not name:
        return address.encode()
    if name.isascii() and len(name) <= 60:
        shown = formataddr((name, "")).removesuffix(" <>").encode()
    else:
        shown = Header(name, "utf-8", header_name=header).encode(linesep="\r\n").encode()
    last = len(shown) - (shown.rfind(b"\n") + 1)
    return shown + (b" <" if last + len(address) < 64 else b"\r\n <") + address.encode() + b">"

"""Read a mail into its parts, whatever it is: bounded in time and memory, and never failing.  Pure.

The parser of the standard library takes the square of a header's length, looks at each line once for every
level of nesting, and raises whatever a header that no mail program wrote makes it stumble on.  What comes
back is the mail of strangers, often cut, and its message/… parts may be encoded although RFC 2046 forbids it.
So this one reads the first LONGEST bytes, DEEPEST levels and MOST parts; what is beyond does not count.
Attachments are never unpacked.
"""

import binascii
import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LONGEST = 1_000_000  # bytes of a mail that are read
DEEPEST = 12
MOST = 200
_VALUE = 8_000  # characters of one header
_FIELD = re.compile(r"([A-Za-z0-9][\w.-]{0,75})[ \t]{0,8}:(.*)")
_PARAMETER = re.compile(r';\s{0,40}([\w*-]{1,40})\s{0,8}=\s{0,8}(?:"([^"\n]{0,500})"|([^\s;"]{0,500}))')
_WORD = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?\n]{0,2000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s{1,40}(?==\?[\w.:*-]{1,60}\?[bBqQ]\?)")
_CHARSET = re.compile(
    r"utf-?8|us-ascii|iso-?8859-?\d{1,2}(?:-[ei])?|(?:windows|cp)-?\d{3,4}|koi8-?[rut]|iso-?2022-?(?:jp|kr)(?:-\w{1,4})?"
    r"|shift[_-]?jis|sjis|euc-?(?:jp|kr|cn)|gb2312|gbk|gb18030|big5(?:-?hkscs)?|ks_c_5601-1987|mac-?roman|utf-?(?:7|16|32)(?:-?[bl]e)?",
    re.IGNORECASE,
)
_WIDER = {  # what is declared, and what is really written under that name
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932",
    "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "iso-8859-1": "cp1252", "iso-2022-jp": "iso2022_jp_ext",
    "us-ascii": "cp1252",
}  # fmt: skip
_JAPANESE = "\x1b$B"
_BOUNDARY_LINE = re.compile(r"^--([^\s]{1,200})[ \t]*\n(?:Content-|\n)", re.IGNORECASE | re.MULTILINE)
_HOLDS_A_MAIL = frozenset({"message/rfc822", "message/global", "message/news", "message/partial"})
HEADERS_ALONE = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})


@dataclass(frozen=True)
class Headers:
    """Hold the header fields of a mail or of a part, by lower-case name, as they stand but unfolded."""

    values: Mapping[str, list[str]] = field(default_factory=dict)

    def all(self, name: str) -> list[str]:
        """Return the values of a field, decoded (RFC 2047)."""
        return [decoded(value) for value in self.values.get(name, ())]

    def get(self, name: str) -> str:
        """Return the first value of a field, or ""."""
        values = self.values.get(name)
        return decoded(values[0]) if values else ""

    def __contains__(self, name: str) -> bool:
        return name in self.values


@dataclass(frozen=True)
class Part:
    """Hold a part of a mail, or a whole one."""

    headers: Headers
    kind: str  # "text/plain"
    parameters: Mapping[str, str]
    body: str  # one character a byte, the transfer encoding taken off
    parts: tuple["Part", ...] = ()

    def walk(self, *, into_mails: bool = False) -> Iterator["Part"]:
        """Return this part and those below it, in order, without what is inside an attached mail."""
        yield self
        if into_mails or self.kind not in _HOLDS_A_MAIL:
            for part in self.parts:
                yield from part.walk(into_mails=into_mails)

    def text(self) -> str:
        """Return the body as text."""
        return in_charset(self.body, self.parameters.get("charset", ""))


def read(raw: bytes) -> Part:
    """Return a mail as a tree of parts.  Line ends may be those of Unix, DOS or an old Mac."""
    text = raw[:LONGEST].replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\0", b"").decode("latin-1")
    return _Reader().mail(text.lstrip("\n \t\ufeff").removeprefix("ï»¿"), 0)


class _Reader:
    """Count the parts of one mail while reading them."""

    def __init__(self) -> None:
        self._parts = 0

    def mail(self, text: str, depth: int) -> Part:
        self._parts += 1
        headers, body = split_head(text)
        kind, parameters = content_type(headers.get("content-type"))
        body = _transferred(body, headers.get("content-transfer-encoding"), kind)
        parts = self._below(kind, parameters, body, depth) if depth < DEEPEST else ()
        return Part(headers, kind, parameters, body, tuple(parts))

    def _below(self, kind: str, parameters: Mapping[str, str], body: str, depth: int) -> list[Part]:
        if kind in _HOLDS_A_MAIL:
            return [self.mail(body.lstrip("\n"), depth + 1)]
        if not kind.startswith("multipart/"):
            return []
        pieces = _pieces(body, parameters.get("boundary", ""))
        return [self.mail(piece, depth + 1) for piece in pieces if self._parts < MOST]


def split_head(text: str) -> tuple[Headers, str]:
    """Return the header fields at the top of a text, and what follows them.

    An mbox's "From " line, or a stray one, is skipped; a text without any field is all body.
    """
    values: dict[str, list[list[str]]] = {}
    current: list[str] | None = None
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line = text[at:end]
        match = _FIELD.match(line)
        if line and line[0] in " \t" and current is not None and line.strip():
            current.append(line)
        elif match:
            current = [match[2]]
            values.setdefault(match[1].lower(), []).append(current)
        elif not line.startswith(("From ", ">From ")):
            break
        at = end + 1
    body = text[at:].removeprefix("\n") if values else text
    return Headers({name: [_unfolded(lines) for lines in all_] for name, all_ in values.items()}), body


def _unfolded(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines[:200])[:_VALUE]


def content_type(value: str) -> tuple[str, dict[str, str]]:
    """Return a Content-Type's lower-case kind, text/plain where there is none, and its parameters."""
    kind = value.partition(";")[0].strip().lower()
    parameters = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(value)}
    return (kind if "/" in kind else "text/plain"), parameters


def _pieces(body: str, boundary: str) -> list[str]:
    """Return the parts of a multipart body; where its boundary is not there, by the one that is."""
    boundary = boundary.rstrip()
    if not boundary or f"--{boundary}" not in body:
        guess = _BOUNDARY_LINE.search(body)
        if guess is None:
            return [f"\n{body}"]
        boundary = guess[1]
    lines = re.compile(rf"^--{re.escape(boundary)}(--)?[ \t]*$", re.MULTILINE)
    marks = list(lines.finditer(body))[: MOST + 1]
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    pieces = [body[mark.end() : end] for mark, end in zip(marks, ends, strict=True) if not mark[1]]
    return [piece.removeprefix("\n").removesuffix("\n") for piece in pieces]


def _transferred(body: str, encoding: str, kind: str) -> str:
    """Take the transfer encoding off what may be text; attachments stay as they are."""
    name = encoding.strip().lower()
    if not kind.startswith(("text/", "message/", "multipart/")):
        return body
    if name == "base64":
        return _base64(body)
    return quopri.decodestring(body.encode("latin-1")).decode("latin-1") if "quoted" in name else body


def _base64(body: str) -> str:
    letters = re.sub(r"[^A-Za-z0-9+/]", "", body)
    whole = letters[: len(letters) // 4 * 4] if len(letters) % 4 == 1 else letters + "=" * (-len(letters) % 4)
    text = binascii.a2b_base64(whole).decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def in_charset(text: str, charset: str) -> str:
    """Return bytes, kept one a character, as the text they are; in what they most likely are, at worst."""
    raw, name = text.encode("latin-1", "replace"), charset.strip().lower()
    known = [_WIDER.get(name, name)] if _CHARSET.fullmatch(name) else []
    guesses = ["iso2022_jp_ext"] if _JAPANESE in text else []
    likely = [] if raw.isascii() else ["utf-8"]  # what decodes as UTF-8 is, whatever is declared
    for candidate in (*likely, *known, *guesses, "utf-8"):
        try:
            return raw.decode(candidate)
        except (UnicodeDecodeError, LookupError):
            continue
    return raw.decode("cp1252", "replace")  # five of its bytes mean nothing


def decoded(value: str) -> str:
    """Return a header's text, its encoded words (RFC 2047) read."""
    if "=?" not in value:
        return in_charset(value, "") if not value.isascii() else value
    joined = _BETWEEN_WORDS.sub(r"\1", value)
    return _WORD.sub(lambda match: _word(match[1], match[2].lower(), match[3]), joined)


def _word(charset: str, encoding: str, text: str) -> str:
    if encoding == "b":
        return in_charset(_base64(text), charset)
    raw = quopri.decodestring(text.encode("latin-1", "replace"), header=True)
    return in_charset(raw.decode("latin-1"), charset)

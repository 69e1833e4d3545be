"""Looking for somebody who was erased, under every disguise an address takes on a machine."""

import base64
import gzip
import hashlib
import html
import json
import os
import quopri
import subprocess
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import suppress
from email.header import Header
from pathlib import Path
from urllib.parse import quote, quote_plus

LARGEST = 16 << 20  # bytes, once inflated
HASHES = "md5", "sha1", "sha256"
_GZIP = b"\x1f\x8b\x08"


def spellings(raw: str) -> dict[str, str]:
    """The address as typed, and as this or that program writes it."""
    local, _, domain = raw.rpartition("@")
    ascii_domain = domain.encode("idna").decode()
    whole = {
        "typed": raw, "lower": raw.lower(), "upper": raw.upper(),
        "punycode": f"{local}@{ascii_domain}", "punycode lower": f"{local}@{ascii_domain}".lower(),
        "local": f"{local}".lower(), "local upper": local.upper(),
    }  # fmt: skip
    decomposed = {f"NFD {name}": unicodedata.normalize("NFD", said) for name, said in whole.items()}
    return whole | decomposed


def _base64(data: bytes) -> dict[str, bytes]:
    """What stays of it whatever stands before and after: its three offsets."""
    found = {}
    for offset in range(3):
        shifted = base64.b64encode(bytes(offset) + data)
        first, last = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        found[f"base64 +{offset}"] = shifted[first:last]
    return found


def _encoded(said: str) -> dict[str, bytes]:
    data = said.encode()
    return {
        "raw": data,
        "latin-1": said.encode("latin-1", "ignore") if said.isprintable() else data,
        "hex": data.hex().encode(),
        "percent": quote(said, safe="@").encode(),
        "percent all": quote(said, safe="").encode(),
        "percent lower": quote(said, safe="").lower().encode(),
        "form": quote_plus(said).encode(),
        "quoted-printable": quopri.encodestring(data).rstrip(b"=\n"),
        "quoted-printable header": quopri.encodestring(data, header=True).rstrip(b"=\n"),
        "RFC 2047 B": Header(said, "utf-8", maxlinelen=998).encode().encode(),
        "RFC 2047 Q": b"=?utf-8?q?" + quote(said, safe="+").replace("%", "=").encode() + b"?=",
        "JSON": json.dumps(said)[1:-1].encode(),
        "HTML": html.escape(said).encode("ascii", "xmlcharrefreplace"),
        **_base64(data),
    }


def _hashed(said: str) -> dict[str, bytes]:
    found = {}
    for name in HASHES:
        digest = hashlib.new(name, said.encode(), usedforsecurity=False).digest()
        found[f"{name} hex"] = digest.hex().encode()
        found[f"{name} HEX"] = digest.hex().upper().encode()
        found[f"{name} base64"] = base64.b64encode(digest).rstrip(b"=")
        found[f"{name} url-safe"] = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return found


def disguises(raw: str) -> dict[str, bytes]:
    """Every form under which the address is looked for, each once."""
    found: dict[bytes, str] = {}
    for name, said in spellings(raw).items():
        forms = _encoded(said) | (_hashed(said) if "@" in said else {})
        for how, data in forms.items():
            if len(data) >= 6:  # shorter ones are found everywhere
                found.setdefault(data, f"{name}, {how}")
    return {name: data for data, name in found.items()}


def search(data: bytes, forms: dict[str, bytes]) -> Iterator[str]:
    """The names of the forms in it, also inside what is compressed."""
    yield from (name for name, form in forms.items() if form in data)
    at = data.find(_GZIP)
    while at >= 0:
        inner = _inflated(data[at:])
        if inner:
            yield from (f"{name}, gzip" for name in search(inner, forms))
        at = data.find(_GZIP, at + 1)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, LARGEST)
    except zlib.error:
        return b""


def hunt(places: list[Path], forms: dict[str, bytes]) -> dict[str, set[str]]:
    """In which files what was found; folders are walked.  A file that goes meanwhile is passed over."""
    found: dict[str, set[str]] = {}
    for path in sorted(_suspect(places, forms)):
        with suppress(FileNotFoundError):
            names = set(search(path.read_bytes(), forms))
            if names:
                found[str(path)] = names
    return found


def _suspect(places: list[Path], forms: dict[str, bytes]) -> set[Path]:
    """The files that hold a form, or something compressed: grep looks for hundreds in one walk."""
    wanted = b"\n".join([*forms.values(), _GZIP]) + b"\n"
    done = subprocess.run(
        ["grep", "-rlaFZ", "-f", "-", *map(str, places)], input=wanted, capture_output=True,
        env={**os.environ, "LC_ALL": "C"}, check=False,
    )  # fmt: skip
    return {Path(os.fsdecode(each)) for each in done.stdout.split(b"\0") if each}


def plant(folder: Path, forms: dict[str, bytes]) -> None:
    """One file for each form, as it would be met in the middle of something, and one compressed."""
    for number, form in enumerate(forms.values()):
        (folder / f"{number}").write_bytes(b"before " + form + b" after")
    (folder / "compressed").write_bytes(b"\0" * 9 + gzip.compress(next(iter(forms.values()))))

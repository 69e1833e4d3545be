"""No mail, however odd, costs much or stops the next."""

import base64
import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.outcomes import mime
from mailer.outcomes.recognise import recognise
from mailer.outcomes.report import MailKind, Report
from tests.unit.outcomes.corpus.formats import FORMATS, postfix
from tests.unit.outcomes.corpus.fresh import FRESH
from tests.unit.outcomes.corpus.gateways import GATEWAYS
from tests.unit.outcomes.corpus.others import COMPLAINTS, OTHERS

GOOD = postfix("zoe@example.com", "550 5.1.1 <zoe@example.com>: User unknown")
HEAD = b"From: MAILER-DAEMON@mx.example.net\nTo: lettre@example.org\nSubject: failure notice\n"
MEMORY = 60_000_000  # bytes at most, for 30 MB


def _nested(levels: int, inner: bytes) -> bytes:
    for level in range(levels):
        edge = b"b%d" % level
        inner = b"Content-Type: multipart/mixed; boundary=%s\n\n--%s\n%s\n--%s--\n" % (
            edge,
            edge,
            inner,
            edge,
        )
    return HEAD + inner


def _bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x", b"0" * 50_000_000)
    return base64.encodebytes(packed.getvalue())


HOSTILE = {
    "nothing": b"",
    "one NUL": b"\0",
    "line ends": b"\r\n\r\n\n\r",
    "a colon": b":",
    "bytes of all values": bytes(range(256)) * 50,
    "fifty nested parts": _nested(50, b"Content-Type: text/plain\n\nhello"),
    "a thousand nested parts": _nested(1_000, b"\n"),
    "nested mails": HEAD + b"Content-Type: message/rfc822\n\n" * 3_000,
    "ten thousand headers": b"".join(b"X-H-%d: v\n" % n for n in range(10_000)) + HEAD + b"\nhello",
    "a header of a million bytes": HEAD + b"X-Long: " + b"a " * 500_000 + b"\n\nhello",
    "ten thousand folded lines": HEAD + b"X-Long: a\n" + b" b\n" * 10_000 + b"\nhello",
    "a long subject of encoded words": b"Subject: " + b"=?utf-8?q?=20?= " * 50_000 + b"\n\nhello",
    "ten thousand parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000,
    "an unknown charset": HEAD
    + b"Content-Type: text/plain; charset=klingon\n\n\xff\xfe 550 5.1.1 <zoe@example.com>",
    "a charset that is a codec of Python": HEAD
    + b"Content-Type: text/plain; charset=idna\n\n"
    + b"a" * 100_000,
    "half an encoding": HEAD + b"Content-Transfer-Encoding: base64\n\nA",
    "addresses": HEAD + b"\n" + b"a@b.example.com, " * 60_000,
    "nearly addresses": HEAD + b"\n" + b"a." * 300_000 + b"@" + b"b." * 200_000,
    "at signs": HEAD + b"\n" + b"@" * 900_000,
    "spaces": HEAD + b"\n" + b" " * 900_000 + b"x",
    "one line of codes": HEAD + b"\n" + b"550 5.1.1 " * 90_000,
    "brackets": HEAD + b"\n" + b"<(['" * 200_000 + b"zoe@example.com",
    "a page of tags": HEAD + b"Content-Type: text/html\n\n" + b"<b" * 400_000,
    "dashes": HEAD + b"Content-Type: multipart/mixed\n\n" + b"--" * 400_000,
    "a status of ten thousand recipients": HEAD
    + b"Content-Type: message/delivery-status\n\n"
    + b"".join(
        b"Final-Recipient: rfc822; u%d@example.com\nAction: failed\nStatus: 5.1.1\n\n" % n
        for n in range(10_000)
    ),
    "a status of thousands, and a text full of addresses": HEAD
    + b"Content-Type: multipart/report; boundary=b\n\n--b\n\n"
    + b"".join(b"<u%d@example.com> " % (n % 300) for n in range(3_000)).replace(b"> <", b">\n<")
    + b"\n--b\nContent-Type: message/delivery-status\n\n"
    + b"".join(b"Final-Recipient: rfc822; u%d@example.com\nAction: failed\n\n" % n for n in range(5_000)),
    "a text full of failed addresses": HEAD
    + b"X-Failed-Recipients: "
    + b", ".join(b"u%d@example.com" % n for n in range(400))
    + b"\n\n"
    + b"".join(b"u%d@example.com\n  said no\n" % n for n in range(3_000)),
    "a bomb in a zip": HEAD
    + b"Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
    + _bomb(),
    "dates of a mbox": b"From x\n" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_read_and_the_next_one_too(name: str) -> None:
    assert isinstance(recognise(HOSTILE[name], keyed=False), Report)
    after = recognise(GOOD, keyed=False)
    assert [one.address for one in after.outcomes] == ["zoe@example.com"]


def test_thirty_megabytes_cost_the_memory_of_their_beginning() -> None:
    raw = GOOD + b"x" * 76 + b"\n" * 30_000_000
    tracemalloc.start()
    try:
        report = recognise(raw, keyed=False)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert report.kind is MailKind.BOUNCE


def test_attachments_stay_packed() -> None:
    mail = mime.read(HOSTILE["a bomb in a zip"])
    assert mail.body.startswith("UEs")


def test_no_regular_expression_repeats_a_repetition_without_bound() -> None:
    """The tables are written by people: a rule must not be able to take the square of a text's length."""
    for name in ("verdicts.toml", "signs.toml"):
        text = Path(mime.__file__).with_name(name).read_text("utf-8")
        expressions = [line for line in text.splitlines() if line.startswith("matches")]
        assert all("*" not in line and "+" not in line for line in expressions)


BASES = st.sampled_from([case.raw for case in (*FRESH, *GATEWAYS, *COMPLAINTS, *OTHERS)])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A mail of the corpus, cut, joined with another, and with bytes put in."""
    raw = bytearray(draw(BASES))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(raw)))
        until = min(len(raw), at + draw(st.integers(0, 40)))
        raw[at:until] = draw(
            st.one_of(st.binary(max_size=12), st.sampled_from([b"\n", b"\r", b"\0", b":", b"--", b"=?"]))
        )
    return bytes(raw[: draw(st.integers(0, len(raw)))]) if draw(st.booleans()) else bytes(raw)


@given(raw=mutated())
@settings(max_examples=250, deadline=None)
def test_whatever_is_changed_in_a_mail_it_is_read(raw: bytes) -> None:
    report = recognise(raw, keyed=False)
    assert report.rule != "unreadable"
    assert all("@" in one.address for one in report.outcomes)


@given(raw=st.binary(max_size=3_000))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read(raw: bytes) -> None:
    assert recognise(raw, keyed=False).rule != "unreadable"


LOCALS = st.from_regex(r"[a-z0-9][a-z0-9.+_-]{0,20}[a-z0-9]", fullmatch=True).filter(
    lambda name: ".." not in name
)


@given(local=LOCALS, program=st.sampled_from(FORMATS))
@settings(max_examples=60, deadline=None)
def test_any_recipient_is_found_in_any_format(local: str, program: object) -> None:
    address = f"{local}@example.com"
    raw = program(address, f"550 5.1.1 <{address}>: User unknown")  # type: ignore[operator]
    report = recognise(raw, keyed=False)
    assert [(one.address, one.meaning.value) for one in report.outcomes] == [(address, "hard")]

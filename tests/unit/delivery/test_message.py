"""A spliced letter is the message that `email.message.EmailMessage` would have made, whoever it is for."""

import re
import string
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string, policy
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailer.core.tokens import Purpose, issue_delivery
from mailer.delivery.message import Letter, Recipient, SenderIdentity
from mailer.rendering.merge_fields import GREETING, NAME, UNSUBSCRIBE_URL, fill, greeting, marked, marker
from mailer.smtp.dkim import relaxed_body
from mailer.smtp.encoding import mailbox, tidy

pytestmark = pytest.mark.usefixtures("settings")
THEN = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOSTILE = [
    "", ".", "..", "=", "==20", "=?utf-8?q?x?=", '"', "\\", "'", "<b>&amp;", " ", "  ", "\t", "\u00a0", "é",
    "--=_", "From ", "👩\u200d👩\u200d👧", "\u202eשלום", "العربية", ",;:@()[]<>", "ﬃ", "e\u0301", "a" * 80,
    "é" * 60, "http://x.example/?a=b&c=d",
]  # fmt: skip
ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\ue000\ue001")
WORDS = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(ANY, max_size=30)), max_size=8).map("".join)
LINES = st.lists(st.one_of(st.sampled_from(["\n", "\r\n", "\n.", *HOSTILE]), st.text(ANY, max_size=30)))
HOLED = st.lists(
    st.one_of(LINES.map("".join), st.sampled_from(list(map(marker, (GREETING, NAME, UNSUBSCRIBE_URL)))))
)
ATOM = st.text(string.ascii_lowercase + string.digits + "_+-é", min_size=1, max_size=20)
LOCAL = st.lists(ATOM, min_size=1, max_size=3).map(".".join)
ADDRESS = st.tuples(LOCAL, st.sampled_from(["example.org", "xn--xample-9ua.org", "a" * 60 + ".example"])).map(
    "@".join
)


def sender(name: str = "La lettre", from_name: str = "La Lettre de l'été") -> SenderIdentity:
    return SenderIdentity(
        "lettre", name, from_name, "lettre@example.org", "contact@example.org", "bounces.example.org",
        "https://letters.example.org",
    )  # fmt: skip


LETTERS = st.builds(
    Letter,
    send_id=st.uuids(),
    sender=st.builds(sender, WORDS, WORDS),
    locale=st.sampled_from(["fr", "en"]),
    subject=st.one_of(WORDS, WORDS.map(lambda words: f"{words} {marker(GREETING)} {words}")),
    html=HOLED.map("".join),
    text=HOLED.map("".join),
    date=st.just(THEN),
)
RECIPIENTS = st.builds(Recipient, st.integers(0, 2**31 - 1), ADDRESS, st.none() | WORDS)


def reference(letter: Letter, to: Recipient) -> EmailMessage:
    """The same message as the standard library builds it."""
    of = letter.sender
    token = issue_delivery(Purpose.UNSUBSCRIBE, letter.send_id, to.position)
    link = f"{of.public_url}/u/{token}"
    values = {NAME: to.name or "", GREETING: greeting(letter.locale, to.name), UNSUBSCRIBE_URL: link}
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = _address(of.from_name, of.from_address)
    message["Reply-To"] = of.reply_to
    message["Subject"] = tidy(fill(letter.subject, values, escape=False))
    message["Date"] = format_datetime(letter.date)
    message["List-Id"] = f"{tidy(of.name)} <{of.slug}.{of.domain}>".strip()
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["List-Help"] = f"<{of.public_url}/{of.slug}/>"
    message["List-Owner"] = f"<mailto:{of.reply_to}>"
    message["List-Post"] = "NO"
    message["List-Archive"] = f"<{of.public_url}/{of.slug}/archive>"
    message["Feedback-ID"] = f"{letter.send_id.hex}:{of.slug}:issue:{of.domain}"
    message["Precedence"] = "bulk"
    message["To"] = _address(to.name, to.address)
    message["Message-ID"] = f"<{issue_delivery(Purpose.MESSAGE_ID, letter.send_id, to.position)}@{of.domain}>"
    message["List-Unsubscribe"] = f"<{link}>, <mailto:u-{token}@{of.domain}?subject=unsubscribe>"
    message.set_content(fill(letter.text, values, escape=False), cte="quoted-printable")
    message.add_alternative(fill(letter.html, values, escape=True), subtype="html", cte="quoted-printable")
    return message


def _address(name: str | None, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(tidy(name or ""), user, domain)


def decoded(value: str) -> str:
    """Encoded words as a reader shows them; Python 3.11's modern parser would put blanks between them."""
    return str(make_header(decode_header(value)))


def headers(raw: bytes) -> dict[str, str]:
    """What a reader makes of the headers."""
    read = {
        name: re.sub(r"\r?\n(?=[ \t])", "", value)
        for name, value in message_from_string(raw.decode()).items()
    }
    for name in ("From", "To", "List-Id"):
        phrase, address = parseaddr(read[name])
        read[name] = f"{decoded(phrase)} <{address}>".strip()
    return read | {"Subject": decoded(read["Subject"])}


def their_headers(message: EmailMessage) -> dict[str, str]:
    read = {name: str(value) for name, value in message.items()}
    for name in ("From", "To"):
        address = message[name].addresses[0]
        read[name] = f"{address.display_name} <{address.addr_spec}>".strip()
    return read


def contents(raw: bytes) -> list[tuple[str, str]]:
    """Each part's type and text, without the line breaks at its end."""
    message = message_from_bytes(raw, policy=policy.default)
    assert message.get_content_type() == "multipart/alternative"
    assert not message.defects
    parts = [(part.get_content_type(), part.get_content()) for part in message.iter_parts()]
    return [(kind, re.sub("\r\n?", "\n", text).rstrip("\n")) for kind, text in parts]


def _greets(letter: Letter, to: Recipient) -> dict[str, str]:
    return {GREETING: greeting(letter.locale, to.name)}


@hypothesis_settings(deadline=None)
@given(LETTERS, RECIPIENTS)
def test_it_parses_equal_to_what_the_standard_library_builds(letter: Letter, to: Recipient) -> None:
    ours, theirs = letter.to(to).message, reference(letter, to)
    assert headers(ours) == their_headers(theirs) | {
        "Content-Type": f'multipart/alternative; boundary="{letter.boundary.decode()}"',
        "Subject": tidy(
            fill(letter.subject, _greets(letter, to), escape=False)
        ),  # the library takes "=?utf-8?q?x?=" for an encoded word
        "List-Id": f"{tidy(letter.sender.name)} <lettre.bounces.example.org>".strip(),
    }
    assert contents(ours) == contents(theirs.as_bytes(policy=policy.SMTPUTF8.clone(max_line_length=None)))


@hypothesis_settings(deadline=None)
@given(LETTERS, RECIPIENTS)
def test_its_bytes_can_go_on_the_wire_as_they_are(letter: Letter, to: Recipient) -> None:
    raw = letter.to(to).message
    head, _, body = raw.partition(b"\r\n\r\n")
    assert raw.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\r\n\.|\0", raw)
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert body.isascii()
    assert relaxed_body(body) == body
    for line in head.split(b"\r\n"):
        words = re.findall(rb"=\?utf-8\?[bq]\?[^?]*\?=", line)
        assert not words or (len(line) <= 76 and max(map(len, words)) <= 75)


@pytest.mark.parametrize(
    "address", ["a@example.org\r\nBcc: b@example.org", "a\n@x.example", "a\u2028@x.example"]
)
def test_an_address_that_would_end_its_header_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="a line break"):
        mailbox("To", "Zoé", address)


@pytest.mark.parametrize(("name", "expected"), [("Zoé", "Zoé, votre lettre"), (None, "vous, votre lettre")])
def test_a_subject_names_its_reader(name: str | None, expected: str) -> None:
    subject = marked('{{ name | "vous" }}, votre lettre')
    letter = Letter(UUID(int=1), sender(), "fr", subject, "<p>a</p>", "a", THEN)
    assert headers(letter.to(Recipient(1, "zoe@example.org", name)).message)["Subject"] == expected


def test_a_name_in_a_subject_cannot_end_its_header() -> None:
    letter = Letter(UUID(int=1), sender(), "fr", marked('{{ name | "x" }}'), "<p>a</p>", "a", THEN)
    message = letter.to(Recipient(1, "zoe@example.org", "Zoé\r\nBcc: x@example.org")).message
    assert headers(message)["Subject"] == "Zoé Bcc: x@example.org"
    assert "Bcc" not in headers(message)


@pytest.mark.parametrize(("name", "expected"), [("Zoé <b>", "Zoé &lt;b&gt;"), (None, "lecteur")])
def test_a_reader_without_a_name_gets_what_the_author_gave(name: str | None, expected: str) -> None:
    hole = marked('{{ name | "lecteur" }}')
    letter = Letter(UUID(int=1), sender(), "fr", "s", f"<p>{hole}</p>", hole, THEN)
    text, page = contents(letter.to(Recipient(1, "zoe@example.org", name)).message)
    assert text[1] == (name or "lecteur")
    assert page[1] == f"<p>{expected}</p>"


def test_a_name_cannot_end_its_header() -> None:
    written = mailbox("To", "Zoé\r\nBcc: x@example.org\x85\u2028", "zoe@example.org")
    assert decoded(written.decode()) == "Zoé Bcc: x@example.org <zoe@example.org>"

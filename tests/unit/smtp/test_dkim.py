"""What is signed verifies at a stranger's (dkimpy), and nothing leaves unsigned or altered."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path
from uuid import UUID

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mailer.core.settings import Settings
from mailer.core.settings import settings as process_settings
from mailer.delivery.message import Letter, Recipient, SenderIdentity
from mailer.newsletters.models import Newsletter, Theme
from mailer.notices.message import ClaimedNotice, Letterhead, compose
from mailer.notices.models import NoticeKind
from mailer.smtp.dkim import NEVER_ADDED, DkimKeyMissing, Signer, Unsignable, load, new_key

pytestmark = pytest.mark.usefixtures("settings")
THEN = datetime(2026, 11, 23, 8, tzinfo=UTC)


@cache
def key() -> bytes:
    return new_key()


@cache
def signer() -> Signer:
    return Signer("letters", key(), clock=THEN.timestamp)


def verifies(message: bytes) -> bool:
    asked: list[bytes] = []

    def published(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return signer().record.encode()

    verified: bool = dkim.verify(message, dnsfunc=published)
    assert asked == [b"letters._domainkey.example.org."]
    return verified


def letter(
    name: str | None = None, *, subject: str = "Un été", words: str = "Bonne lecture.", locale: str = "fr"
) -> bytes:
    sender = SenderIdentity(
        "lettre", "La lettre", "La Lettre de l'été", "lettre@Example.org", "contact@example.org",
        "bounces.example.org", "https://letters.example.org",
    )  # fmt: skip
    html = f"<p>\ue000greeting\ue001</p>{words}<a href='\ue000unsubscribe_url\ue001'>x</a>"
    text = f"\ue000greeting\ue001\n{words}\n\n"
    made = Letter(UUID(int=7), sender, locale, subject, html, text, THEN)
    return made.to(Recipient(7, "zoe@example.com", name)).message


def notice(name: str | None = "Zoé") -> bytes:
    newsletter = Newsletter(
        slug="lettre", name="La lettre", theme=Theme.NEUTRAL, from_name="La Lettre de l'été",
        from_address="lettre@example.org", reply_to="contact@example.org",
        return_path_domain="bounces.example.org",
    )  # fmt: skip
    claimed = ClaimedNotice(
        UUID(int=1), NoticeKind.WELCOME, "welcome", Letterhead.of_newsletter(newsletter),
        "zoe@example.com", name, "fr", 1, THEN,
    )  # fmt: skip
    return compose(claimed, process_settings(), THEN).as_bytes(policy=SMTP)


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ue000\ue001"), max_size=200
)


@hypothesis_settings(deadline=None, max_examples=60)
@given(TEXT, TEXT, TEXT, st.sampled_from(["fr", "en"]))
def test_every_letter_verifies(name: str, subject: str, words: str, locale: str) -> None:
    message = letter(name, subject=subject, words=words, locale=locale)
    signed = signer().sign(message, canonical=True)
    assert verifies(signed)
    assert signed.startswith(b"DKIM-Signature: ")
    assert signed.endswith(message)
    assert max(map(len, signed.removesuffix(message).split(b"\r\n"))) <= 78


@pytest.mark.parametrize("words", ["", "..", "a" * 40_000, " \t ", "été = 25 °C ;  ...\n" * 2_000])
def test_a_letter_s_body_is_its_own_canonical_form(words: str) -> None:
    message = letter("Zoé", words=words)
    assert signer().sign(message, canonical=True) == signer().sign(message)


def test_a_notice_verifies() -> None:
    assert verifies(signer().sign(notice()))


@pytest.mark.parametrize(
    "body", ["", "\n\n", ".", " a \t b \n\t\n.\n..\n\n\n", "sans fin de ligne", "é" * 3_000]
)
def test_any_mail_verifies(body: str) -> None:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = '"lettre@ailleurs" <lettre@example.org>'
    mail["Subject"] = "Un  objet \t très long, " + "avec des blancs   et des plis " * 9
    mail.set_content(body)
    assert verifies(signer().sign(mail.as_bytes()))


@pytest.mark.parametrize("make", [letter, notice])
@pytest.mark.parametrize("name", NEVER_ADDED)
def test_a_header_that_is_added_breaks_the_signature(name: str, make: Callable[[], bytes]) -> None:
    signed = signer().sign(make())
    assert not verifies(name.encode() + b": <x@example.org>\r\n" + signed)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Bonne lecture", b"Bonne lectur3"),
        (b"--\r\n", b"--\r\nEncore un mot.\r\n"),
        (b"Subject: ", b"Subject: Urgent "),
        (b"To: zoe@", b"To: lea@"),
        (b"Date: Mon, 23", b"Date: Tue, 24"),
        (b"Reply-To: contact@", b"Reply-To: elsewhere@"),
        (b"List-Unsubscribe: <https", b"List-Unsubscribe: <http"),
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b""),
        (b"List-Id: ", b"List-Id: x"),
        (b"Feedback-ID: ", b"Feedback-ID: x"),
        (b" t=179", b" t=178"),
    ],
)
def test_what_is_altered_no_longer_verifies(before: bytes, after: bytes) -> None:
    signed = signer().sign(letter())
    assert before in signed
    assert not verifies(signed.replace(before, after))


def test_what_relays_may_do_breaks_nothing() -> None:
    signed = signer().sign(letter())
    passed = (
        signed.replace(b"Subject: ", b"SUBJECT:\t  ").replace(b" lecture.\r\n", b"  \t lecture. \t\r\n")
        + b"\r\n\r\n"
    )
    assert verifies(b"Received: from a by b; Mon, 23 Nov 2026 08:00:01 +0000\r\n" + passed)


@pytest.mark.parametrize(
    "message",
    [
        b"Subject: x\r\n\r\n",
        b"From: a@example.org\r\nFrom: b@example.org\r\n\r\n",
        b"From: nobody\r\n\r\n",
        "From: a@exämple.org\r\n\r\n".encode(),
        b"From: a@example.org\r\n",
    ],
)
def test_without_one_from_address_nothing_is_signed(message: bytes) -> None:
    with pytest.raises(Unsignable):
        signer().sign(message)


def _pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def _locked() -> bytes:
    private = load_pem_private_key(key(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return _pem(private, b"secret")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: b"", "no private key in PEM"),
        (lambda: key()[:300], "no private key in PEM"),
        (_locked, "without a password"),
        (lambda: _pem(rsa.generate_private_key(65537, 1024)), "1024 bits, fewer than 2048"),  # noqa: S505 -- weak on purpose
        (lambda: _pem(ec.generate_private_key(ec.SECP256R1())), "not an RSA key"),
    ],
)
def test_a_key_that_cannot_sign_stops_the_send(
    make: Callable[[], bytes], said: str, tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(make())
    with pytest.raises(DkimKeyMissing, match=said) as caught:
        load(_signing(settings, file))
    assert "nothing leaves unsigned" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_that_is_not_there_stops_the_send(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(DkimKeyMissing, match="No such file"):
        load(_signing(settings, tmp_path / "gone.pem"))


def test_only_where_dkim_is_not_configured_there_is_no_signer(tmp_path: Path, settings: Settings) -> None:
    assert load(settings) is None
    file = tmp_path / "key.pem"
    file.write_bytes(key())
    loaded = load(_signing(settings, file))
    assert loaded
    assert verifies(loaded.sign(letter()))


def _signing(settings: Settings, file: Path) -> Settings:
    return settings.model_copy(update={"dkim_key_file": file, "dkim_selector": "letters"})


def test_without_dkim_no_cryptography_is_loaded() -> None:
    check = "import sys, mailer.smtp.dkim; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize(
    ("record", "ours"),
    [("{}", True), ("p={p} ; v=DKIM1;k = rsa", True), ("v=DKIM1; p=", False), ("v=spf1 -all", False)],
)
def test_a_published_record_is_recognised(record: str, *, ours: bool) -> None:
    own = signer().record
    split = own.partition("p=")[2].replace("A", "A ")
    assert signer().is_published_by(record.format(own, p=split)) is ours

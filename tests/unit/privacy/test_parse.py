"""What a mail to the published address is taken for."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.privacy.mailbox.parse import Reason, Sort, read, right_of
from mailer.privacy.models import Right

TOKEN = "a2" * 28
OURS = {"droits@example.org", "lettre@example.org"}
HEADERS = {
    "From": "Zoé <Zoe@Example.org>",
    "To": "droits@example.org",
    "Subject": "Mes données",
    "Message-ID": "<1@example.org>",
    "Return-Path": "<zoe@example.org>",
}


def mail(body: str = "Bonjour, effacez mes données. Merci", **changes: str | None) -> bytes:
    """A person's mail, but for what is changed; None leaves a header out."""
    message = EmailMessage()
    for name, value in (HEADERS | {key.replace("_", "-"): value for key, value in changes.items()}).items():
        if value is not None:
            message[name] = value
    message.set_content(body)
    return message.as_bytes()


def test_a_persons_mail_is_a_request() -> None:
    found = read(mail(), OURS)
    assert (found.sort, found.reason) == (Sort.REQUEST, None)
    assert (found.sender, found.subject) == ("zoe@example.org", "Mes données")
    assert found.text == "Bonjour, effacez mes données. Merci"
    assert (found.message_id, found.locale) == ("<1@example.org>", "fr")


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("Auto_Submitted", "auto-replied (vacation)", Reason.AUTOMATIC),
        ("Auto_Submitted", "auto-generated; type=x", Reason.AUTOMATIC),
        ("X_Autoreply", "yes", Reason.AUTOMATIC),
        ("Precedence", "auto_reply", Reason.AUTOMATIC),
        ("Subject", "Réponse automatique : absent", Reason.AUTOMATIC),
        ("Precedence", "bulk", Reason.LIST),
        ("List_Id", "<ours.example.org>", Reason.LIST),
        ("List_Unsubscribe", "<mailto:bye@relay.example>", Reason.LIST),
        ("Feedback_ID", "1:relay", Reason.LIST),
        ("Return_Path", "<>", Reason.NULL_SENDER),
        ("From", "droits@example.org", Reason.LOOP),
        ("From", "MAILER-DAEMON@example.com", Reason.NOBODY),
        ("From", "no-reply@shop.example", Reason.NOBODY),
        ("From", "noreply-marie@example.com", Reason.NOBODY),
        ("From", "postmaster@mairie.example", Reason.NOBODY),
    ],
)
def test_the_marks_of_machines_are_for_a_person_to_judge(header: str, value: str, reason: Reason) -> None:
    found = read(mail(**{header: value}), OURS)
    assert (found.sort, found.reason) == (Sort.OURS if reason is Reason.LOOP else Sort.UNCLEAR, reason)


@pytest.mark.parametrize("value", ["no", "No", "no (a person)"])
def test_auto_submitted_no_is_a_person(value: str) -> None:
    assert read(mail(Auto_Submitted=value.partition(" ")[0]), OURS).sort is Sort.REQUEST


@pytest.mark.parametrize("subject", ["Absence de réponse", "Une réponse automatique m’a été envoyée"])
def test_a_subject_that_only_speaks_of_it_is_a_persons(subject: str) -> None:
    assert read(mail(Subject=subject), OURS).sort is Sort.REQUEST


def test_a_bounce_is_not_answered() -> None:
    report = (
        b"From: <mx@example.com>\r\nTo: droits@example.org\r\nSubject: Failure\r\n"
        b'Content-Type: multipart/report; boundary="x"\r\n\r\n--x\r\n\r\nlost\r\n--x--\r\n'
    )
    assert read(report, OURS).reason is Reason.AUTOMATIC


def test_a_mail_that_goes_round_opens_nothing() -> None:
    rounds = b"".join(b"Received: from a by b; Tue, 24 Nov 2026 08:00:00 +0000\n" for _ in range(51))
    assert read(rounds + mail(), OURS).reason is Reason.LOOP


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail(From=None), Reason.NO_SENDER),
        (mail(From="a@example.org, b@example.org"), Reason.NO_SENDER),
        (mail(From="nobody at all"), Reason.NO_SENDER),
        (b"From: a@example.org\n" + mail(From="b@example.org"), Reason.NO_SENDER),
        (mail("", Subject=None), Reason.NO_TEXT),
        (mail(X_Spam_Flag="YES"), Reason.SPAM),
        (mail(X_Spam_Status="Yes, score=9.1"), Reason.SPAM),
        (b"", Reason.NO_SENDER),
    ],
)
def test_what_is_not_understood_is_for_a_person(raw: bytes, reason: Reason) -> None:
    found = read(raw, OURS)
    assert (found.sort, found.reason) == (Sort.UNCLEAR, reason)


@pytest.mark.parametrize("header", ["To", "Delivered_To", "X_Original_To", "Cc"])
def test_the_token_decides_whoever_writes(header: str) -> None:
    unsubscribe = {"Auto_Submitted": "auto-generated", "From": None, header: f"<U-{TOKEN.upper()}@b.example>"}
    found = read(mail("", **unsubscribe), OURS)
    assert (found.sort, found.token) == (Sort.LEAVE, TOKEN)


def test_a_token_in_the_text_decides_nothing() -> None:
    assert read(mail(f"On m’a transmis u-{TOKEN}@b.example"), OURS).sort is Sort.REQUEST


def test_an_address_beyond_ascii_is_read() -> None:
    raw = "From: Zoé <Zoé+t@exämple.fr>\r\nSubject: Été\r\n\r\nEffacez-moi\r\n".encode()
    assert read(raw, OURS).sender == "zoé+t@xn--exmple-cua.fr"


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("Je souhaite accéder à mes données", Right.ACCESS),
        ("What data do you hold about me?", Right.ACCESS),
        ("Merci de supprimer mes données", Right.ERASURE),
        ("Please delete my account", Right.ERASURE),
        ("Ma nouvelle adresse est z@example.org", Right.RECTIFICATION),
        ("Je ne veux plus recevoir vos lettres", Right.WITHDRAWAL),
        ("Je m’oppose à ce traitement", Right.OBJECTION),
        ("Portabilité, s’il vous plaît", Right.PORTABILITY),
        ("Ma mère est décédée", Right.DIRECTIVES),
        ("Bonjour, quand paraît la lettre ?", Right.UNCLEAR),
        ("Désinscrivez-moi et effacez tout", Right.UNCLEAR),
    ],
)
def test_which_right_a_mail_speaks_of(words: str, right: Right) -> None:
    assert right_of(read(mail(words, Subject="Bonjour"), OURS)) is right


def test_what_is_quoted_is_left_out() -> None:
    said = "Effacez-moi.\n\nLe 24 nov. 2026 à 08:00, La lettre <l@example.org> a écrit :\n> Votre lettre"
    assert read(mail(said), OURS).text == "Effacez-moi."
    assert read(mail("> tout est cité"), OURS).text == "> tout est cité"


def test_a_page_is_read_as_words() -> None:
    page = EmailMessage()
    page["From"] = "a@example.org"
    page.set_content("<head><style>p{}</style></head><p>Please erase<br>my data</p>", subtype="html")
    found = read(page.as_bytes(), OURS)
    assert (found.text, found.locale) == ("Please erase\nmy data", "en")


def test_a_mail_cut_short_is_read_as_far_as_it_goes() -> None:
    letter = EmailMessage()
    letter["From"] = "a@example.org"
    letter.set_content("Effacez mes données")
    letter.add_attachment(b"x" * 9_000, maintype="image", subtype="jpeg")
    found = read(letter.as_bytes()[:5_000], OURS)
    assert (found.sort, found.text, found.attachments) == (Sort.REQUEST, "Effacez mes données", 1)


def test_a_page_is_read_without_what_it_hides() -> None:
    page = EmailMessage()
    page["From"] = "a@example.org"
    page.set_content(
        "<style>p{}</style>\n<!-- a > b --><p>Effacez&nbsp;mes\ndonn&eacute;es</p>&lt;p&gt;", subtype="html"
    )
    assert read(page.as_bytes(), OURS).text == "Effacez mes données<p>"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@example.org\nContent-Type: text/plain" + b"; a=b" * 4_000 + b"\n\nx",
        b"X: y\n" * 20_000 + mail(),
        b"From: a@example.org\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain"
        + b"; a=b" * 4_000 + b"\n\nx",
    ],
)  # fmt: skip
def test_headers_that_cost_time_are_not_parsed(raw: bytes) -> None:
    assert read(raw, OURS).reason is Reason.UNREADABLE


def test_what_it_answers_is_read_nearest_first() -> None:
    found = read(mail(In_Reply_To="<2@a.example>", References="<1@a.example> <2@a.example>"), OURS)
    assert found.answers == ("<2@a.example>", "<2@a.example>", "<1@a.example>")


@pytest.mark.parametrize("value", ["<a\tb@c>", "a@b", "<a b@c>", "<" + "a" * 300 + "@b>"])
def test_a_message_id_that_could_not_be_in_a_header_is_none(value: str) -> None:
    raw = mail(Message_ID=None)
    assert read(f"Message-ID: {value}\n".encode() + raw, OURS).message_id is None


@given(st.binary(max_size=400))
def test_nothing_makes_it_fail(raw: bytes) -> None:
    found = read(raw, OURS)
    assert found.sort in Sort
    assert "\n" not in found.subject


@given(
    st.sampled_from(["From", "To", "Subject", "Content-Type", "Received", "Message-ID"]),
    st.binary(max_size=80),
)
def test_no_header_makes_it_fail(header: str, value: bytes) -> None:
    read(header.encode() + b": " + value + b"\n" + mail(), OURS)

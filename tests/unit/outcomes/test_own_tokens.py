"""Every bounce of a letter and of a notice names it, whatever relays did to the case of the address."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from mailer.core.settings import Settings
from mailer.core.tokens import Purpose, issue_delivery, issue_notice
from mailer.outcomes.recognise import recognise
from mailer.outcomes.report import MailKind, Ours, Report
from tests.unit.outcomes.corpus.case import US
from tests.unit.outcomes.corpus.formats import FORMATS

Program = Callable[[str, str], bytes]
POSITIONS = st.integers(0, 2**32 - 1)
PROGRAMS = st.sampled_from(FORMATS)


@pytest.fixture(autouse=True, scope="module")
def _keys(settings: Settings) -> None:
    """The tokens' keys are the installation's."""


def _bounced(program: Program, to_us: str) -> Report:
    return recognise(
        program("zoe@example.com", "550 5.1.1 user unknown").replace(US.encode(), to_us.encode())
    )


@given(send_id=st.uuids(), position=POSITIONS, program=PROGRAMS, fold=st.sampled_from([str.lower, str.upper]))
@examples(max_examples=60, deadline=None)
def test_a_bounced_letter_names_its_delivery(
    send_id: UUID, position: int, program: Program, fold: Callable[[str], str]
) -> None:
    token = issue_delivery(Purpose.RETURN_PATH, send_id, position)
    report = _bounced(program, fold(f"b-{token}@retour.example.org"))
    assert report.kind is MailKind.BOUNCE
    assert report.ours == Ours(delivery=(send_id, position))
    assert report.as_json()["ours"] == {"delivery": f"{send_id.hex}/{position}"}
    assert [one.address for one in report.outcomes] == ["zoe@example.com"]


@given(notice_id=st.uuids(), program=PROGRAMS)
@examples(max_examples=30, deadline=None)
def test_a_bounced_notice_names_itself(notice_id: UUID, program: Program) -> None:
    token = issue_notice(Purpose.NOTICE_RETURN_PATH, notice_id)
    report = _bounced(program, f"n-{token}@retour.example.org")
    assert report.ours == Ours(notice=notice_id)
    assert report.as_json()["ours"] == {"notice": notice_id.hex}


@given(position=POSITIONS, at=st.integers(2, 59), program=PROGRAMS)
@examples(max_examples=40, deadline=None)
def test_a_forged_token_names_nothing(position: int, at: int, program: Program) -> None:
    address = f"b-{issue_delivery(Purpose.RETURN_PATH, UUID(int=7), position)}"
    other = "a" if address[at] != "a" else "b"
    report = _bounced(program, f"{address[:at]}{other}{address[at + 1 :]}@retour.example.org")
    assert report.ours is None
    assert report.kind is MailKind.BOUNCE


@pytest.mark.parametrize(
    ("line", "purpose"),
    [
        ("Message-ID: <{}@example.org>", Purpose.MESSAGE_ID),
        ("List-Unsubscribe: <https://example.org/u/{}>,\n <mailto:x@example.org>", Purpose.UNSUBSCRIBE),
        ("Return-Path: <b-{}@retour.example.org>", Purpose.RETURN_PATH),
    ],
)
def test_a_complaint_without_a_recipient_names_its_delivery(line: str, purpose: Purpose) -> None:
    header = line.format(issue_delivery(purpose, UUID(int=7), 12))
    report = recognise(f"""From: fbl@provider.example
To: fbl@example.org
Content-Type: multipart/report; report-type=feedback-report; boundary=f

--f
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
--f
Content-Type: text/rfc822-headers

From: lettre@example.org
{header}
Subject: La lettre
--f--
""".encode())  # fmt: skip
    assert report.kind is MailKind.COMPLAINT
    assert report.ours == Ours(delivery=(UUID(int=7), 12))
    assert report.outcomes == ()


def test_a_token_of_one_purpose_is_none_of_another() -> None:
    token = issue_delivery(Purpose.MESSAGE_ID, UUID(int=7), 12)
    assert (
        recognise(f"To: b-{token}@retour.example.org\nFrom: zoe@example.com\n\nhello".encode()).ours is None
    )


def test_a_mail_to_the_address_of_list_unsubscribe_leaves() -> None:
    token = issue_delivery(Purpose.UNSUBSCRIBE, UUID(int=7), 12)
    report = recognise(f"From: zoe@example.com\nTo: u-{token}@example.org\nSubject: unsubscribe\n\n".encode())
    assert report.kind is MailKind.UNSUBSCRIBE
    assert report.rule == "list-unsubscribe"
    assert report.ours == Ours(delivery=(UUID(int=7), 12))


def test_a_vacation_to_our_return_path_stays_one() -> None:
    token = issue_delivery(Purpose.RETURN_PATH, UUID(int=7), 12)
    text = f"""Return-Path: <>
From: zoe@example.com
To: b-{token}@retour.example.org
Subject: Absence du bureau
Auto-Submitted: auto-replied

Je suis absente."""
    report = recognise(text.encode())
    assert report.kind is MailKind.AUTO_REPLY
    assert report.ours == Ours(delivery=(UUID(int=7), 12))

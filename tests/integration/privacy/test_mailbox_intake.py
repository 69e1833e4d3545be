"""Mails to the published address, from a real Dovecot to a case, and its receipt in a real SMTP server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from mailer.core import circuit, imap, jobs, tokens
from mailer.core.circuit import Hold
from mailer.core.db import transaction, utcnow
from mailer.core.jobs import Failure, Job
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.delivery import audience
from mailer.monitoring import alarms
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import register
from mailer.privacy.mailbox import intake
from mailer.privacy.mailbox.parse import Reason
from mailer.privacy.models import Channel, Outcome, Right, RightsRequest
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import Subscription, SubscriptionState
from tests.support.broken import broken
from tests.support.dovecot import Dovecot, running_dovecot
from tests.support.make import make_newsletter, make_readers, make_scheduled_issue
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink
from tests.unit.privacy.test_parse import mail

pytestmark = pytest.mark.usefixtures("clean")


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def dovecot(server: Dovecot) -> Dovecot:
    server.empty()
    return server


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def given(settings: Settings, dovecot: Dovecot, sink: Sink) -> Settings:
    return settings.model_copy(update={"inbox_url": SecretStr(dovecot.url), "relay_url": sink.url})


def _cases() -> list[RightsRequest]:
    with transaction() as db:
        return list(db.scalars(select(RightsRequest).order_by(RightsRequest.number)))


def _steps(case: RightsRequest) -> list[str]:
    with transaction() as db:
        return [each.what for each in register.history(db, case)]


def _send(given: Settings) -> None:
    with transaction() as db:
        db.execute(update(Notice).values(due_at=utcnow()))
    send_due(given)


def test_a_mail_opens_a_case_and_gets_one_receipt(given: Settings, dovecot: Dovecot, sink: Sink) -> None:
    dovecot.deliver(mail("Bonjour, effacez mes données.\n\n> votre lettre", Subject="Mes données"))
    assert intake.work(given) is False
    [case] = _cases()
    assert (case.right, case.channel, case.email) == (Right.ERASURE, Channel.EMAIL, "zoe@example.org")
    assert case.message_id == "<1@example.org>"
    _send(given)
    [receipt], [envelope] = sink.mails(), sink.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("<>", ["zoe@example.org"])
    assert (receipt["Auto-Submitted"], receipt["In-Reply-To"]) == ("auto-replied", "<1@example.org>")
    assert receipt["Reply-To"] == given.rights_email
    text = next(receipt.iter_parts()).get_content()
    assert f"{given.public_url}/rights\r\n" in text
    assert dovecot.holds() == []
    assert len(dovecot.holds(imap.DONE)) == 1
    with transaction() as db:
        said = register.history(db, case)[0].details
    assert (said["subject"], said["text"]) == ("Mes données", "Bonjour, effacez mes données.")


def test_the_from_line_is_a_claim_that_changes_nothing(given: Settings, dovecot: Dovecot) -> None:
    """Whoever writes in a subscriber's name opens a case, and that is all."""
    with transaction() as db:
        make_readers(db, make_newsletter(db), 1)
    dovecot.deliver(mail("Effacez-moi et désinscrivez-moi", From="reader0@example.org"))
    intake.work(given)
    with transaction() as db:
        assert db.scalars(select(Subscription.state)).all() == [SubscriptionState.ACTIVE]
    assert len(_cases()) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Auto_Submitted": "auto-replied"}, Reason.AUTOMATIC),
        ({"Precedence": "bulk"}, Reason.LIST),
        ({"List_Unsubscribe": "<mailto:bye@relay.example>"}, Reason.LIST),
        ({"Feedback_ID": "1:relay"}, Reason.LIST),
        ({"Return_Path": "<>"}, Reason.NULL_SENDER),
        ({"From": "Marie <noreply-marie@example.com>"}, Reason.NOBODY),
        ({"From": "postmaster@mairie.example"}, Reason.NOBODY),
    ],
)
def test_what_looks_like_a_machine_is_never_answered_always_listed_and_kept(
    given: Settings, dovecot: Dovecot, changes: dict[str, str], reason: Reason
) -> None:
    """Relays and mail programs put such marks on what people write."""
    with transaction() as db:
        make_newsletter(db)
    dovecot.deliver(mail(**changes))
    intake.work(given)
    [case] = _cases()
    with transaction() as db:
        assert db.scalars(select(Notice)).all() == []
        [(listed, first)] = register.list_unread(db)
    assert (listed.id, first["reason"]) == (case.id, reason)
    assert case.email in first["from"].lower()
    [(_, flagged)] = dovecot.holds()
    assert flagged
    intake.tidy(given.model_copy())
    assert len(dovecot.holds()) == 1
    with transaction() as db:
        register.dismiss(db, register.find(db, case.id) or case, by="terminal", now=utcnow())
        assert register.count_unread(db) == 0
        assert db.scalars(select(Notice)).all() == []
    intake.tidy(given)
    assert (len(dovecot.holds()), len(dovecot.holds(imap.DONE))) == (0, 1)


def test_whoever_quotes_our_letter_from_another_mailbox_is_a_stranger(
    given: Settings, dovecot: Dovecot, sink: Sink
) -> None:
    dovecot.deliver(mail("Que savez-vous de moi ?"))
    intake.work(given)
    _send(given)
    quoted = str(sink.mails()[0]["Message-ID"])
    dovecot.deliver(
        mail("J’y renonce, fermez.", From="eve@evil.example", In_Reply_To=quoted, Message_ID="<2@b>")
    )
    intake.work(given)
    _send(given)
    case, stranger = _cases()
    assert stranger.email == "eve@evil.example"
    assert _steps(case) == ["opened", "told", "quoted"]
    with transaction() as db:
        assert register.history(db, stranger)[0].details["quotes"] == case.number
        assert [each.id for each, _ in register.list_unread(db)] == [stranger.id]
    assert len(sink.mails()) == 1


def test_two_people_whom_only_a_dot_tells_apart_get_a_receipt_each(settings: Settings) -> None:
    with transaction() as db:
        for sender in (
            "j.anne@mairie.example",
            "janne@mairie.example",
            "j.anne@gmail.com",
            "janne@gmail.com",
        ):
            intake.take(db, mail("Effacez-moi", From=sender, Message_ID=None), now=utcnow())
        told = db.scalars(select(Notice.email).where(Notice.kind == NoticeKind.RECEIPT))
        assert sorted(filter(None, told)) == [
            "j.anne@gmail.com", "j.anne@mairie.example", "janne@mairie.example"
        ]  # fmt: skip


def test_our_own_mail_is_left_where_the_officer_reads_it(given: Settings, dovecot: Dovecot) -> None:
    """An alert, where the privacy officer's address is the published one."""
    with transaction() as db:
        make_newsletter(db, from_address="Lettre@Example.org")
    dovecot.deliver(
        mail(From=given.rights_email, Auto_Submitted="auto-generated"), mail(From="lettre@example.org")
    )
    intake.work(given)
    assert _cases() == []
    assert [flagged for _, flagged in dovecot.holds()] == [True, True]


def test_two_workers_that_read_the_same_mail_open_one_case(settings: Settings) -> None:
    def take() -> None:
        with transaction() as db:
            intake.take(db, mail("Effacez-moi"), now=utcnow())

    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(take) for _ in range(8)]:
            done.result()
    assert len(_cases()) == 1
    assert _steps(_cases()[0]) == ["opened", "told"]


def test_an_answering_machine_that_does_not_say_so_is_answered_once(
    given: Settings, dovecot: Dovecot, sink: Sink
) -> None:
    """It answers our receipt, and would answer that answer."""
    dovecot.deliver(mail("Que savez-vous de moi ?"))
    intake.work(given)
    _send(given)
    for n in range(3):
        theirs = mail(f"Je suis absente ({n})", In_Reply_To=str(sink.mails()[0]["Message-ID"]))
        dovecot.deliver(theirs)
        intake.work(given)
        _send(given)
    assert len(sink.mails()) == 1
    [case] = _cases()
    assert _steps(case) == ["opened", "told", *["message"] * 3]


def test_two_requests_of_a_day_are_two_cases_with_one_receipt(given: Settings, dovecot: Dovecot) -> None:
    dovecot.deliver(mail("Effacez mes données"), mail("Quelles données détenez-vous ?", Message_ID="<2@b>"))
    dovecot.deliver(mail("Quelles données, déjà ?", Message_ID="<3@b>"))
    intake.work(given)
    assert [case.right for case in _cases()] == [Right.ERASURE, Right.ACCESS]
    assert [_steps(case) for case in _cases()] == [["opened", "told"], ["opened", "message"]]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(mail(From=None), "no_sender"), (mail("", Subject=None), "no_text"),
     (mail(To=f"u-{'a2' * 28}@bounces.example.org"), "bad_token")],
)  # fmt: skip
def test_what_is_not_understood_is_left_to_a_person(
    given: Settings, dovecot: Dovecot, raw: bytes, reason: str
) -> None:
    dovecot.deliver(raw)
    intake.work(given)
    intake.work(given)
    [case] = _cases()
    with transaction() as db:
        assert [each.details.get("reason") for each in register.history(db, case)] == [reason]
        assert db.scalars(select(Notice)).all() == []
    [(_, flagged)] = dovecot.holds()
    assert flagged
    with transaction() as db:
        again = register.find(db, case.id)
        assert again
        register.close(db, again, Outcome.WITHDRAWN, by="terminal", now=utcnow())
    intake.tidy(given)
    assert (len(dovecot.holds()), len(dovecot.holds(imap.DONE))) == (0, 1)


def test_what_a_history_does_not_hold_stays_in_the_mailbox(given: Settings, dovecot: Dovecot) -> None:
    letter = EmailMessage()
    letter["From"] = "zoe@example.org"
    letter.set_content("Effacez mes données")
    letter.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="lettre.pdf")
    dovecot.deliver(letter.as_bytes())
    intake.work(given)
    assert [flagged for _, flagged in dovecot.holds()] == [True]
    with transaction() as db:
        assert db.scalars(select(Notice.kind)).all() == [NoticeKind.RECEIPT]


@pytest.mark.parametrize("crash", ["put_away", "flag"])
def test_a_crash_between_the_case_and_the_mailbox_costs_nothing(
    given: Settings, dovecot: Dovecot, sink: Sink, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    class Killed(Exception):
        """What a kill looks like from inside."""

    def kill(*_: object) -> None:
        raise Killed

    unsubscribe, reader = _letter_of_a_reader()
    dovecot.deliver(mail("Effacez-moi"), mail(From=None), mail("", To=unsubscribe, Message_ID="<3@b>"))
    with monkeypatch.context() as patch:
        patch.setattr(imap.Mailbox, crash, kill)
        for _ in range(3):
            with pytest.raises(Killed):
                intake.work(given)
    intake.work(given)
    assert len(_cases()) == 2
    assert _state(reader) is SubscriptionState.ENDED
    with transaction() as db:
        assert sorted(db.scalars(select(Notice.kind))) == ["goodbye", "receipt"]
    assert (len(dovecot.holds()), len(dovecot.holds(imap.DONE))) == (1, 2)


def _letter_of_a_reader() -> tuple[str, UUID]:
    """The mailto: address of a letter's List-Unsubscribe, and its reader's subscription."""
    with transaction() as db:
        newsletter = make_newsletter(db)
        make_readers(db, newsletter, 1)
        issue = make_scheduled_issue(db, newsletter)
        audience.freeze(db, issue.id, now=utcnow())
        assert issue.send_id
        token = tokens.issue_delivery(Purpose.UNSUBSCRIBE, issue.send_id, 1)
        reader = db.scalars(select(Subscription.id)).one()
    return f"u-{token}@bounces.example.org", reader


def _state(reader: UUID) -> SubscriptionState:
    with transaction() as db:
        return db.get_one(Subscription, reader).state


@pytest.mark.parametrize("sender", ["reader0@example.org", "somebody@else.example"])
def test_the_token_of_a_mailto_unsubscribes_whoever_writes(
    given: Settings, dovecot: Dovecot, sink: Sink, sender: str
) -> None:
    unsubscribe, reader = _letter_of_a_reader()
    left = mail("", From=sender, To=unsubscribe, Subject="unsubscribe", Message_ID="<bye@example.org>")
    dovecot.deliver(left, left)
    intake.work(given)
    assert _state(reader) is SubscriptionState.ENDED
    assert _cases() == []
    _send(given)
    [goodbye], [envelope] = sink.mails(), sink.envelopes
    assert (goodbye["To"], goodbye["In-Reply-To"]) == ("reader0@example.org", "<bye@example.org>")
    assert envelope.mail_from == "<>"
    with transaction() as db:
        events = select(ConsentPayload.channel).where(ConsentPayload.kind == "withdrawn")
        assert db.scalars(events).all() == [intake.CHANNEL]


def test_a_letter_answered_after_its_case_is_closed_is_a_new_case_without_a_receipt(
    given: Settings, dovecot: Dovecot, sink: Sink
) -> None:
    dovecot.deliver(mail("Que savez-vous de moi ?"))
    intake.work(given)
    with transaction() as db:
        case = register.find(db, _cases()[0].id)
        assert case
        register.refuse(db, case, "Non.", by="terminal", now=utcnow())
    _send(given)
    refusal = next(each for each in sink.mails() if "notre réponse" in str(each["Subject"]))
    dovecot.deliver(mail("Je le conteste", In_Reply_To=str(refusal["Message-ID"]), Message_ID="<2@b>"))
    intake.work(given)
    _, contested = _cases()
    with transaction() as db:
        assert register.history(db, contested)[0].details["follows"] == case.number
    assert _steps(contested) == ["opened"]


def test_a_flood_of_mails_opens_cases_and_answers_a_few(
    given: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "RECEIPTS_AN_HOUR", 3)
    with transaction() as db:
        for n in range(6):
            intake.take(db, mail("Effacez-moi", From=f"a{n}@example.org", Message_ID=None), now=utcnow())
        for n in range(6):  # and one mailbox under many names
            intake.take(db, mail("Effacez-moi", From=f"b+{n}@example.org", Message_ID=None), now=utcnow())
        assert db.scalars(select(Notice.kind)).all() == [NoticeKind.RECEIPT] * 3
        assert register.count_unread(db) == 9  # theirs waits for a person
    assert len(_cases()) == 12


def test_mails_that_nobody_reads_are_told_of_after_three_days(settings: Settings) -> None:
    with transaction() as db:
        intake.take(db, mail(Feedback_ID="1:relay"), now=utcnow())
        for hours, told in ((71, []), (73, ["unread"])):
            found = alarms.find(db, now=utcnow() + timedelta(hours=hours))
            assert [each.kind for each in found if each.kind == "unread"] == told


def test_a_program_that_gives_all_its_mails_one_name_loses_none(settings: Settings) -> None:
    with transaction() as db:
        for n in range(2):
            intake.take(db, mail("Effacez-moi", From=f"a{n}@example.org", Message_ID="<0@b>"), now=utcnow())
    assert [case.message_id for case in _cases()] == ["<0@b>", None]


def test_an_inbox_that_is_down_is_told_of_after_an_hour(given: Settings) -> None:
    away = given.model_copy(update={"inbox_url": SecretStr("imap://a:b@127.0.0.1:1/")})
    assert intake.work(away) is False
    intake.tidy(away)
    with transaction() as db:
        assert not [each for each in alarms.find(db, now=utcnow()) if each.kind == circuit.INBOX]
        found = alarms.find(db, now=utcnow() + timedelta(minutes=61))
        assert [each.kind for each in found if each.kind == circuit.INBOX] == [circuit.INBOX]
    assert intake.work(given) is False  # it rests
    with transaction() as db:
        db.execute(update(Hold).values(until=utcnow() - timedelta(seconds=1)))
    intake.work(given)
    with transaction() as db:
        assert circuit.known(db) == {}


def test_without_an_inbox_nothing_is_read(settings: Settings) -> None:
    assert settings.inbox_url is None
    acts: list[Callable[[Settings], object]] = [intake.work, intake.tidy]
    for act in acts:
        act(settings)


def test_a_mail_that_cannot_be_dealt_with_stays_and_keeps_no_other_waiting(
    given: Settings, dovecot: Dovecot, failures_expected: None
) -> None:
    for email in ("ann@example.org", "ben@example.org", "cy@example.org"):
        dovecot.deliver(mail("Effacez mes données", From=email, Message_ID=f"<{email}>"))
    job = Job(intake.JOB, lambda: intake.work(given))
    with broken("INSERT", "rights_request", "email", "ann@example.org"):
        assert jobs.run([job]) == [intake.JOB]
    assert {case.email for case in _cases()} == {"ben@example.org", "cy@example.org"}
    assert len(dovecot.holds()) == 1
    with transaction() as db:
        [found] = jobs.failing(db)
        assert (found.job, found.rows) == (intake.JOB, 1)
        db.execute(update(Failure).values(until=func.now()))
    assert jobs.run([job]) == []
    assert len(_cases()) == 3
    assert dovecot.holds() == []

"""A case from its receipt to its end, and the letters it causes."""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mailer.core import export_file
from mailer.core.db import transaction, utcnow
from mailer.core.export_file import ExportFormat
from mailer.core.fingerprint import fingerprint_of
from mailer.core.i18n import words
from mailer.core.settings import Settings
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import register, reminders, statistics
from mailer.privacy.cases.register import AlreadyPaused, BeingErased, ClosedCase, NoWords, TooLate
from mailer.privacy.models import Channel, Outcome, Right, RightsRequest
from mailer.privacy.rights import erasure
from mailer.smtp.replies import DeliveryState
from tests.support.make import open_case
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink

ZOE = "zoe@example.org"
RECEIVED = datetime(2026, 1, 31, 9, tzinfo=UTC)  # due on Monday 2 March


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


def _at(*day: int, hour: int = 12) -> datetime:
    return datetime(*day, hour, tzinfo=UTC)  # type: ignore[misc,arg-type]


def _letters(db: Session) -> list[NoticeKind]:
    return list(db.scalars(select(Notice.kind).order_by(Notice.created_at, Notice.id)))


def _steps(db: Session, case: RightsRequest) -> list[str]:
    return [each.what for each in register.history(db, case)]


def test_a_case_is_open_and_its_receipt_leaves(db: Session) -> None:
    case = open_case(db, now=RECEIVED)
    assert (case.due_on, case.acknowledged_at) == (date(2026, 3, 2), RECEIVED)
    assert case.fingerprint == fingerprint_of(ZOE)
    assert _letters(db) == [NoticeKind.RECEIPT]
    assert _steps(db, case) == ["opened", "told"]
    assert not register.acknowledge(db, case, now=RECEIVED)
    assert register.find(db, case.number) is register.find(db, case.id) is case
    assert register.find(db, uuid4()) is None


def test_the_day_of_receipt_is_the_bodys_own(db: Session) -> None:
    """Half past midnight in Paris is still the day before in UTC."""
    assert open_case(db, now=datetime(2026, 1, 30, 23, 30, tzinfo=UTC)).due_on == date(2026, 3, 2)
    assert open_case(db, now=datetime(2026, 1, 30, 22, 30, tzinfo=UTC)).due_on == date(2026, 3, 2)
    assert open_case(db, now=datetime(2025, 1, 14, 23, 30, tzinfo=UTC)).due_on == date(2025, 2, 17)
    assert open_case(db, now=datetime(2025, 1, 13, 22, 30, tzinfo=UTC)).due_on == date(2025, 2, 13)


def test_a_letter_by_post_counts_from_the_day_it_came(db: Session) -> None:
    case = open_case(
        db, email=None, name="Zoé Martin", channel=Channel.POST, now=_at(2026, 2, 4), received_at=RECEIVED,
        by="terminal",
    )  # fmt: skip
    assert case.due_on == date(2026, 3, 2)
    assert case.acknowledged_at is None
    register.refuse(db, case, "Nous ne savons pas de qui il s’agit.", by="terminal", now=_at(2026, 2, 5))
    assert _letters(db) == []
    told = [each.details for each in register.history(db, case) if each.what == "told"]
    assert [(each["kind"], each["by_post"]) for each in told] == [("refused", True)]


def test_an_extension_on_the_last_day_and_on_the_day_after(db: Session) -> None:
    case, late = open_case(db, now=RECEIVED), open_case(db, now=RECEIVED)
    last_moment = datetime(2026, 3, 2, 22, 59, tzinfo=UTC)  # 23:59 in Paris
    register.extend(db, case, "Les demandes sont nombreuses.", by="terminal", now=last_moment)
    assert case.due_on == date(2026, 4, 30)
    assert _letters(db)[-1] is NoticeKind.EXTENDED
    with pytest.raises(TooLate):
        register.extend(db, late, "Trop tard.", by="terminal", now=last_moment + timedelta(minutes=1))
    assert (late.due_on, late.extended_at) == (date(2026, 3, 2), None)
    with pytest.raises(TooLate):
        register.extend(db, case, "Encore.", by="terminal", now=last_moment)


def test_a_pause_stops_the_clock_as_often_as_it_must(db: Session) -> None:
    case = open_case(db, now=_at(2026, 11, 24))
    for stop, go, due in (
        (_at(2026, 12, 1), _at(2026, 12, 11), date(2027, 1, 4)),  # 24 December and ten days: a Sunday
        (_at(2026, 12, 20), _at(2026, 12, 23), date(2027, 1, 6)),  # and three more
    ):
        register.pause(db, case, "Quelle adresse utilisez-vous ?", by="terminal", now=stop)
        with pytest.raises(AlreadyPaused):
            register.pause(db, case, "Quelle adresse utilisez-vous ?", by="terminal", now=stop)
        assert register.clock(db, case).paused_since == stop.date()
        register.resume(db, case, by="terminal", now=go)
        register.resume(db, case, by="terminal", now=go)
        db.refresh(case)
        assert (case.paused_at, case.due_on) == (None, due)
    assert _letters(db).count(NoticeKind.IDENTITY) == 2
    register.extend(db, case, "Complexe.", by="terminal", now=_at(2027, 1, 6))
    assert case.due_on == date(2027, 3, 9)  # 24 February and thirteen days


def test_nothing_happens_to_a_closed_case(db: Session) -> None:
    case = open_case(db, now=RECEIVED)
    register.close(db, case, Outcome.GRANTED, by="service", now=RECEIVED, words="C’est fait.")
    assert (case.outcome, case.forget_at) == (Outcome.GRANTED, RECEIVED.replace(year=2031))
    steps = _steps(db, case)
    acts: list[Callable[[], object]] = [
        lambda: register.extend(db, case, "x", by="t", now=RECEIVED),
        lambda: register.pause(db, case, "x", by="t", now=RECEIVED),
        lambda: register.resume(db, case, by="t", now=RECEIVED),
        lambda: register.refuse(db, case, "x", by="t", now=RECEIVED),
        lambda: register.write(db, case, "x", by="t", now=RECEIVED),
        lambda: register.qualify(db, case, Right.ERASURE, by="t", now=RECEIVED),
        lambda: register.close(db, case, Outcome.GRANTED, by="t", now=RECEIVED),
    ]
    for act in acts:
        with pytest.raises(ClosedCase):
            act()
    assert _steps(db, case) == steps


def test_a_case_whose_data_are_being_erased_ends_by_itself(db: Session) -> None:
    """It holds the address until the certificate has left; closed before, nobody would let go of it."""
    case = open_case(db, now=RECEIVED)
    erasure.ask(db, "zoe@example.org", never_again=False, by="t", case=case, now=RECEIVED)
    assert case.right is Right.ERASURE
    steps = _steps(db, case)
    for outcome in (Outcome.GRANTED, Outcome.WITHDRAWN):
        with pytest.raises(BeingErased):
            register.close(db, case, outcome, by="t", now=RECEIVED)
    with pytest.raises(BeingErased):
        register.refuse(db, case, "x", by="t", now=RECEIVED)
    assert (_steps(db, case), case.refusal_reason) == (steps, None)


@pytest.mark.parametrize("words", ["", " \r\n\t ", "\x00"])
def test_a_letter_needs_words(db: Session, words: str) -> None:
    case = open_case(db, now=RECEIVED)
    for act in (register.extend, register.refuse, register.pause, register.write):
        with pytest.raises(NoWords):
            act(db, case, words, by="terminal", now=RECEIVED)
    with pytest.raises(NoWords):
        register.close(db, case, Outcome.REFUSED, by="terminal", now=RECEIVED)
    assert _steps(db, case) == ["opened", "told"]
    assert (case.closed_at, case.paused_at, case.extended_at) == (None, None, None)


def test_the_open_cases_come_by_due_date_and_those_at_rest_last(db: Session) -> None:
    later, sooner, resting = (open_case(db, now=_at(2026, 2, day)) for day in (10, 5, 1))
    register.pause(db, resting, "Qui êtes-vous ?", by="terminal", now=_at(2026, 2, 11))
    gone = open_case(db, now=_at(2026, 2, 2))
    register.close(db, gone, Outcome.NOTHING_HELD, by="service", now=_at(2026, 2, 12))
    assert register.listing(db) == [sooner, later, resting]
    assert register.listing(db, closed=True) == [gone]


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_a_refusal_says_why_and_which_remedies_there_are(
    clean: None, settings: Settings, sink: Sink, locale: str
) -> None:
    with transaction() as db:
        case = open_case(db, now=utcnow(), locale=locale, message_id="<asked@example.org>")
        register.refuse(
            db, case, "Une loi <b>l’impose</b>.\r\nEn voici le texte.", by="terminal", now=utcnow()
        )
        number = case.number
    assert send_due(settings.model_copy(update={"relay_url": sink.url})) == 2
    receipt, refusal = sink.mails()
    assert receipt["In-Reply-To"] == "<asked@example.org>"
    null, returned = [envelope.mail_from for envelope in sink.envelopes]
    assert null == "<>"
    assert returned is not None
    assert re.fullmatch(r"n-[a-z0-9]{50}@example\.org", returned)
    assert f"{settings.public_url}/rights" in receipt.as_string()
    assert str(number) in refusal["Subject"]
    text, html = (part.get_content().replace("\r\n", "\n") for part in refusal.iter_parts())
    assert "Une loi <b>l’impose</b>.\nEn voici le texte." in text
    assert "Une loi &lt;b&gt;l’impose&lt;/b&gt;.<br>En voici le texte." in html
    for remedy in ("www.cnil.fr", settings.dpo_email, "tribunal" if locale == "fr" else "court"):
        assert remedy in text
        assert remedy in html


def test_the_officer_is_told_ten_days_and_three_days_before_once_each(
    db: Session, settings: Settings
) -> None:
    open_case(db, now=_at(2026, 11, 24))  # due on 24 December
    told = [
        (day, reminders.tell(db, now=_at(2026, 12, day)), reminders.tell(db, now=_at(2026, 12, day, hour=22)))
        for day in (13, 14, 15, 20, 21, 24, 29)
    ]
    assert [(day, sent) for day, *both in told for sent in both if sent] == [(14, 1), (21, 1)]
    found = db.scalars(select(Notice).where(Notice.kind == NoticeKind.CASE_ALERT).order_by(Notice.due_at))
    assert [(each.email, (each.facts or {})["days"]) for each in found] == [
        (settings.dpo_email, "10"),
        (settings.dpo_email, "3"),
    ]


def test_a_due_date_that_moved_is_told_of_anew_and_one_at_rest_is_not(db: Session) -> None:
    case = open_case(db, now=_at(2026, 11, 24))
    assert reminders.tell(db, now=_at(2026, 12, 22)) == 1  # two alerts at once are one
    register.extend(db, case, "Complexe.", by="terminal", now=_at(2026, 12, 24))
    register.pause(db, case, "Qui êtes-vous ?", by="terminal", now=_at(2026, 12, 24))
    assert reminders.tell(db, now=_at(2027, 2, 20)) == 0
    register.resume(db, case, by="terminal", now=_at(2026, 12, 24))
    assert reminders.tell(db, now=_at(2027, 2, 20)) == 1


def test_a_closed_case_lets_go_of_who_it_was_once_its_last_letter_has_left(db: Session) -> None:
    case = open_case(db, now=RECEIVED, name="Zoé", text="Effacez-moi", subject="Mes données")
    register.close(db, case, Outcome.GRANTED, by="service", now=RECEIVED, words="C’est fait, Zoé.")
    other = open_case(db, now=RECEIVED, email="yan@example.org")
    assert register.forget_addresses(db) == 0
    db.execute(update(Notice).values(state=DeliveryState.ACCEPTED))
    assert register.forget_addresses(db) == 1
    assert (case.email, case.name, other.email) == (None, None, "yan@example.org")
    assert case.fingerprint == fingerprint_of(ZOE)
    kept = str([each.details for each in register.history(db, case)])
    assert not any(words in kept for words in ("Effacez", "Zoé", "Mes données"))
    assert register.forget_addresses(db) == 0


def test_figures(db: Session) -> None:
    _, granted, refused, resting = (open_case(db, now=RECEIVED) for _ in range(4))
    register.close(db, granted, Outcome.GRANTED, by="service", now=_at(2026, 3, 2, hour=22))
    register.refuse(db, refused, "=1+1", by="terminal", now=_at(2026, 3, 3))
    register.pause(db, resting, "Qui ?", by="terminal", now=RECEIVED)
    open_case(db, now=_at(2026, 3, 1), right=Right.ERASURE, channel=Channel.POST, email=None)
    found = statistics.figures(db, now=_at(2026, 3, 25))
    assert (found.received, found.open, found.suspended, found.closed) == (5, 3, 1, 2)
    assert (found.late, found.soon, found.in_time, found.days) == (1, 1, 1, 30.5)
    assert found.rights == {"access": 4, "erasure": 1}
    assert found.outcomes == {"granted": 1, "refused": 1}
    assert statistics.figures(db, now=_at(2026, 3, 25), since=date(2026, 3, 1)).received == 1
    assert statistics.figures(db, now=_at(2026, 3, 25), until=date(2026, 2, 28)).received == 4


def test_the_register_as_a_file_runs_nothing_and_names_nobody(db: Session) -> None:
    case = open_case(db, now=RECEIVED, name="Zoé Martin")
    register.refuse(db, case, '=HYPERLINK("http://evil.example")', by="terminal", now=_at(2026, 2, 3))
    file = BytesIO()
    table, zone = statistics.table(db, "fr"), ZoneInfo("Europe/Paris")
    assert export_file.write(table, file, ExportFormat.CSV, zone) == 1
    written = file.getvalue().decode("utf-8-sig")
    [head, row] = csv.reader(StringIO(written))
    assert tuple(head) == tuple(words("cases", "fr")["columns"])
    assert row[1:] == ["Accès", "Courriel", "2026-01-31", "2026-01-31", "2026-03-02", "", "", "",
                       "2026-02-03", "Refusée", '\'=HYPERLINK("http://evil.example")', "oui"]  # fmt: skip
    assert "zo" not in written.lower()

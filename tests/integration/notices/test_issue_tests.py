"""Tests of an issue, from the desk's use case to a real SMTP server; and who may be sent one."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings
from mailer.delivery.models import Delivery
from mailer.issues import lifecycle, looks, yaml_file
from mailer.issues.lifecycle import NotReady
from mailer.issues.models import Issue, Revision
from mailer.newsletters.models import Newsletter
from mailer.notices import issue_tests, models, testers
from mailer.notices.issue_tests import LedgerLine, RefusedTest
from mailer.notices.testers import RefusedTester
from mailer.privacy.retention import rules
from mailer.privacy.retention.inventory import Keep
from mailer.privacy.rights import access, export
from mailer.smtp.replies import DeliveryState
from mailer.staff import accounts
from mailer.staff.models import Staff
from mailer.subscribers import suppressions
from mailer.subscribers.consent.models import Wording
from mailer.subscribers.models import SuppressionReason
from mailer.subscribers.suppressions import SuppressedAddress
from tests.support.desk_rows import EMAIL, make_staff
from tests.support.make import erase, make_newsletter, make_readers
from tests.support.notices import send_due
from tests.support.sink import Sink, running_sink

LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"
OUTSIDE = "relectrice@example.net"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def through(settings: Settings, sink: Sink) -> Settings:
    return settings.model_copy(update={"relay_url": sink.url})


@pytest.fixture
def draft(clean: None) -> UUID:
    """The example letter, somebody of the staff, and readers who are to get none of its tests."""
    content, assets = yaml_file.load(LETTER)
    with transaction() as db:
        make_staff(db)
        make_readers(db, make_newsletter(db), 3)
        return lifecycle.import_issue(db, content, assets, now=utcnow()).id


def _test(issue_id: UUID, settings: Settings, *, to_testers: bool = False) -> None:
    with transaction() as db:
        issue, by = lifecycle.get(db, issue_id), db.scalars(select(Staff)).first()
        assert issue
        assert by
        issue_tests.send(db, issue, by=by, to_testers=to_testers, settings=settings, now=utcnow())


def _add(email: str, *, agreed: bool = True) -> UUID:
    with transaction() as db:
        of = db.scalars(select(Newsletter)).one()
        tester = testers.add(db, of, email, by="somebody", now=utcnow())
        if agreed:
            testers.agree(db, tester, testers.wording_of(of, "fr"), now=utcnow())
        return tester.id


def _ledger(issue_id: UUID) -> list[LedgerLine]:
    with transaction() as db:
        issue = lifecycle.get(db, issue_id)
        assert issue
        return issue_tests.listing(db, issue)


def _parts(mail: EmailMessage) -> tuple[str, str]:
    text, html = (part.get_content() for part in mail.iter_parts())
    return text, html


def test_one_test_arrives_marked_and_otherwise_as_it_would_leave(
    draft: UUID, sink: Sink, through: Settings
) -> None:
    _test(draft, through)
    assert send_due(through) == 1
    [mail] = sink.mails()
    text, html = _parts(mail)
    assert mail["To"].addresses[0].addr_spec == EMAIL
    assert mail["Subject"].startswith("[Essai] ")
    assert mail["List-Unsubscribe"] is None
    assert text.startswith("Ceci est un essai.")
    with transaction() as db:
        revision = db.scalars(select(Revision)).one()
        banner = re.search(r'<div role="note".*?</div>', html)
        assert banner
        assert revision.html.count("<table") == html.count("<table")
        assert len(html) - len(banner[0]) == pytest.approx(len(revision.html), abs=500)
        assert db.scalar(select(func.count()).select_from(Delivery)) == 0
    [line] = _ledger(draft)
    assert (line.recipients, line.accepted, line.refused, line.waiting, line.unsent) == (1, 1, 0, 0, 0)
    assert line.by == "Léa Martin"


def test_it_goes_to_the_testers_who_agreed_and_to_no_subscriber(
    draft: UUID, sink: Sink, through: Settings
) -> None:
    _add(OUTSIDE)
    _add("pas-encore@example.net", agreed=False)
    _test(draft, through, to_testers=True)
    send_due(through)
    tests = {
        to: mail for to, mail in zip(sink.took(), sink.mails(), strict=True) if "Essai" in mail["Subject"]
    }
    assert set(tests) == {EMAIL, OUTSIDE}
    assert "/stop" in tests[OUTSIDE]["List-Unsubscribe"]
    assert tests[OUTSIDE]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "reader" not in "".join(sink.took())


def test_somebody_outside_is_asked_first_and_their_word_is_kept(
    app: Flask, draft: UUID, sink: Sink, through: Settings
) -> None:
    tester_id = _add(OUTSIDE, agreed=False)
    send_due(through)
    assert sink.took() == [OUTSIDE]
    link = next(line for line in _parts(sink.mails()[0])[0].splitlines() if "/testers/" in line)
    path, client = link[link.index("/testers/") :], app.test_client()
    page = client.get(path, headers={"Accept-Language": "fr"}).text
    with transaction() as db:
        assert db.get_one(models.Tester, tester_id).confirmed_at is None  # looking changes nothing
    wording = re.search(r'name="wording" value="(\w+)"', page)
    assert wording
    assert (
        client.post(path, data={"wording": wording[1]}, headers={"Accept-Language": "fr"}).status_code == 200
    )
    with transaction() as db:
        tester = db.get_one(models.Tester, tester_id)
        assert tester.confirmed_at
        assert db.get_one(Wording, tester.wording_sha256).sha256.hex() == wording[1]


def test_one_click_stops_the_tests_for_good(app: Flask, draft: UUID, sink: Sink, through: Settings) -> None:
    _add(OUTSIDE)
    _test(draft, through, to_testers=True)
    send_due(through)
    mail = next(mail for to, mail in zip(sink.took(), sink.mails(), strict=True)
                if to == OUTSIDE and "Essai" in mail["Subject"])  # fmt: skip
    url = str(mail["List-Unsubscribe"]).strip("<>")
    path, client = url[url.index("/testers/") :], app.test_client()
    assert client.get(path).status_code == 200
    for _again in range(2):
        assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    with transaction() as db:
        assert db.scalars(select(models.Tester)).all() == []
    with pytest.raises(RefusedTest):
        _test(draft, through, to_testers=True)


@pytest.mark.parametrize("how", ["stopped", "suppressed", "disabled"])
def test_a_test_that_waits_is_not_sent_once_its_reason_is_gone(
    draft: UUID, sink: Sink, through: Settings, how: str
) -> None:
    tester_id = _add(OUTSIDE)
    _test(draft, through, to_testers=True)
    gone = OUTSIDE
    with transaction() as db:
        if how == "stopped":
            testers.end(db, db.get_one(models.Tester, tester_id))
        elif how == "suppressed":
            reason = SuppressionReason.OBJECTED
            suppressions.add(db, [SuppressedAddress(fingerprint_of(OUTSIDE), reason, utcnow())])
        else:
            accounts.disable(db, db.scalars(select(Staff.id)).one(), now=utcnow())
            gone = EMAIL
    send_due(through)
    got = [to for to, mail in zip(sink.took(), sink.mails(), strict=True) if "Essai" in mail["Subject"]]
    assert got == [to for to in (EMAIL, OUTSIDE) if to != gone]
    [line] = _ledger(draft)
    assert (line.recipients, line.accepted, line.unsent) == (2, 1, 1)


def test_a_refusal_is_in_the_ledger(draft: UUID, sink: Sink, through: Settings) -> None:
    sink.refusals[EMAIL] = "550 5.1.1 no such user"
    _test(draft, through)
    send_due(through)
    [line] = _ledger(draft)
    assert (line.accepted, line.refused, line.unsent) == (0, 1, 0)


def test_what_is_not_finished_is_not_sent_at_all(draft: UUID, settings: Settings) -> None:
    with transaction() as db:
        issue = db.get_one(Issue, draft)
        issue.content = issue.content | {"subject": ""}
    with pytest.raises(NotReady):
        _test(draft, settings)
    with transaction() as db:
        assert db.scalars(select(models.Notice)).all() == []
        assert db.scalars(select(models.IssueTest)).all() == []


def test_it_is_no_way_to_send_mail(draft: UUID, settings: Settings) -> None:
    for _time in range(issue_tests.MOST):
        _test(draft, settings)
    with pytest.raises(RefusedTest) as refused:
        _test(draft, settings)
    assert "20" in refused.value.sentence("fr")
    with transaction() as db:
        for each in db.scalars(select(models.IssueTest)):
            each.at -= timedelta(hours=1)
    _test(draft, settings)


def test_the_ledger_tells_what_was_tested_from_what_leaves(draft: UUID, settings: Settings) -> None:
    _test(draft, settings)
    with transaction() as db:
        of = db.scalars(select(Newsletter)).one()
        looks.change(db, of, {"accent": "#7c2d92"}, revision=None)
    _test(draft, settings)
    with transaction() as db:
        issue = lifecycle.get(db, draft)
        assert issue
        soon = utcnow() + timedelta(days=1)
        lifecycle.schedule(db, issue, due_at=soon, approver="x", now=utcnow(), settings=settings)
    assert [line.approved for line in _ledger(draft)] == [True, False]
    with transaction() as db:
        of = db.scalars(select(Newsletter)).one()
        looks.change(db, of, {"accent": "#c2410c", "signature": "Une autre"}, revision=None)
        issue = lifecycle.get(db, draft)
        assert issue
        frozen = lifecycle.rendered(db, issue, settings).html
        assert "#7c2d92" in frozen
        assert "Une autre" not in frozen


@pytest.mark.parametrize(
    ("email", "code"),
    [("relectrice@", "no_address"), ("non@example.net", "suppressed"), (OUTSIDE, "already")],
)
def test_who_cannot_be_a_tester(draft: UUID, email: str, code: str) -> None:
    _add(OUTSIDE, agreed=False)
    with transaction() as db:
        reason = SuppressionReason.OBJECTED
        suppressions.add(db, [SuppressedAddress(fingerprint_of("non@example.net"), reason, utcnow())])
    with pytest.raises(RefusedTester) as refused:
        _add(email)
    assert refused.value.code == code


def test_nobody_is_asked_twice_a_day(draft: UUID) -> None:
    first = _add(OUTSIDE, agreed=False)
    with transaction() as db:
        testers.end(db, db.get_one(models.Tester, first))
    with pytest.raises(RefusedTester) as refused:
        _add(OUTSIDE, agreed=False)
    assert refused.value.code == "asked"


def test_staff_read_tests_without_being_asked(draft: UUID) -> None:
    tester_id = _add(EMAIL, agreed=False)
    with transaction() as db:
        assert db.get_one(models.Tester, tester_id).confirmed_at
        assert db.scalars(select(models.Notice)).all() == []


def test_access_gives_what_is_held_of_a_tester_and_erasure_leaves_nothing(
    draft: UUID, settings: Settings
) -> None:
    _add(OUTSIDE)
    _test(draft, settings, to_testers=True)
    with transaction() as db:
        held = access.draw(db, OUTSIDE, utcnow())
    assert "vous les recevez depuis" in export.document(held, "fr")
    [row] = held.tables["tester"]
    assert row["email"] == OUTSIDE
    assert [set(each["facts"]) & access.SECRET for each in held.tables["notice"]] == [set(), set()]
    with transaction() as db:
        erase(db, OUTSIDE, never_again=False, now=utcnow())
    with transaction() as db:
        assert db.scalars(select(models.Tester)).all() == []
        kinds = (models.NoticeKind.TEST, models.NoticeKind.TESTER)
        assert db.scalars(select(models.Notice.email).where(models.Notice.kind.in_(kinds))).all() == [EMAIL]


def test_testers_are_not_kept_for_ever(draft: UUID, settings: Settings) -> None:
    _add(OUTSIDE)
    _add("muette@example.net", agreed=False)
    rule = next(rule for rule in rules.RULES if rule.name == Keep.TESTERS)
    with transaction() as db:
        assert rule.apply(db, utcnow() + timedelta(days=6)) == 0
        assert rule.apply(db, utcnow() + timedelta(days=8)) == 1
        assert rule.apply(db, utcnow() + timedelta(days=366 * settings.retention_years)) == 1


def test_after_a_restore_nobody_is_a_tester(draft: UUID) -> None:
    """Who stopped since the backup is in no log: staff add again whom they need."""
    _add(OUTSIDE)
    with transaction() as db:
        testers.forget_requests(db)
        assert testers.of_newsletter(db, db.scalars(select(Newsletter.id)).one()) == []


def test_the_states_of_a_test_are_those_of_a_notice(draft: UUID, settings: Settings) -> None:
    _test(draft, settings)
    [line] = _ledger(draft)
    assert line.waiting == 1
    with transaction() as db:
        assert db.scalars(select(models.Notice.state)).one() is DeliveryState.PENDING

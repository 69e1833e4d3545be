"""Whoever was given a file with an erased person in it is told: the privacy officer knows which files."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import audit
from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import register
from mailer.privacy.models import Channel, RightsRequest
from mailer.privacy.rights import disclosures, erasure, erasure_certificate, erasure_wait, erasure_worker
from mailer.privacy.rights.erasure_certificate import ErasureCertificate
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscription
from tests.support.commands import facts
from tests.support.desk_rows import make_staff
from tests.support.make import EPOCH, erase, make_newsletter, make_pending

ZOE = "zoe@example.org"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _subscribed(db: Session, slug: str = "lettre", *, now: object = EPOCH) -> Subscription:
    subscription = make_pending(db, make_newsletter(db, slug=slug), email=ZOE, now=EPOCH)
    subscriptions.confirm(db, subscription.id, now=EPOCH)
    return subscription


def _taken_out(
    db: Session, what: str, *, after: timedelta, who: str = audit.TERMINAL, **details: object
) -> None:
    audit.record(db, who=who, what=what, details=details, now=EPOCH + after)


def _export(db: Session, *, after: timedelta, slug: str = "lettre", everybody: bool = False) -> None:
    _taken_out(db, disclosures.SUBSCRIBERS, after=after, newsletter=slug, rows=12, everybody=everybody)


def _told(db: Session) -> list[str]:
    """The lines of what the privacy officer is written."""
    found = db.scalars(select(Notice.facts).where(Notice.kind == NoticeKind.RECIPIENTS))
    return [line for facts in found if facts for line in facts["words"].splitlines()]


def test_the_certificate_and_the_officer_say_which_files_went_out(db: Session, settings: Settings) -> None:
    lea = make_staff(db)
    _subscribed(db)
    _taken_out(
        db,
        disclosures.SUBSCRIBERS,
        after=DAY,
        who=str(lea.id),
        newsletter="lettre",
        rows=12,
        everybody=False,
    )
    done = erase(db, ZOE, never_again=False, now=EPOCH + 9 * DAY)
    assert done.handed == [register.today(EPOCH + DAY)]
    assert "24 novembre 2026" in erasure_certificate.words("fr", done)
    assert "24 November 2026" in erasure_certificate.words("en", done)
    notice = db.scalars(select(Notice).where(Notice.kind == NoticeKind.RECIPIENTS)).one()
    assert notice.email == settings.dpo_email
    assert _told(db) == ["24 novembre 2026, lettre, 12 lignes (Léa Martin)"]
    assert ZOE not in str(notice.facts)


def test_nobody_is_told_when_no_file_went_out(db: Session) -> None:
    _subscribed(db)
    done = erase(db, ZOE, never_again=False, now=EPOCH + DAY)
    assert (done.handed, _told(db)) == ([], [])
    assert "fichiers" not in erasure_certificate.words("fr", done)


def test_a_file_holds_who_was_subscribed_when_it_left(db: Session) -> None:
    subscription = _subscribed(db)
    _export(db, after=-HOUR)  # before they signed up
    _export(db, after=DAY, slug="autre")
    _export(db, after=2 * DAY)
    subscriptions.withdraw(db, subscription.id, channel="link", now=EPOCH + 3 * DAY)
    _export(db, after=4 * DAY)  # they had left
    _export(db, after=5 * DAY, everybody=True)
    days = [each.at - EPOCH for each in disclosures.files(db, fingerprint_of(ZOE))]
    assert days == [2 * DAY, 5 * DAY]


def test_a_breach_s_list_and_an_inspection_s_file_went_out_too(db: Session) -> None:
    _subscribed(db)
    fingerprint, other = fingerprint_of(ZOE), fingerprint_of("ada@example.org")
    _taken_out(db, disclosures.BREACH, after=DAY, breach=1, rows=3, newsletter=None)
    _taken_out(db, disclosures.BREACH, after=2 * DAY, breach=1, rows=3, newsletter="autre")
    _taken_out(db, disclosures.INSPECTION, after=3 * DAY, fingerprint=fingerprint.hex())
    _taken_out(db, disclosures.INSPECTION, after=4 * DAY, fingerprint=other.hex())
    assert [(each.at - EPOCH, each.rows) for each in disclosures.files(db, fingerprint)] == [
        (DAY, 3),
        (3 * DAY, None),
    ]
    erase(db, ZOE, never_again=False, now=EPOCH + 5 * DAY)
    assert [line.split(", ", 1)[1] for line in _told(db)] == [
        "toutes les lettres, 3 lignes (terminal)", "dossier de cette personne (terminal)",
    ]  # fmt: skip


def test_what_left_before_an_erasure_is_not_told_again_after_the_next(db: Session) -> None:
    _subscribed(db)
    _export(db, after=DAY, everybody=True)
    erase(db, ZOE, never_again=False, now=EPOCH + 2 * DAY)
    _export(db, after=3 * DAY, everybody=True)
    assert [each.at - EPOCH for each in disclosures.files(db, fingerprint_of(ZOE))] == [DAY]


def test_whoever_comes_late_is_told_the_same_and_nobody_twice(db: Session) -> None:
    _subscribed(db)
    _export(db, after=DAY)
    first = erase(db, ZOE, never_again=False, now=EPOCH + 2 * DAY)
    late = erasure.grant(db, first.case_id, now=EPOCH + 2 * DAY + HOUR)
    assert isinstance(late, ErasureCertificate)
    assert (late.handed, late.first, late.backups_until) == (first.handed, False, first.backups_until)
    assert len(_told(db)) == 1


@pytest.mark.parametrize(("by", "lines"), [(audit.TERMINAL, ["rights erase"]), (register.PERSON, [])])
def test_what_the_sweep_finishes_for_staff_is_in_the_audit_once(
    clean: None, by: str, lines: list[str]
) -> None:
    """The process that was asked died between its two transactions."""
    with transaction() as db:
        _subscribed(db)
        case = erasure.ask(db, ZOE, never_again=True, channel=Channel.TERMINAL, by=by, now=utcnow())
    assert erasure_worker.retry(clock=utcnow) == 1
    assert erasure_worker.attempt(case.id, clock=utcnow)
    with transaction() as db:
        found = db.scalars(select(Audit).order_by(Audit.id)).all()
        assert [(each.what, each.who) for each in found] == [(what, by) for what in lines]
        assert [each.details["case"] for each in found] == [case.number for _ in lines]


def test_from_an_export_to_the_officer_s_letter(clean: None, tmp_path: Path) -> None:
    with transaction() as db:
        _subscribed(db)
    facts("subscribers", "export", "--newsletter", "lettre", "--out", str(tmp_path / "people.csv"))
    assert len(facts("rights", "erase", ZOE, "--yes")["handed"]) == 1
    with transaction() as db:
        assert len(_told(db)) == 1
        (case,) = db.scalars(select(RightsRequest))
        (done,) = (step for step in register.history(db, case) if step.what == erasure_wait.DONE)
        assert [each["newsletter"] for each in done.details["handed"]] == ["lettre"]

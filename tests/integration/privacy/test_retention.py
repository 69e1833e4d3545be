"""What goes when its time has come, what is asked before, and what never goes while somebody is frozen."""

import json
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from click.testing import CliRunner
from dateutil.relativedelta import relativedelta
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from mailer.backup import prune_log
from mailer.cli import cli
from mailer.core import audit, tokens
from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import Purpose
from mailer.imports.models import Import, ImportState
from mailer.monitoring import lifecycle
from mailer.notices import outbox
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.cases import register
from mailer.privacy.models import Outcome, RightsRequest
from mailer.privacy.retention import reconfirmation, rules
from mailer.privacy.retention.inventory import UNRULED, Keep
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import verify
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.models import PreferencesRequest, Subscriber, Subscription
from tests.support.make import EPOCH, make_newsletter, make_pending, open_case

ZOE = "zoe@example.org"
DAY = timedelta(days=1)
RULES = (*rules.RULES, prune_log.RULE, lifecycle.RULE)
YEARS, MONTHS = relativedelta(years=3), relativedelta(months=35)


def _run(now: datetime, *, dry: bool = False) -> dict[str, int]:
    """What each rule found, or did, where that is something."""
    lines = rules.run(RULES, dry=dry, clock=lambda: now)
    return {line.rule: line.rows for line in lines if line.rows}


def _subscribed(email: str = ZOE) -> None:
    with transaction() as db:
        subscription = make_pending(db, make_newsletter(db), email=email, now=EPOCH)
        subscriptions.confirm(db, subscription.id, now=EPOCH)


def _count(table: type) -> int:
    with transaction() as db:
        return db.scalar(select(func.count()).select_from(table)) or 0


def _mails() -> list[NoticeKind]:
    with transaction() as db:
        return list(db.scalars(select(Notice.kind)))


def test_every_rule_the_holdings_name_is_there_and_no_other() -> None:
    named = {each.value for each in Keep if each not in UNRULED} | {reconfirmation.RECONFIRM}
    assert {rule.name for rule in RULES} == named


def test_at_35_months_one_letter_and_silence_erases(clean: None) -> None:
    _subscribed()
    assert "reconfirm" not in _run(EPOCH + MONTHS - DAY)
    asked = EPOCH + MONTHS
    assert _run(asked)["reconfirm"] == 1
    assert "reconfirm" not in _run(asked + DAY)
    assert "inactive" not in _run(EPOCH + YEARS - DAY)
    assert _run(EPOCH + YEARS + DAY)["inactive"] == 1
    with transaction() as db:
        last = select(ConsentPayload.kind, ConsentPayload.channel).order_by(ConsentPayload.at.desc()).limit(1)
        assert db.execute(last).one() == (ConsentKind.ERASED, reconfirmation.CHANNEL)
        assert verify.verify(db, now=utcnow()).whole
    assert (_count(Subscriber), _count(RightsRequest)) == (0, 0)


def test_whoever_could_not_be_asked_in_time_still_has_a_month(clean: None) -> None:
    _subscribed()
    late = EPOCH + YEARS + relativedelta(years=1)
    assert _run(late) == {"reconfirm": 1, "throttles": 4}
    assert "inactive" not in _run(late + timedelta(days=27))
    assert _run(late + timedelta(days=32))["inactive"] == 1


def test_the_letter_s_button_goes_on_and_looking_does_not(clean: None, app: Flask) -> None:
    _subscribed()
    with transaction() as db:
        db.execute(update(Subscriber).values(reconfirm_asked_at=utcnow()))
        of = db.scalars(select(Subscriber.id)).one()
        before = db.scalars(select(Subscription.consent_id)).one()
    page, client = f"/still/{tokens.issue(Purpose.RECONFIRM, of.hex)}", app.test_client()
    shown = client.get(page).text
    assert "Je veux continuer à recevoir vos lettres" in shown
    assert "La lettre" not in shown  # a copy of the mail may be in other hands
    assert client.head(page).status_code == 200
    with transaction() as db:
        assert db.scalars(select(Subscription.consent_id)).one() == before
    assert "C’est enregistré" in client.post(page).text
    with transaction() as db:
        said = db.get_one(ConsentPayload, db.scalars(select(Subscription.consent_id)).one())
        assert (said.kind, said.wording_sha256 is not None, said.event_id == before) == (
            ConsentKind.CONFIRMED, True, False,
        )  # fmt: skip
    assert set(_run(EPOCH + MONTHS + timedelta(hours=1))) == {"throttles"}
    assert "inactive" not in _run(EPOCH + YEARS + DAY)


def test_what_is_frozen_stays_as_it_is(clean: None, app: Flask) -> None:
    _subscribed()
    with transaction() as db:
        db.execute(update(Subscriber).values(restricted_at=utcnow()))
        of = db.scalars(select(Subscriber.id)).one()
    page, client = f"/still/{tokens.issue(Purpose.RECONFIRM, of.hex)}", app.test_client()
    for answer in (client.get(page), client.post(page)):
        assert (answer.status_code, "L’utilisation de vos données est suspendue" in answer.text) == (
            409,
            True,
        )
    assert _count(ConsentPayload) == 2


@pytest.mark.parametrize("token", ["nonsense", "gone"])
def test_a_link_of_nobody_s_says_so(clean: None, app: Flask, token: str) -> None:
    path = tokens.issue(Purpose.RECONFIRM, uuid4().hex) if token == "gone" else token
    client = app.test_client()
    assert (client.get(f"/still/{path}").status_code, client.post(f"/still/{path}").status_code) == (410, 410)


def test_the_letter_leads_to_the_page(clean: None) -> None:
    _subscribed()
    _run(EPOCH + MONTHS)
    with transaction() as db:
        notice = db.scalars(select(Notice).where(Notice.kind == NoticeKind.RECONFIRM)).one()
        assert notice.facts is not None
        assert notice.facts["link"] + "token" == "/still/token"
        assert notice.facts["letters"] == "La lettre"


def test_nobody_restricted_is_asked_or_purged(clean: None) -> None:
    _subscribed()
    with transaction() as db:
        register.close(db, open_case(db, now=EPOCH), Outcome.GRANTED, by="service", now=EPOCH)
        db.execute(update(Subscriber).values(restricted_at=EPOCH))
    assert set(_run(EPOCH + 3 * YEARS)) <= {"throttles", "notices", "audit"}
    assert (_count(Subscriber), _count(RightsRequest)) == (1, 1)


def test_whoever_left_goes_without_a_letter(clean: None) -> None:
    _subscribed()
    with transaction() as db:
        subscriptions.withdraw(db, db.scalars(select(Subscription.id)).one(), channel="link", now=EPOCH + DAY)
    assert "inactive" not in _run(EPOCH + YEARS - DAY)
    assert _run(EPOCH + YEARS + DAY)["inactive"] == 1
    assert NoticeKind.RECONFIRM not in _mails()


def test_unconfirmed_sign_ups_and_stale_requests_go_after_a_week(clean: None) -> None:
    with transaction() as db:
        make_pending(db, make_newsletter(db), now=EPOCH)
        db.add(PreferencesRequest(email=ZOE, at=EPOCH))
    before = _run(EPOCH + 7 * DAY - timedelta(minutes=1))
    assert not {"unconfirmed", "requests"} & set(before)
    after = _run(EPOCH + 7 * DAY)
    assert (after["unconfirmed"], after["requests"]) == (1, 1)
    assert _count(Subscriber) == 0


def test_mails_that_left_imports_that_wait_cases_and_audit(clean: None) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db)
        register.close(db, open_case(db, now=EPOCH), Outcome.GRANTED, by="service", now=EPOCH)
        outbox.post(db, NoticeKind.LETTER, email=ZOE, locale="fr", now=EPOCH)
        db.execute(update(Notice).values(state="accepted"))
        audit.record(db, who="terminal", what="test", details={}, now=EPOCH)
        _import(db, newsletter.id)
    assert set(_run(EPOCH + 6 * DAY)) == set()
    assert _run(EPOCH + 7 * DAY) == {"import_files": 1}
    assert _run(EPOCH + 90 * DAY) == {"notices": 2}
    assert _run(EPOCH + 365 * DAY) == {"audit": 1}
    assert _run(EPOCH + relativedelta(years=5)) == {"cases": 1}
    assert [_count(table) for table in (Notice, Import, RightsRequest, Audit)] == [0, 0, 0, 0]


def _import(db: Session, newsletter_id: object) -> None:
    db.add(Import(
        newsletter_id=newsletter_id, state=ImportState.CHECKED, by="terminal", file_name="people.csv",
        file_fingerprint=b"", records=1, preset="csv", columns={}, source="fair", locale="fr",
        created_at=EPOCH,
    ))  # fmt: skip


def test_a_dry_run_counts_what_a_run_does_and_changes_nothing(clean: None) -> None:
    _subscribed()
    with transaction() as db:
        subscriptions.withdraw(db, db.scalars(select(Subscription.id)).one(), channel="link", now=EPOCH)
        make_pending(db, make_newsletter(db, slug="b"), email="ada@example.org", now=EPOCH)
    now = EPOCH + 2 * YEARS
    told = _run(now, dry=True)
    assert told == _run(now, dry=True)
    assert told["inactive"] == 1  # the unconfirmed one goes by its own rule
    assert _count(Subscriber) == 2
    assert _run(now)["inactive"] == told["inactive"]


def test_the_command_reports_and_is_audited(clean: None) -> None:
    with transaction() as db:
        db.add(PreferencesRequest(email=ZOE, at=utcnow() - 8 * DAY))
    dry = json.loads(CliRunner().invoke(cli, ["retention", "run", "--dry-run", "--json"]).stdout)
    assert {row["rule"]: row["rows"] for row in dry if row["rows"]} == {"requests": 1}
    assert _count(PreferencesRequest) == 1
    assert CliRunner().invoke(cli, ["retention", "run"]).exit_code == 0
    assert _count(PreferencesRequest) == 0
    with transaction() as db:
        assert db.execute(select(Audit.what, Audit.details)).one() == ("retention run", {"requests": 1})

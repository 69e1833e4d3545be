"""The papers say what the settings say, whole and in both languages; a breach has its 72 hours."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from mailer.cli import cli
from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings, load, settings
from mailer.newsletters.models import LegalBasis
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy import breaches, documents
from mailer.privacy.models import Breach
from tests.support.make import EPOCH, make_newsletter, make_pending, make_readers

KNOWN = ("controller_name", "controller_address", "dpo_email", "recipients")


def _run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def _done(*words: object) -> Any:
    result = _run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def people(clean: None) -> list[str]:
    with transaction() as db:
        newsletter = make_newsletter(db, name="La lettre <du> mois")
        make_newsletter(db, slug="avis", name="Avis", legal_basis=LegalBasis.PUBLIC_TASK)
        return make_readers(db, newsletter, 3)


def test_every_paper_in_both_languages_as_a_page_and_as_text(
    people: list[str], settings: Settings, tmp_path: Path
) -> None:
    written = {Path(each).name for each in _done("rgpd", "report", "--out", tmp_path)["files"]}
    assert written == {
        f"{paper}.{locale}.{ending}"
        for paper in documents.PAPERS for locale in ("fr", "en") for ending in ("html", "txt")
    }  # fmt: skip
    register = (tmp_path / "register.fr.txt").read_text()
    for name in KNOWN:
        assert getattr(settings, name) in register
    assert "article 6.1.a" in register
    assert "article 6.1.e" in register
    assert "La lettre &lt;du&gt; mois" in (tmp_path / "register.en.html").read_text()
    assert settings.host_name in (tmp_path / "processors.en.txt").read_text()
    for path in tmp_path.iterdir():
        text = path.read_text()
        assert "{" not in text.partition("</style>")[2 if path.suffix == ".html" else 0]
        assert not any(address in text for address in people)


def test_a_relay_without_tls_is_not_said_to_have_it(settings: Settings) -> None:
    day = EPOCH.date()
    for url, said in (
        ("smtp://relay.example.org:25?tls=none", "aucun"),
        ("smtps://relay.example.org", "exigé"),
    ):
        text = documents.as_text(documents.compose("processors", "fr", [], load(relay_url=url), day=day))
        assert said in text
        assert "relay.example.org" in text


def test_a_breach_and_its_clock(clean: None) -> None:
    opened = _done("rgpd", "breach", "open", "--what", "A laptop with an export was lost.")
    assert opened["left"] == "71 h"
    with transaction() as db:
        db.scalars(select(Breach)).one().aware_at = utcnow() - timedelta(hours=73)
    (listed,) = _done("rgpd", "breach", "list")
    assert listed["left"] == "late"
    number = listed["number"]
    assert _done("rgpd", "breach", "notified", number)["left"] is None
    assert _done("rgpd", "breach", "notified", number, "--people")["people_told"]
    assert _done("rgpd", "breach", "close", number, "--conclusion", "Found again, encrypted.")["closed"]
    for words in (("notified", number), ("close", number, "--conclusion", "Again.")):
        result = _run("rgpd", "breach", *words)
        assert (result.exit_code, "closed" in result.output) == (1, True)
    assert "no breach has the number" in _run("rgpd", "breach", "notified", 999).output


def _told() -> list[dict[str, str]]:
    with transaction() as db:
        mine = Notice.kind == NoticeKind.BREACH, Notice.email == settings().dpo_email
        return [
            each.facts or {} for each in db.scalars(select(Notice).where(*mine).order_by(Notice.created_at))
        ]


def test_the_officer_is_told_at_once_and_once_more_on_the_last_day(clean: None) -> None:
    now = datetime(2026, 12, 1, 8, 5, tzinfo=UTC)
    with transaction() as db:
        breaches.record(db, what="A laptop was lost.", aware_at=now, now=now)
    (told,) = _told()
    assert (told["words"], told["left"]) == ("A laptop was lost.", "72")
    assert (told["received"], told["due"]) == (
        "1er décembre 2026 à 9\u00a0h\u00a005", "4 décembre 2026 à 9\u00a0h\u00a005",
    )  # fmt: skip
    assert [_reminded(now + timedelta(hours=hours)) for hours in (47, 48, 49, 100)] == [0, 1, 0, 0]
    assert [told["left"] for told in _told()] == ["72", "24"]


def test_a_breach_that_is_notified_closed_or_late_is_not_told_of_again(clean: None) -> None:
    now = datetime(2026, 12, 1, 8, 5, tzinfo=UTC)
    with transaction() as db:
        first, second, _ = (
            breaches.record(db, what=what, aware_at=now - ago, now=now)
            for what, ago in (("a", timedelta(0)), ("b", timedelta(0)), ("c", timedelta(hours=80)))
        )
        breaches.notified(db, first, at=now, people=False, now=now)
        breaches.close(db, second, conclusion="No risk.", now=now)
    assert _reminded(now + timedelta(hours=60)) == 0
    assert [told["left"] for told in _told()] == ["72", "72", "0"]


def _reminded(now: datetime) -> int:
    with transaction() as db:
        return breaches.remind(db, now=now)


def test_it_cannot_be_known_or_told_in_the_future_or_before_it_was_known(clean: None) -> None:
    late = f"{utcnow() + timedelta(days=2):%Y-%m-%d %H:%M}"
    assert _run("rgpd", "breach", "open", "--what", "x", "--at", late).exit_code == 2
    number = _done("rgpd", "breach", "open", "--what", "x")["number"]
    for at in (late, "2020-01-01 08:00"):
        assert _run("rgpd", "breach", "notified", number, "--at", at).exit_code == 2


def test_whom_it_may_concern(people: list[str], tmp_path: Path) -> None:
    number = _done("rgpd", "breach", "open", "--what", "x")["number"]
    out = tmp_path / "people.csv"
    assert _done("rgpd", "breach", "affected", number, "--out", out)["rows"] == 3
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert [row["email"] for row in csv.DictReader(file)] == sorted(people)
    assert out.stat().st_mode & 0o077 == 0
    assert _done("rgpd", "breach", "affected", number, "--out", out, "--newsletter", "avis")["rows"] == 0
    with transaction() as db:
        make_pending(db, make_newsletter(db, slug="autre"), email="-2+3@example.org", now=utcnow())
    assert _done("rgpd", "breach", "affected", number, "--out", out)["rows"] == 4
    with out.open(encoding="utf-8-sig", newline="") as file:  # no spreadsheet computes it
        assert [row["email"] for row in csv.DictReader(file) if "2+3" in row["email"]] == [
            "'-2+3@example.org"
        ]
    with transaction() as db:
        logged = {row.what for row in db.scalars(select(Audit))}
    assert logged == {"breach open", "breach affected"}

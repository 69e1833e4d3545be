"""`mailer consent`: verify, show, export, as typed in a terminal."""

import json
import stat
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import select, text

from mailer import tasks
from mailer.core.audit import Audit
from mailer.core.db import engine, transaction
from mailer.core.settings import Settings
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import anchors
from tests.support.commands import facts, mailer
from tests.support.make import EPOCH, make_newsletter, make_pending

EMAIL = "zoe@example.org"


@pytest.fixture
def subscribed(clean: None) -> None:
    """Somebody who asked, confirmed, and is written to."""
    with transaction() as db:
        newsletter = make_newsletter(db, name="La lettre <du> mois")
        subscription = make_pending(db, newsletter, email=EMAIL, name="Zoé", now=EPOCH)
        subscriptions.confirm(db, subscription.id, now=EPOCH)


def _cut() -> None:
    with engine().begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("DELETE FROM consent_event WHERE seq = (SELECT max(seq) FROM consent_event)"))


def _verify() -> tuple[int, Any]:
    done = mailer("consent", "verify", "--json")
    return done.returncode, json.loads(done.stdout)


def test_verify_says_whole_or_names_the_first_break(subscribed: None) -> None:
    code, said = _verify()
    assert (code, said["whole"], said["events"], said["anchors"]) == (0, True, 2, 1)
    _cut()
    code, said = _verify()
    assert (code, said["whole"], said["fault"]) == (1, False, "cut")
    assert "the tail was cut after event" in said["first_break"]


def test_show_says_whether_we_may_write_and_why(subscribed: None) -> None:
    said = facts("consent", "show", " ZOE@example.org")
    (letter,) = said["letters"]
    assert letter["standing"]["may_write"] is True
    assert letter["standing"]["why"] == "confirmed"
    assert [entry["kind"] for entry in letter["entries"]] == ["requested", "confirmed"]
    assert "may we write: yes (confirmed)" in mailer("consent", "show", EMAIL).stdout
    nobody = mailer("consent", "show", "nobody@example.org")
    assert (nobody.returncode, "nothing is held" in nobody.stderr) == (0, True)
    assert "is not an email address" in mailer("consent", "show", "nobody").stderr


@pytest.mark.parametrize(
    ("lang", "verdict"), [("fr", "La chaîne est entière."), ("en", "The chain is whole.")]
)
def test_export_is_fit_for_an_inspection(subscribed: None, tmp_path: Path, lang: str, verdict: str) -> None:
    written = facts("consent", "export", EMAIL, "--out", str(tmp_path / "out"), "--lang", lang)
    assert EMAIL not in written["html"] + written["json"]
    assert {stat.S_IMODE(Path(written[kind]).stat().st_mode) for kind in ("html", "json")} == {0o600}
    page, data = Path(written["html"]).read_text(), json.loads(Path(written["json"]).read_text())
    assert verdict in page
    assert "La lettre &lt;du&gt; mois" in page
    assert "J’accepte de recevoir" in page
    assert data["verification"]["whole"] is True
    assert data["letters"][0]["entries"][0]["wording"].startswith("J’accepte")
    with transaction() as db:
        logged = db.scalars(select(Audit)).one()
    assert (logged.who, logged.what) == ("terminal", "consent export")
    assert EMAIL not in json.dumps(logged.details)


def test_the_head_is_anchored_every_day(subscribed: None, settings: Settings) -> None:
    (file,) = (settings.data_dir / anchors.FOLDER).iterdir()
    assert len(file.read_text().splitlines()) == 1
    tasks.keep()
    assert len(file.read_text().splitlines()) == 2


def test_a_day_stays_that_day_in_every_file(clean: None, tmp_path: Path) -> None:
    """31/12/2025 is midnight in Paris, and so the day before in UTC: evidence must not be a day off."""
    with transaction() as db:
        make_newsletter(db)
    people = tmp_path / "people.csv"
    people.write_text(f"Courriel;Date d’inscription\n{EMAIL};31/12/2025\n", encoding="utf-8")
    mailer("subscribers", "import", str(people), "--newsletter", "lettre", "--source", "salon")
    (letter,) = facts("consent", "show", EMAIL)["letters"]
    assert letter["entries"][0]["consented_at"] == "2025-12-31"
    assert "2025-12-31" in mailer("consent", "show", EMAIL).stdout
    written = facts("consent", "export", EMAIL, "--out", str(tmp_path / "file"))
    for kind in ("html", "json"):
        text = Path(written[kind]).read_text(encoding="utf-8")
        assert "2025-12-31" in text
        assert "2025-12-30" not in text
    exported = tmp_path / "out.csv"
    mailer("subscribers", "export", "--newsletter", "lettre", "--out", str(exported), "--everybody")
    assert "2025-12-31" in exported.read_text(encoding="utf-8-sig")
    access = facts("rights", "access", EMAIL, "--out", str(tmp_path / "access"))
    with ZipFile(access["zip"]) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert "2025-12-31" in held
    assert "2025-12-30" not in held

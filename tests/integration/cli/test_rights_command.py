"""`mailer rights`, as typed in a terminal."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from flask import Flask
from sqlalchemy import func, select

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.models import Right, RightsRequest
from mailer.privacy.rights import erasure, erasure_worker
from mailer.subscribers.models import Subscriber
from tests.support.commands import facts, mailer
from tests.support.make import make_newsletter, make_readers, open_case, sign_up
from tests.support.moves import move

pytestmark = pytest.mark.usefixtures("clean")


def _case(days: int = 0, **changes: object) -> int:
    with transaction() as db:
        return open_case(db, now=utcnow() - timedelta(days=days), **changes).number


def _audited() -> list[str]:
    with transaction() as db:
        return list(db.scalars(select(Audit.what).order_by(Audit.id)))


def _letters() -> list[NoticeKind]:
    with transaction() as db:
        return list(db.scalars(select(Notice.kind).order_by(Notice.created_at)))


def test_a_case_from_its_letter_to_its_end() -> None:
    came = f"{utcnow() - timedelta(days=40):%Y-%m-%d}"
    letter = ("--channel", "post", "--name", "Zoé Martin", "--received", came, "--text", "Effacez tout")
    said = facts("rights", "open", "--right", "erasure", *letter)
    assert (said["right"], said["who"], said["state"]) == ("erasure", "Zoé Martin", "late")
    number = str(said["number"])
    assert [row["number"] for row in json.loads(mailer("rights", "list", "--json").stdout)] == [
        said["number"]
    ]
    late = mailer("rights", "extend", number, "--reason", "Trop.")
    assert (late.returncode, "can no longer be extended" in late.stderr) == (1, True)
    early = mailer("rights", "close", number, "--outcome", "granted")
    assert (early.returncode, "The address concerned is not known" in early.stderr) == (1, True)
    assert facts("rights", "close", number, "--outcome", "nothing_held")["state"] == "nothing_held"
    again = mailer("rights", "refuse", number, "--reason", "Non.")
    assert (again.returncode, "this case is closed" in again.stderr) == (1, True)
    shown = facts("rights", "show", number)
    assert [step["what"] for step in shown["history"]] == ["opened", "closed"]
    assert shown["history"][0]["details"]["text"] == "Effacez tout"
    assert _audited() == ["rights open", "rights close"]
    assert "Zoé Martin" in mailer("rights", "list", "--closed").stdout


def test_extending_and_refusing_write_to_the_person() -> None:
    number = str(_case())
    assert facts("rights", "extend", number, "--reason", "Nombreuses demandes.")["state"] == "on_time"
    assert facts("rights", "refuse", number, "--reason", "Infondée.")["state"] == "refused"
    assert _letters() == [NoticeKind.RECEIPT, NoticeKind.EXTENDED, NoticeKind.REFUSED]
    assert _audited() == ["rights extend", "rights refuse"]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("open", "--right", "access"), "give --email or --name"),
        (("open", "--right", "access", "--name", "Yan", "--received", "2999-01-01"), "is yet to come"),
        (("open", "--right", "access", "--email", "yan@"), "is not an email address"),
        (("show", "12345"), "there is no case 12345"),
        (("refuse", "12345", "--reason", "x"), "there is no case 12345"),
    ],
)
def test_what_goes_wrong_is_one_sentence(typed: tuple[str, ...], sentence: str) -> None:
    done = mailer("rights", *typed)
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert _audited() == []


def test_a_reason_without_words_is_refused() -> None:
    done = mailer("rights", "refuse", str(_case()), "--reason", "  ")
    assert (done.returncode, "needs words" in done.stderr) == (1, True)


def test_figures_and_the_register_as_a_file(tmp_path: Path) -> None:
    _case()
    said = facts("rights", "figures")
    assert (said["received"], said["open"], said["rights"]) == (1, 1, {"access": 1})
    out = tmp_path / "register.csv"
    assert facts("rights", "export", "--out", str(out))["rows"] == 1
    assert "zoe@" not in out.read_text(encoding="utf-8-sig")
    assert out.stat().st_mode & 0o077 == 0
    assert _audited() == ["rights export"]


def test_erasing_asks_first_and_says_what_went() -> None:
    with transaction() as db:
        make_readers(db, make_newsletter(db), 2)
    refused = mailer("rights", "erase", "reader0@example.org", input="n\n")
    assert (refused.returncode, "Aborted" in refused.stderr) == (1, True)
    with transaction() as db:
        assert db.scalar(select(func.count()).select_from(Subscriber)) == 2
    said = facts("rights", "erase", "reader0@example.org", "--never-again", "--yes")
    assert (said["rows"]["subscriber"], said["suppressed"]) == (1, "erased")
    with transaction() as db:
        assert db.scalars(select(Subscriber.email)).all() == ["reader1@example.com"]
    assert _letters() == [NoticeKind.ERASED]
    assert _audited() == ["rights erase"]


def test_a_letter_by_post_may_name_the_address_to_erase() -> None:
    with transaction() as db:
        case = open_case(db, now=utcnow(), email=None, name="Zoé Martin", right=Right.ERASURE)
        sign_up(db, make_newsletter(db), "yan@example.org", now=utcnow())
    said = facts("rights", "erase", "zoe@example.org", "--case", str(case.number), "--yes")
    assert said["number"] == case.number
    with transaction() as db:
        erased = db.get_one(RightsRequest, case.id)
        assert erased.email == "zoe@example.org"
        assert db.scalars(select(Notice.email)).all() == ["zoe@example.org"]


def test_erasing_within_a_case_must_be_about_its_address() -> None:
    number = str(_case())
    other = mailer("rights", "erase", "yan@example.org", "--case", number, "--yes")
    assert (other.returncode, "about another address" in other.stderr) == (1, True)
    assert facts("rights", "erase", "zoe@example.org", "--case", number, "--yes")["number"] == int(number)
    assert [row["right"] for row in facts("rights", "list")] == ["erasure"]
    early = mailer("rights", "close", number, "--outcome", "granted")
    assert (early.returncode, "closes by itself" in early.stderr) == (1, True)
    assert erasure_worker.work(settings(), clock=lambda: utcnow() + erasure.WAIT) == 1
    assert facts("rights", "list") == []


def test_all_that_is_held_in_a_folder(tmp_path: Path) -> None:
    with transaction() as db:
        make_readers(db, make_newsletter(db), 1)
    said: dict[str, Any] = facts("rights", "access", "reader0@example.org", "--out", str(tmp_path / "out"))
    assert said["held"] is True
    assert "reader0@example.org" in Path(said["html"]).read_text()
    with ZipFile(said["zip"]) as files:
        assert "data.json" in files.namelist()
    for name in ("html", "zip"):
        assert Path(said[name]).stat().st_mode & 0o077 == 0
    case = str(_case(email="reader0@example.org"))
    early = mailer("rights", "close", case, "--outcome", "granted")
    assert (early.returncode, "has not received their data" in early.stderr) == (1, True)
    facts("rights", "access", "reader0@example.org", "--out", str(tmp_path / "out"), "--case", case)
    assert facts("rights", "close", case, "--outcome", "granted")["state"] == "granted"
    nobody = mailer("rights", "access", "nobody@example.org", "--out", str(tmp_path / "out"))
    assert (nobody.returncode, "nothing is held" in nobody.stderr) == (0, True)
    assert _audited() == [
        "rights access", "rights draw access", "rights access", "rights close", "rights access"
    ]  # fmt: skip


def test_a_clock_is_stopped_and_runs_again() -> None:
    number = str(_case())
    assert facts("rights", "pause", number, "--question", "Qui êtes-vous ?")["state"] == "suspended"
    again = mailer("rights", "pause", number, "--question", "Et où ?")
    assert (again.returncode, "was not sent" in again.stderr) == (1, True)
    for _ in range(2):
        assert facts("rights", "resume", number)["state"] == "on_time"
    assert _letters() == [NoticeKind.RECEIPT, NoticeKind.IDENTITY, NoticeKind.LETTER]
    assert _audited() == ["rights pause", "rights resume"]


def test_freezing_within_a_case_must_be_about_its_address() -> None:
    with transaction() as db:
        make_readers(db, make_newsletter(db), 1)
    number = str(_case())
    other = mailer("rights", "restrict", "reader0@example.org", "--case", number)
    assert (other.returncode, "about another address" in other.stderr) == (1, True)
    nobody = mailer("rights", "restrict", "zoe@example.org", "--case", number)
    assert (nobody.returncode, "nothing to restrict" in nobody.stderr) == (1, True)
    assert _audited() == []


def test_restricting_and_lifting_tell_the_person_first() -> None:
    with transaction() as db:
        make_readers(db, make_newsletter(db), 1)
    for _ in range(2):
        mailer("rights", "restrict", "reader0@example.org")
    assert "ends" in facts("rights", "lift", "reader0@example.org")
    with transaction() as db:
        frozen = db.scalars(select(Subscriber)).one()
        assert frozen.restricted_at
        assert frozen.lift_at
        assert frozen.lift_at - utcnow() > timedelta(days=2)
    assert _letters() == [NoticeKind.RESTRICTED, NoticeKind.UNRESTRICTED]
    assert _audited() == ["rights restrict", "rights restrict", "rights lift"]
    unknown = mailer("rights", "lift", "nobody@example.org")
    assert (unknown.returncode, "nothing to restrict" in unknown.stderr) == (1, True)


def test_an_erasure_that_waits_for_the_undo_says_until_when(app: Flask) -> None:
    with transaction() as db:
        make_readers(db, make_newsletter(db), 1)
    move(app, "reader0@example.org", "reader@example.com")
    said = facts("rights", "erase", "reader@example.com", "--yes")
    assert set(said) == {"case_id", "number", "until"}
    held = mailer("rights", "lift", "reader@example.com")
    assert held.returncode == 1
    assert "an erasure waits at this address" in held.stderr

"""No restore gives an account of the desk back to somebody who had lost it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.staff import accounts, logins, passwords
from mailer.staff.models import Staff
from tests.support.commands import facts, mailer
from tests.support.desk_rows import EMAIL, PASSWORD
from tests.support.fresh_database import fresh_database

GONE, BACK, NEW = "gone@example.org", "back@example.org", "une autre phrase assez longue"


@pytest.fixture
def restored(clean: None, settings: Settings, tmp_path: Path) -> Iterator[dict[str, int]]:
    """A password was changed since the backup, and accounts disabled, one of them for a while; replayed."""
    with transaction() as db:
        for email in (EMAIL, GONE, BACK):
            accounts.create(db, email=email, name="Léa Martin", password=PASSWORD, now=utcnow())
    key, out = str(tmp_path / "key.txt"), str(tmp_path / "backups")
    public = facts("restore", "key", "--out", key)["public_key"]
    backup = facts("backup", "--out", out, "--recipient-key", public)["file"]
    assert mailer("staff", "password", EMAIL, "--password-stdin", input=f"{NEW}\n").returncode == 0
    for words in (("disable", GONE), ("disable", BACK), ("enable", BACK)):
        assert mailer("staff", *words).returncode == 0
    with fresh_database(settings):
        facts("restore", backup, "--key-file", key)
        yield facts("restore", "replay", "--yes")


def _opens(email: str, password: str) -> bool:
    with transaction() as db:
        candidate = accounts.candidate(db, email)
    return logins.verify(candidate, password) is not None


def test_what_was_taken_away_stays_taken(restored: dict[str, int]) -> None:
    assert (restored["staff_disabled"], restored["passwords"]) == (1, 1)
    assert {email: _opens(email, PASSWORD) for email in (EMAIL, GONE, BACK)} == {
        EMAIL: False, GONE: False, BACK: True,
    }  # fmt: skip
    assert not _opens(EMAIL, "")
    assert {row["email"]: row["password"] for row in facts("staff", "list")}[EMAIL] == "to be set"


def test_the_person_is_given_another(restored: dict[str, int]) -> None:
    assert mailer("staff", "password", EMAIL, "--password-stdin", input=f"{NEW}\n").returncode == 0
    assert _opens(EMAIL, NEW)


def test_no_password_opens_an_account_without_one(clean: None) -> None:
    with transaction() as db:
        of = accounts.create(db, email=EMAIL, name="Léa Martin", password=PASSWORD, now=utcnow())
        assert accounts.forget_password(db, of.id)
        assert not accounts.forget_password(db, of.id)
        db.refresh(of)
        assert (of.password_hash, passwords.matches(of.password_hash, "")) == ("", False)
        assert isinstance(of, Staff)

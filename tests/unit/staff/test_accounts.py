from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy.orm import Session

from mailer.staff import accounts, logins, passwords
from mailer.staff.accounts import AccountRefused
from mailer.staff.models import Staff

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PASSWORD = "quatre mots bien choisis"


def make_staff(db: Session, **changes: Any) -> Staff:
    values: dict[str, Any] = {"email": "Lea@Example.org ", "name": "Léa Martin", "password": PASSWORD}
    return accounts.create(db, now=NOW, **(values | changes))


def verified(db: Session, email: str, password: str) -> bool:
    return logins.verify(accounts.candidate(db, email), password) is not None


def test_the_right_password_opens(db: Session) -> None:
    staff = make_staff(db)
    assert staff.email == "lea@example.org"
    assert staff.password_hash.startswith("$argon2id$")
    assert accounts.candidate(db, " LEA@example.org").staff_id == staff.id
    assert verified(db, " LEA@example.org", PASSWORD)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("lea@example.org", "autre chose que cela"),
        ("lea@example.org", ""),
        ("inconnue@example.org", PASSWORD),
        ("inconnue@example.org", "nobody"),
        ("pas une adresse", PASSWORD),
    ],
)
def test_anything_else_does_not(db: Session, email: str, password: str) -> None:
    make_staff(db)
    assert not verified(db, email, password)


@pytest.mark.parametrize("email", ["lea@example.org", "inconnue@example.org", "pas une adresse"])
def test_known_and_unknown_cost_one_verification_each(db: Session, email: str) -> None:
    make_staff(db)
    with patch.object(passwords, "_hasher", wraps=passwords._hasher) as hasher:
        verified(db, email, "un mauvais mot de passe")
    assert hasher.verify.call_count == 1


def test_rehashes_when_the_parameters_change(db: Session) -> None:
    staff = make_staff(db)
    old = staff.password_hash = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    db.flush()
    attempt = logins.begin(db, staff.email, network="n", device="", now=NOW)
    kept = logins.verify(attempt.candidate, PASSWORD)
    assert kept
    assert logins.finish(db, attempt, kept, browser="", now=NOW)
    db.refresh(staff)
    assert staff.password_hash == kept != old
    assert verified(db, staff.email, PASSWORD)


def test_a_session_opens_only_as_long_as_its_account_is_as_it_was(db: Session) -> None:
    """Whoever verified the old password just before it was changed, or the account disabled, is late."""
    staff = make_staff(db)
    attempt = logins.begin(db, staff.email, network="n", device="", now=NOW)
    kept = logins.verify(attempt.candidate, PASSWORD)
    assert kept
    assert accounts.set_password(db, staff.id, "$argon2id$other", epoch=attempt.candidate.epoch)
    assert logins.finish(db, attempt, kept, browser="", now=NOW) is None
    assert not accounts.set_password(db, staff.id, kept, epoch=attempt.candidate.epoch)
    db.refresh(staff)
    assert staff.password_hash == "$argon2id$other"


@pytest.mark.parametrize(
    "password",
    [
        "azertyuiop123", "qsdfghjklm123", "motdepasse123", "MotDePasse2026!", "password1234",
        "bonjourbonjour", "Commissariat2026!", "soleil12345678", "passw0rd!2026", "Loulou2012!!",
        "aaaaaaaaaaaaaaaa",
    ],
)  # fmt: skip
def test_refuses_common_passwords(db: Session, password: str) -> None:
    with pytest.raises(AccountRefused, match="too_common"):
        make_staff(db, password=password)


@pytest.mark.parametrize(
    "password",
    ["quatre mots bien choisis", "xk2mqp9v7trw", "le hérisson boit du thé", "é" * 3 + "x7f!kq92pl0z" * 9],
)
def test_takes_what_is_hard_to_guess(db: Session, password: str) -> None:
    assert make_staff(db, password=password)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "onze caract"}, "too_short"),
        ({"password": "x" * 1025}, "too_long"),
        ({"password": "LEA@example.org"}, "their_name"),
        ({"name": "Marie-Léa Martin", "password": "marie-léa martin"}, "their_name"),
        ({"email": "lea"}, "no_address"),
        ({"name": "Léa\r\nBcc: x@example.org"}, "bad_name"),
    ],
)
def test_refuses_in_a_sentence(db: Session, changes: dict[str, str], code: str) -> None:
    with pytest.raises(AccountRefused) as refused:
        make_staff(db, **changes)
    assert refused.value.code == code
    assert refused.value.sentence("fr") != refused.value.sentence("en")


def test_refuses_a_known_address(db: Session) -> None:
    make_staff(db)
    with pytest.raises(AccountRefused, match="taken"):
        make_staff(db, email="lea@EXAMPLE.org")


def test_a_guess_costs_what_rfc_9106_asks(real_hasher: PasswordHasher) -> None:
    assert extract_parameters(real_hasher.hash(PASSWORD)) == RFC_9106_LOW_MEMORY

from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy.orm import Session

from mailer.staff import accounts
from mailer.staff.accounts import AccountRefused
from mailer.staff.models import Staff

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PASSWORD = "quatre mots bien choisis"


def make_staff(db: Session, **changes: Any) -> Staff:
    values: dict[str, Any] = {"email": "Lea@Example.org ", "name": "Léa Martin", "password": PASSWORD}
    return accounts.create(db, now=NOW, **(values | changes))


def test_the_right_password_opens(db: Session) -> None:
    staff = make_staff(db)
    assert staff.email == "lea@example.org"
    assert staff.password_hash.startswith("$argon2id$")
    assert accounts.authenticate(db, " LEA@example.org", PASSWORD) is staff


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
    assert accounts.authenticate(db, email, password) is None


@pytest.mark.parametrize("email", ["lea@example.org", "inconnue@example.org", "pas une adresse"])
def test_known_and_unknown_cost_one_verification_each(db: Session, email: str) -> None:
    make_staff(db)
    with patch.object(accounts, "_matches", wraps=accounts._matches) as verified:
        accounts.authenticate(db, email, "un mauvais mot de passe")
    assert verified.call_count == 1


def test_rehashes_when_the_parameters_change(db: Session) -> None:
    staff = make_staff(db)
    staff.password_hash = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    old = staff.password_hash
    assert accounts.authenticate(db, staff.email, PASSWORD) is staff
    assert staff.password_hash != old
    assert accounts.authenticate(db, staff.email, PASSWORD) is staff


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "onze caract"}, "too_short"),
        ({"password": "x" * 1025}, "too_long"),
        ({"password": "LEA@example.org"}, "their_name"),
        ({"name": "Marie-Léa Martin", "password": "marie-léa martin"}, "their_name"),
        ({"email": "lea"}, "no_address"),
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

"""`mailer suppression`: in and out as fingerprints, and never lifted but by the person."""

from pathlib import Path

import pytest

from mailer.core.db import transaction
from mailer.core.fingerprint import fingerprint_of
from mailer.subscribers import subscriptions, suppressions
from mailer.subscribers.models import Suppression, SuppressionReason
from mailer.subscribers.suppressions import PersonalSuppression, SuppressedAddress
from tests.support.commands import facts, mailer
from tests.support.make import EPOCH, import_people, make_newsletter, make_pending

pytestmark = pytest.mark.usefixtures("clean")
ZOE = "zoe@example.org"


def _reasons() -> dict[bytes, SuppressionReason]:
    with transaction() as db:
        return {entry.fingerprint: entry.reason for entry in suppressions.addresses(db)}


@pytest.mark.parametrize("reason", SuppressionReason)
def test_every_reason_holds_against_an_import_and_yields_to_a_fresh_double_opt_in(
    reason: SuppressionReason,
) -> None:
    fingerprint = fingerprint_of(ZOE)
    with transaction() as db:
        newsletter = make_newsletter(db)
        assert suppressions.add(db, [SuppressedAddress(fingerprint, reason, EPOCH)]) == 1
        assert suppressions.add(db, [SuppressedAddress(fingerprint, SuppressionReason.MANUAL, EPOCH)]) == 0
        assert import_people(db, newsletter, [ZOE], agreed=EPOCH) == ["suppressed"]
        pending = make_pending(db, newsletter, now=EPOCH)
        assert db.get(Suppression, fingerprint)
        subscriptions.confirm(db, pending.id, now=EPOCH)
    assert _reasons() == {}


def test_staff_take_back_what_staff_did_and_not_what_a_person_wants() -> None:
    fingerprint = fingerprint_of(ZOE)
    with transaction() as db:
        for reason in (SuppressionReason.MANUAL, SuppressionReason.HARD_BOUNCE):
            suppressions.add(db, [SuppressedAddress(fingerprint, reason, EPOCH)])
            assert suppressions.remove(db, fingerprint)
        assert not suppressions.remove(db, fingerprint)
        suppressions.add(db, [SuppressedAddress(fingerprint, SuppressionReason.OBJECTED, EPOCH)])
        with pytest.raises(PersonalSuppression):
            suppressions.remove(db, fingerprint)


def test_a_list_travels_as_fingerprints_and_addresses_are_hashed(tmp_path: Path) -> None:
    addresses, out = tmp_path / "addresses.txt", tmp_path / "out.csv"
    addresses.write_text(f"{ZOE}\n\nBOB@example.org,complaint\n")
    assert facts("suppression", "import", str(addresses))["added"] == 2
    assert facts("suppression", "export", "--out", str(out))["rows"] == 2
    assert "@" not in out.read_text()
    expected = {fingerprint_of(ZOE): SuppressionReason.MANUAL,
                fingerprint_of("bob@example.org"): SuppressionReason.COMPLAINT}  # fmt: skip
    assert _reasons() == expected
    assert facts("suppression", "remove", ZOE)["removed"] is True
    assert facts("suppression", "import", str(out))["added"] == 1
    assert _reasons() == expected


def test_bad_input_is_one_sentence_and_keeps_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text(f"{ZOE}\nnobody\n")
    done = mailer("suppression", "import", str(bad))
    assert (done.returncode, "bad.txt, line 2" in done.stderr) == (1, True)
    assert _reasons() == {}
    assert facts("suppression", "add", ZOE, "--reason", "objected")["added"] == 1
    refused = mailer("suppression", "remove", ZOE)
    assert (refused.returncode, "only they lift it" in refused.stderr) == (1, True)
    assert "neither an email address" in mailer("suppression", "add", "nobody").stderr

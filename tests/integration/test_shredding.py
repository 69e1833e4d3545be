"""Once the fingerprint key is destroyed, what outlived an erasure identifies nobody."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer import settings as settings_module
from mailer.db import transaction
from mailer.people import consent, dossier, journal, outside
from mailer.people.models import ConsentPayload, Suppression
from mailer.rights import links
from mailer.rights.models import RightsRequest
from tests.make import EPOCH, erase, make_newsletter, make_pending

ZOE = "zoe@example.org"


def test_another_key_knows_nobody(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as db:
        subscription = make_pending(db, make_newsletter(db), email=ZOE, now=EPOCH)
        consent.confirm(db, subscription.id, now=EPOCH)
        erase(db, ZOE, never_again=True, now=EPOCH)
    with transaction() as db:
        assert links.held(db, consent.fingerprint(ZOE))
        _shredded(db, monkeypatch)


def _shredded(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = ConsentPayload.fingerprint, Suppression.fingerprint, RightsRequest.fingerprint
    kept = [mark for column in columns for mark in db.scalars(select(column))]
    written = b"".join(path.read_bytes() for path in outside.files(journal.folder()))
    assert kept
    monkeypatch.setenv("MAILER_FINGERPRINT_KEY", "another-key-another-key-0123456789abcdef")
    settings_module.settings.cache_clear()
    try:
        guessed = consent.fingerprint(ZOE)
        assert guessed not in kept
        assert guessed.hex().encode() not in written
        assert not links.held(db, guessed)
        assert dossier.draw(db, ZOE, {}, now=EPOCH).empty
    finally:
        monkeypatch.undo()
        settings_module.settings.cache_clear()

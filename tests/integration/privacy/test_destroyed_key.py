"""Once the fingerprint key is destroyed, what outlived an erasure identifies nobody."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.core import settings as settings_module
from mailer.core.db import transaction
from mailer.core.fingerprint import fingerprint_of
from mailer.privacy.cases import access_links
from mailer.privacy.models import RightsRequest
from mailer.privacylog import decisions
from mailer.subscribers import subscriptions
from mailer.subscribers.consent import consent_file
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import Suppression
from tests.support.make import EPOCH, erase, make_newsletter, make_pending

ZOE = "zoe@example.org"


def test_another_key_knows_nobody(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction() as db:
        subscription = make_pending(db, make_newsletter(db), email=ZOE, now=EPOCH)
        subscriptions.confirm(db, subscription.id, now=EPOCH)
        erase(db, ZOE, never_again=True, now=EPOCH)
    with transaction() as db:
        assert access_links.held(db, fingerprint_of(ZOE))
        _shredded(db, monkeypatch)


def _shredded(db: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = ConsentPayload.fingerprint, Suppression.fingerprint, RightsRequest.fingerprint
    kept = [fingerprint for column in columns for fingerprint in db.scalars(select(column))]
    written = b"".join(path.read_bytes() for path in appendonly.files(decisions.folder()))
    assert kept
    monkeypatch.setenv("MAILER_FINGERPRINT_KEY", "another-key-another-key-0123456789abcdef")
    settings_module.settings.cache_clear()
    try:
        guessed = fingerprint_of(ZOE)
        assert guessed not in kept
        assert guessed.hex().encode() not in written
        assert not access_links.held(db, guessed)
        assert consent_file.draw(db, ZOE, {}, now=EPOCH).empty
    finally:
        monkeypatch.undo()
        settings_module.settings.cache_clear()

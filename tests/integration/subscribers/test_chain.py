# ruff: noqa: S608 -- the tables are named in this file
"""The chain of consent under every hand that could touch it: verification fails and names the place."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from mailer.core.db import engine, transaction
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.subscribers.consent import anchors, verify
from mailer.subscribers.consent import chain as evidence
from mailer.subscribers.consent.faults import Fault
from mailer.subscribers.consent.models import ConsentEvent, ConsentKind, ConsentPayload
from mailer.subscribers.consent.verify import Verification
from tests.support.make import EPOCH, make_newsletter

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=3000)
SUPERUSER = "SET LOCAL session_replication_role = replica"


def _payload(newsletter_id: UUID, at: datetime) -> ConsentPayload:
    fingerprint = fingerprint_of("zoe@example.org")
    kind = ConsentKind.WITHDRAWN
    return ConsentPayload(
        fingerprint=fingerprint, newsletter_id=newsletter_id, kind=kind, at=at, channel="link"
    )


def _write(*times: datetime) -> list[int]:
    """One event a transaction, each anchored; their sequence numbers."""
    with transaction() as db:
        newsletter_id = make_newsletter(db).id
    for at in times:
        with transaction() as db:
            evidence.append(db, _payload(newsletter_id, at))
    with transaction() as db:
        return list(db.scalars(select(ConsentEvent.seq).order_by(ConsentEvent.seq)))


@pytest.fixture
def chain(clean: None) -> list[int]:
    return _write(*[EPOCH] * 6)


def _verified() -> Verification:
    with transaction() as db:
        return verify.verify(db, now=NOW)


def _tamper(*statements: str, **values: object) -> None:
    """As a superuser, every trigger off."""
    with engine().begin() as connection:
        connection.execute(text(SUPERUSER))
        for statement in statements:
            connection.execute(text(statement), values)


def _broken() -> tuple[Fault, int | None]:
    broken = _verified().broken
    assert broken
    return broken.fault, broken.seq


def test_an_untouched_chain_is_whole(chain: list[int]) -> None:
    found = _verified()
    assert found.whole
    assert (found.events, found.payloads, found.expired, found.anchors) == (6, 6, 0, 6)
    assert found.last_seq == chain[-1]


@pytest.mark.parametrize("column", ["payload_digest", "sha256", "mac", "previous"])
def test_an_edited_event(chain: list[int], column: str) -> None:
    _tamper(f"UPDATE consent_event SET {column} = sha256('x') WHERE seq = :seq", seq=chain[2])
    assert _broken() == (Fault.EDITED, chain[2])


def test_an_expiry_brought_forward_to_hide_a_deletion(chain: list[int]) -> None:
    _tamper(
        "UPDATE consent_event SET expires_at = '2020-01-01' WHERE seq = :seq",
        "DELETE FROM consent_payload USING consent_event WHERE id = event_id AND seq = :seq",
        seq=chain[2],
    )
    assert _broken() == (Fault.EDITED, chain[2])


def test_a_middle_row_deleted(chain: list[int]) -> None:
    _tamper("DELETE FROM consent_event WHERE seq = :seq", seq=chain[2])
    assert _broken() == (Fault.DELETED, chain[3])


def test_the_tail_cut_with_all_that_rested_on_it(chain: list[int]) -> None:
    gone = "(SELECT id FROM consent_event WHERE seq > :seq)"
    _tamper(
        f"DELETE FROM consent_payload WHERE event_id IN {gone}",
        "DELETE FROM consent_event WHERE seq > :seq",
        seq=chain[3],
    )
    assert _broken() == (Fault.CUT, chain[4])


def test_the_tail_cut_where_nothing_was_anchored(chain: list[int], settings: Settings) -> None:
    for file in (settings.data_dir / anchors.FOLDER).iterdir():
        file.unlink()
    _tamper("DELETE FROM consent_event WHERE seq > :seq", seq=chain[3])
    assert _broken() == (Fault.CUT, chain[3])


def test_the_whole_chain_emptied(chain: list[int]) -> None:
    _tamper("TRUNCATE consent_event, consent_payload CASCADE")
    assert _broken() == (Fault.CUT, chain[0])


def test_two_rows_swapped(chain: list[int]) -> None:
    _tamper(
        "ALTER TABLE consent_event ALTER seq DROP IDENTITY",
        "UPDATE consent_event SET seq = -1 WHERE seq = :one",
        "UPDATE consent_event SET seq = :one WHERE seq = :other",
        "UPDATE consent_event SET seq = :other WHERE seq = -1",
        "ALTER TABLE consent_event ALTER seq ADD GENERATED ALWAYS AS IDENTITY (START 1000000)",
        one=chain[1],
        other=chain[4],
    )
    assert _broken() == (Fault.SWAPPED, chain[1])


def test_the_whole_rewritten_without_the_key(chain: list[int]) -> None:
    _tamper(
        """
        DO $$
        DECLARE e record; head bytea := decode(repeat('00', 32), 'hex');
        BEGIN
            FOR e IN SELECT * FROM consent_event ORDER BY seq LOOP
                UPDATE consent_payload SET kind = 'confirmed' WHERE event_id = e.id;
                UPDATE consent_event SET previous = head, payload_digest = sha256(head),
                    mac = sha256(head || e.payload_digest) WHERE id = e.id RETURNING mac INTO head;
            END LOOP;
        END $$
        """
    )
    assert _broken() == (Fault.REWRITTEN, chain[0])


def test_a_payload_edited_deleted_or_swapped(chain: list[int]) -> None:
    of = "event_id = (SELECT id FROM consent_event WHERE seq = :seq)"
    _tamper(f"UPDATE consent_payload SET kind = 'confirmed' WHERE {of}", seq=chain[5])
    assert _broken() == (Fault.PAYLOAD_EDITED, chain[5])
    _tamper(f"DELETE FROM consent_payload WHERE {of}", seq=chain[4])
    assert _broken() == (Fault.PAYLOAD_DELETED, chain[4])
    _tamper(
        "UPDATE consent_payload p SET salt = o.salt, at = o.at FROM consent_payload o, consent_event e, "
        "consent_event f WHERE e.id = p.event_id AND e.seq = :one AND f.id = o.event_id AND f.seq = :other",
        one=chain[1],
        other=chain[2],
    )
    assert _broken() == (Fault.PAYLOAD_SWAPPED, chain[1])


def test_an_anchor_that_was_altered(chain: list[int], settings: Settings) -> None:
    (file,) = (settings.data_dir / anchors.FOLDER).iterdir()
    file.write_text(file.read_text().replace(f"{chain[5]} ", f"{chain[4]} ", 1))
    assert _broken() == (Fault.ANCHOR_DAMAGED, None)


def test_a_line_torn_by_a_power_cut_does_not_swallow_the_next(chain: list[int], settings: Settings) -> None:
    key, (file,) = evidence.chain_key(), (settings.data_dir / anchors.FOLDER).iterdir()
    file.write_bytes(file.read_bytes() + b"12 ab")
    anchors.write(settings.data_dir, key, anchors.Anchor(7, b"x" * 32, NOW))
    read = list(anchors.read(settings.data_dir, key))
    assert (len(read), read[-1]) == (7, anchors.Anchor(7, b"x" * 32, NOW))
    assert all(isinstance(line, anchors.Anchor) for line in read)


def test_an_expired_payload_is_expired_not_broken(clean: None) -> None:
    _write(LONG_AGO, LONG_AGO)
    with transaction() as db:
        assert evidence.expire(db) == 2
    found = _verified()
    assert found.whole
    assert (found.events, found.payloads, found.expired) == (2, 0, 2)


def test_a_file_expires_whole_or_not_at_all(clean: None) -> None:
    _write(LONG_AGO, EPOCH)
    with transaction() as db:
        assert evidence.expire(db) == 0


def test_a_rolled_back_event_is_not_anchored(db: Session, settings: Settings) -> None:
    evidence.append(db, _payload(make_newsletter(db).id, EPOCH))
    db.rollback()
    assert not (settings.data_dir / anchors.FOLDER).exists()
    assert _verified().events == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent_event SET payload_digest = payload_digest",
        "DELETE FROM consent_event",
        "TRUNCATE consent_event CASCADE",
        "UPDATE consent_payload SET kind = 'confirmed'",
        "DELETE FROM consent_payload",
        "TRUNCATE consent_payload",
        "SET mailer.expiring = 'on'; DELETE FROM consent_payload",
    ],
)
def test_the_database_itself_refuses(chain: list[int], statement: str) -> None:
    with engine().connect() as connection, pytest.raises(DBAPIError):
        connection.execute(text(statement))
    assert _verified().whole


def test_nothing_rests_on_an_event_that_is_not_there(db: Session) -> None:
    orphan = _payload(make_newsletter(db).id, EPOCH)
    orphan.event_id, orphan.salt = UUID(int=1), b"x"
    db.add(orphan)
    with pytest.raises(DBAPIError, match="has no event"):
        db.flush()
    db.rollback()

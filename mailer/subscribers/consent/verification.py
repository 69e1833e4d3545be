"""Verify, keep what it said, and disarm the service where somebody could be written to wrongly."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import restore_lock
from mailer.core.settings import settings
from mailer.privacylog.models import HostPosition
from mailer.subscribers.consent import anchors, chain
from mailer.subscribers.consent.chain import Head
from mailer.subscribers.consent.models import VerifiedUpTo
from mailer.subscribers.consent.verify import Verification, Verified, verify

JOB = "verify consent"
EVERY = timedelta(hours=1)
_ONE = 1  # the only row
_PROVED = ("seq", "mac", "sha256", "anchors", "logged", "seal")


def run(
    db: Session, *, whole: bool, now: datetime, progress: Callable[[int], object] = lambda _: None
) -> Verification:
    """Verify the whole, or what was added since the last time; keep the result, and disarm if need be."""
    read = anchors.sizes(settings().data_dir)
    found = verify(db, now=now, since=None if whole else verified(db), progress=progress)
    _keep(db, found, read, whole=whole, now=now)
    if found.broken and found.broken.disarms:
        restore_lock.disarm(
            db, found.broken.sentence, positions=_positions(db), older=found.broken.older, now=now
        )
    return found


def due(db: Session, *, now: datetime) -> bool:
    """Return whether what was added is to be verified again."""
    last = db.get(VerifiedUpTo, _ONE)
    return last is None or last.at <= now - EVERY


def fault(db: Session) -> str | None:
    """Return what did not hold when it was last verified, and where."""
    last = db.get(VerifiedUpTo, _ONE)
    return last.place if last else None


def verified(db: Session) -> Verified | None:
    """Return up to where all held; None where nothing says so, or not with our seal."""
    last = db.get(VerifiedUpTo, _ONE)
    if last is None or not last.seq or not hmac.compare_digest(last.seal, _seal(last)):
        return None
    return Verified(last.seq, Head(last.mac, last.sha256), last.anchors, last.logged)


def _keep(db: Session, found: Verification, read: dict[str, int], *, whole: bool, now: datetime) -> None:
    """Keep how far all held; after a break, how far it held before, so that it is found again.

    What a verification found stands until the whole holds: one of what is new alone does not look there.
    """
    before = db.get(VerifiedUpTo, _ONE)
    values: dict[str, Any] = {
        "id": _ONE, "at": now, "seq": 0, "mac": b"", "sha256": b"", "anchors": {}, "logged": 0, "seal": b"",
        "fault": None, "place": None,
    }  # fmt: skip
    if found.broken:
        values |= {"fault": found.broken.fault.value, "place": found.broken.sentence}
        if before:
            values |= {name: getattr(before, name) for name in _PROVED}
    elif found.last_seq is not None:
        values |= {
            "seq": found.last_seq,
            **found.head._asdict(),
            "anchors": read,
            "logged": found.last_logged,
        }
        values["seal"] = _seal(VerifiedUpTo(**values))
        if before and not whole:
            values |= {"fault": before.fault, "place": before.place}
    kept = insert(VerifiedUpTo).values(values)
    db.execute(kept.on_conflict_do_update(index_elements=["id"], set_=values))
    db.expire_all()


def _seal(row: VerifiedUpTo) -> bytes:
    read = json.dumps([row.anchors, row.logged], sort_keys=True)
    text = f"verified {row.seq} {row.mac.hex()} {row.sha256.hex()} {read}"
    return hmac.digest(chain.chain_key(), text.encode(), hashlib.sha256)


def _positions(db: Session) -> dict[str, list[int | str]]:
    return {row.host: [row.size, row.seal] for row in db.scalars(select(HostPosition))}

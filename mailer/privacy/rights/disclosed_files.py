"""The files that staff took out of the service, of which the audit knows: whose addresses are in them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from mailer.core.audit import Audit
from mailer.newsletters.models import Newsletter
from mailer.privacy.rights.disclosures import Handed
from mailer.staff import accounts
from mailer.subscribers.consent import record
from mailer.subscribers.consent.models import ConsentKind

SUBSCRIBERS, BREACH, INSPECTION = "subscribers export", "breach affected", "consent export"
_READS = frozenset({ConsentKind.CONFIRMED, ConsentKind.IMPORTED, ConsentKind.RECTIFIED})


def files(db: Session, mark: bytes) -> list[Handed]:
    """Those with the person of this fingerprint in them, the oldest first."""
    story = record.events(db, mark)
    slugs: dict[UUID, str] = {row.id: row.slug for row in db.execute(select(Newsletter.id, Newsletter.slug))}
    known = select(Audit).where(Audit.what.in_((SUBSCRIBERS, BREACH, INSPECTION))).order_by(Audit.at)
    return [
        Handed(each.at, each.details.get("newsletter"), each.details.get("rows"), accounts.name(db, each.who))
        for each in db.scalars(known)
        if _holds(each, mark, story, slugs)
    ]


def _holds(file: Audit, mark: bytes, story: Sequence[Row[Any]], slugs: Mapping[UUID, str]) -> bool:
    """Whether they were in it, as their evidence tells."""
    if file.what == INSPECTION:
        return bool(file.details["fingerprint"] == mark.hex())
    of = file.details.get("newsletter")
    last = {row.newsletter_id: row.kind for row in story if row.at <= file.at}
    kinds = {kind for newsletter, kind in last.items() if of in {None, slugs.get(newsletter)}}
    whole = file.what == BREACH or file.details.get("everybody")
    return bool(kinds - {ConsentKind.ERASED} if whole else kinds & _READS)

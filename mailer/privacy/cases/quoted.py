"""Take the addresses of somebody who is erased out of what is written in the cases of others."""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.orm import Session

from mailer.core import quoted
from mailer.core.fingerprint import fingerprint_of
from mailer.notices import erase as notices
from mailer.notices.models import Notice
from mailer.privacy.models import Breach, RightsEvent, RightsRequest

_FREE: dict[type[RightsRequest] | type[Breach], tuple[str, ...]] = {
    RightsRequest: ("name", "extension_reason", "refusal_reason"), Breach: ("what", "conclusion"),
}  # fmt: skip
Without = Callable[[str], str]


def erase(db: Session, fingerprints: Collection[bytes]) -> Counter[str]:
    """Put a dash for each address of these fingerprints, however it is spelt; return in how many rows.

    Their own cases are dealt with by the erasure: an open one keeps what its answer needs.
    """

    def without(text: str) -> str:
        return quoted.without(text, lambda email: fingerprint_of(email) in fingerprints)

    return Counter({
        RightsEvent.__tablename__: _histories(db, fingerprints, without),
        Notice.__tablename__: notices.redact(db, without),
        **{table.__tablename__: _texts(db, table, fingerprints, without) for table in _FREE},
    })  # fmt: skip


def _histories(db: Session, fingerprints: Collection[bytes], without: Without) -> int:
    others = or_(RightsRequest.fingerprint.is_(None), RightsRequest.fingerprint.not_in(fingerprints))
    # A closed case has lost what was written in it once it has lost address and name.
    worded = or_(
        RightsRequest.closed_at.is_(None), RightsRequest.email.is_not(None), RightsRequest.name.is_not(None)
    )
    joined = select(RightsEvent).join(RightsRequest, RightsRequest.id == RightsEvent.request_id)
    quoting = joined.where(others, worded, cast(RightsEvent.details, Text).contains("@"))
    count = 0
    for step in db.scalars(quoting.with_for_update(of=RightsEvent)).all():
        details = _everywhere(step.details, without)
        if details != step.details:
            step.details, count = details, count + 1
    db.flush()
    return count


def _everywhere(value: Any, without: Without) -> Any:
    if isinstance(value, dict):
        return {name: _everywhere(each, without) for name, each in value.items()}
    if isinstance(value, list):
        return [_everywhere(each, without) for each in value]
    return without(value) if isinstance(value, str) else value


def _texts(
    db: Session, table: type[RightsRequest] | type[Breach], fingerprints: Collection[bytes], without: Without
) -> int:
    columns = _FREE[table]
    quoting = select(table).where(or_(*(getattr(table, name).contains("@") for name in columns)))
    if table is RightsRequest:
        mine = RightsRequest.fingerprint.in_(fingerprints)
        quoting = quoting.where(or_(RightsRequest.fingerprint.is_(None), ~mine))
    count = 0
    for row in db.scalars(quoting.with_for_update()).all():
        said = {name: getattr(row, name) for name in columns}
        found = {name: without(text) for name, text in said.items() if text and without(text) != text}
        for name, text in found.items():
            setattr(row, name, text)
        count += bool(found)
    db.flush()
    return count

"""Verify the consent chain: every link, payload and anchor, and then the rows that rest on them.

It is read a page at a time, so that the memory it takes does not grow with the chain.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Row, Select, exists, func, select
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.core.settings import settings
from mailer.privacylog import decisions
from mailer.privacylog.models import HostPosition
from mailer.subscribers.consent import anchors, chain, resting, witnesses
from mailer.subscribers.consent.anchors import Anchor, DamagedAnchor
from mailer.subscribers.consent.chain import Head
from mailer.subscribers.consent.faults import Break, Fault, break_at
from mailer.subscribers.consent.models import AnchorPosition, ConsentEvent, ConsentPayload
from mailer.subscribers.models import Subscription

PAGE = 2_000  # rows
ANCHORED_WITHIN = timedelta(minutes=1)  # of the commit that appended: an import anchors now and then
_T = TypeVar("_T")


@dataclass
class Verification:
    """Count what was checked, and hold the first break, if any."""

    events: int = 0
    payloads: int = 0
    expired: int = 0  # payloads deleted after their expiry
    anchors: int = 0
    last_seq: int | None = None
    last_anchored: int = 0
    last_logged: int = 0  # bytes of this host's privacy log, as its anchors know them
    head: Head = chain.GENESIS
    broken: Break | None = None

    @property
    def whole(self) -> bool:
        return self.broken is None


def length(db: Session) -> int:
    """Return how many events there are to verify."""
    return db.scalar(select(func.count()).select_from(ConsentEvent)) or 0


@dataclass(frozen=True)
class Verified:
    """Hold up to where all was verified before."""

    seq: int
    head: Head
    anchors: Mapping[str, int]  # bytes read of each host's file
    logged: int = 0  # bytes of this host's privacy log, as the last of those knew


def verify(
    db: Session, *, now: datetime, since: Verified | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Verification:  # fmt: skip
    """Check the whole chain up to its first break; `progress` is told how many events each page held.

    `since`: only what was appended after that, and of what rests on the chain all but the addresses, which
    each worker checks as it writes to them.
    """
    result = Verification()
    if since:
        result.last_seq, result.head, result.last_anchored = since.seq, since.head, since.seq
        result.last_logged = since.logged
        result.broken = _no_longer(db, since)
        if result.broken:
            return result
    for page in _pages(db, result.last_seq):
        for row in page:
            result.broken = _break(db, row, result, now)
            if result.broken:
                return result
            _count(row, result)
        progress(len(page))
    result.broken = (
        _anchors_broken(db, result, since) or _dangling(db, result, whole=since is None)
        or _anchors_cut(db, result, now) or witnesses.contradiction(db)
        or resting.broken(db, addresses=since is None)
    )  # fmt: skip
    return result


_EVENT = (ConsentEvent.seq, ConsentEvent.id, ConsentEvent.previous, ConsentEvent.payload_digest,
          ConsentEvent.expires_at, ConsentEvent.sha256, ConsentEvent.mac)  # fmt: skip


def _no_longer(db: Session, since: Verified) -> Break | None:
    """Return that the event up to which all held is not what it was."""
    mac = db.scalar(select(ConsentEvent.mac).where(ConsentEvent.seq == since.seq))
    if mac == since.head.mac:
        return None
    fault = Fault.CUT if mac is None else Fault.REWRITTEN
    return break_at(fault, since.seq, "it was verified before, and is not there as it was")


def _pages(db: Session, after: int | None) -> Iterator[list[Row[Any]]]:
    """Yield events by sequence, each with its payload's columns, None where it was deleted."""
    query = select(*_EVENT, *ConsentPayload.__table__.columns)
    yield from _paged(db, query.outerjoin(ConsentPayload, ConsentPayload.event_id == ConsentEvent.id), after)


def _paged(
    db: Session, query: Select[*tuple[Any, ...]], last: int | None = None
) -> Iterator[list[Row[*tuple[Any, ...]]]]:
    while True:
        after = query if last is None else query.where(ConsentEvent.seq > last)
        page = list(db.execute(after.order_by(ConsentEvent.seq).limit(PAGE)))
        if page:
            last = page[-1].seq
            yield page
        if len(page) < PAGE:
            return


def _count(row: Row[Any], result: Verification) -> None:
    result.events += 1
    result.payloads += row.event_id is not None
    result.expired += row.event_id is None
    result.last_seq, result.head = row.seq, Head(row.mac, row.sha256)


def _break(db: Session, row: Row[Any], result: Verification, now: datetime) -> Break | None:
    """Return what is wrong with this event, given that everything before it holds."""
    if not _sealed(row):
        return _unsealed(db, row)
    if row.previous != result.head.mac:
        return _misplaced(db, row, result.last_seq)
    if chain.linker(row.expires_at)(result.head, row.id.bytes, row.payload_digest).sha256 != row.sha256:
        return break_at(Fault.EDITED, row.seq, "its hash does not follow the one before it")
    if row.event_id is None:
        early = row.expires_at is None or row.expires_at > now
        why = "its payload was deleted before its expiry"
        return break_at(Fault.PAYLOAD_DELETED, row.seq, why) if early else None
    if chain.payload_digest(row) != row.payload_digest:
        return _payload_changed(db, row)
    return None


def _sealed(row: Row[Any]) -> bool:
    return bool(row.mac == chain.seal(row))


def _unsealed(db: Session, row: Row[Any]) -> Break:
    """Return whether the event was edited, or the chain rewritten from there without the key."""
    following = _paged(db, select(*_EVENT).where(ConsentEvent.seq > row.seq))
    sealed = (_sealed(event) for page in following for event in page)
    if next(sealed, True) is False and not any(sealed):
        return break_at(Fault.REWRITTEN, row.seq, "from here to the end, nothing was written with the key")
    return break_at(
        Fault.EDITED, row.seq, "its seal does not match: it was edited, or written without the key"
    )


def _misplaced(db: Session, row: Row[Any], last_seq: int | None) -> Break:
    """Return why a sealed event does not follow the one before it."""
    followed = db.scalar(select(ConsentEvent.seq).where(ConsentEvent.mac == row.previous).limit(1))
    if followed is not None or row.previous == chain.GENESIS.mac:
        where = f"event {followed}" if followed else "nothing: it was the first"
        return break_at(Fault.SWAPPED, row.seq, f"it follows {where}, and stands elsewhere")
    after = f"after event {last_seq}" if last_seq is not None else "at the beginning"
    return break_at(Fault.DELETED, row.seq, f"what it followed is gone: events were deleted {after}")


def _payload_changed(db: Session, row: Row[Any]) -> Break:
    twin = select(ConsentEvent.seq).where(ConsentEvent.payload_digest == chain.payload_digest(row))
    other = db.scalar(twin.limit(1))
    if other is not None:
        return break_at(Fault.PAYLOAD_SWAPPED, row.seq, f"it carries the payload of event {other}")
    return break_at(Fault.PAYLOAD_EDITED, row.seq, "its payload is not the one that was sealed")


def _anchors_broken(db: Session, result: Verification, since: Verified | None) -> Break | None:
    """Check that every anchored head is still in the chain: this is how a cut tail shows."""
    start = since.anchors if since else None
    lines = anchors.read(settings().data_dir, chain.chain_key(), start)
    for chunk in _chunks(lines, PAGE):
        damaged = next((line for line in chunk if isinstance(line, DamagedAnchor)), None)
        if damaged:
            return Break(Fault.ANCHOR_DAMAGED, None, _damage(damaged.file, damaged.line))
        found = [line for line in chunk if isinstance(line, Anchor) and line.seq]
        seqs = select(ConsentEvent.seq, ConsentEvent.mac).where(ConsentEvent.seq.in_({a.seq for a in found}))
        macs = {row.seq: row.mac for row in db.execute(seqs)}
        for anchor in found:
            if macs.get(anchor.seq) != anchor.mac:
                return _unlike(anchor, anchor.seq in macs, result.last_seq)
        result.anchors += len(chunk)
        ends = (line.logs.get(appendonly.host(), 0) for line in chunk if isinstance(line, Anchor))
        result.last_logged = max([result.last_logged, *ends])
        result.last_anchored = max([result.last_anchored, *(anchor.seq for anchor in found)])
    return None


def _damage(file: Path, line: int) -> str:
    return f"{file}, line {line}: this anchor is torn, or was not written with the key"


def _unlike(anchor: Anchor, present: bool, last_seq: int | None) -> Break:
    day = anchor.at.isoformat(timespec="seconds")
    if present:
        return break_at(Fault.REWRITTEN, anchor.seq, f"it is not the event that was anchored on {day}")
    end = f"the tail was cut after event {last_seq}" if last_seq is not None else "the chain was emptied"
    return break_at(Fault.CUT, anchor.seq, f"it was anchored on {day} and is gone: {end}")


def _anchors_cut(db: Session, result: Verification, now: datetime) -> Break | None:
    """Return anchors that the database knows of and that are gone: their end, or a file as a whole."""
    folder, own = settings().data_dir, appendonly.host()
    known = {row.host: row for row in db.scalars(select(AnchorPosition))}
    present = {path.name.removesuffix(appendonly.SUFFIX) for path in anchors.paths(folder)}
    for host in sorted(present & set(known) | {own} & set(known)):
        if not anchors.reaches(folder, host, known[host].size, known[host].seal):
            return Break(Fault.ANCHORS_CUT, None, _gone(anchors.path(folder, host), known[host].size))
    if set(known) <= {own} and _unanchored(db, result, now):
        why = f"its anchor is missing at the end of {anchors.path(folder, own)}"
        return break_at(Fault.ANCHORS_CUT, result.last_seq or 0, why)
    return None


def _unanchored(db: Session, result: Verification, now: datetime) -> bool:
    """Return whether the head, or the end of the log, has had the time to be anchored, and is not."""
    late = now - ANCHORED_WITHIN
    if result.last_seq is not None and result.last_anchored < result.last_seq:
        of_head = select(ConsentEvent.id).where(ConsentEvent.seq == result.last_seq).scalar_subquery()
        at = db.scalar(select(ConsentPayload.at).where(ConsentPayload.event_id == of_head))
        return at is None or at < late
    known = db.get(HostPosition, appendonly.host())
    if known is None or result.last_logged >= known.size:
        return False
    at = decisions.last_written()
    return at is None or at < late


def _gone(file: Path, size: int) -> str:
    return f"{file}: the anchors that the database knows of, up to byte {size}, are not in it"


def _dangling(db: Session, result: Verification, *, whole: bool) -> Break | None:
    """Return payloads and consents whose event is gone: they show a cut that happened before any anchor.

    Payloads tell it of what is new: a subscription whose payload is gone as well is unproven.
    """
    columns = [("payloads", ConsentPayload.event_id), ("subscriptions", Subscription.consent_id)]
    for what, column in columns if whole else columns[:1]:
        there = exists().where(ConsentEvent.id == column)
        count = db.scalar(select(func.count()).where(column.is_not(None), ~there))
        if count:
            end = f"the tail was cut after event {result.last_seq}"
            return Break(Fault.CUT, result.last_seq, f"{count} {what} rest on events that are gone: {end}")
    return None


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk

"""Compare the database with what this machine knows outside it: the anchors, and its privacy log.

It takes a few look-ups, and the ends of two files.  The lines of one transaction beyond what the database
knows are those of an ordinary crash, unless an anchor says that it had committed.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.core.settings import settings
from mailer.privacylog import decisions
from mailer.privacylog.decisions import LogDamaged, Position
from mailer.privacylog.models import HostPosition
from mailer.subscribers.consent import anchors, chain
from mailer.subscribers.consent.anchors import Anchor
from mailer.subscribers.consent.faults import Break, Fault
from mailer.subscribers.consent.models import AnchorPosition, ConsentEvent


def contradiction(db: Session) -> Break | None:
    """Return where the database is older than what it is known to have committed, or the log is cut."""
    known = anchors.last(settings().data_dir, chain.chain_key(), appendonly.host())
    return _older(db, known) or _log(db)


def anchored(db: Session) -> bool:
    """Return whether this host's anchors, which say how new the database has to be, are all here."""
    known = db.get(AnchorPosition, appendonly.host(), populate_existing=True)
    return known is not None and anchors.reaches(
        settings().data_dir, appendonly.host(), known.size, known.seal
    )


def _older(db: Session, known: list[Anchor]) -> Break | None:
    """Compare with the anchors of this host: each was written after its commit."""
    if not known:
        return None
    where, host = anchors.path(settings().data_dir, appendonly.host()), appendonly.host()
    last = max(known, key=lambda anchor: anchor.seq)
    if last.seq and _mac(db, last.seq) != last.mac:
        return _copy(f"event {last.seq}", f"{where} says that it had committed at {last.at.isoformat()}")
    number = max(anchor.number for anchor in known)
    row = db.get(AnchorPosition, host, populate_existing=True)
    if number > (row.number if row else 0):
        return _copy(f"anchor {number} of {host}", f"{where} says that the database had got that far")
    sizes = {
        row.host: row.size
        for row in db.scalars(select(HostPosition).execution_options(populate_existing=True))
    }
    for anchor in known:
        for name, size in anchor.logs.items():
            if size > sizes.get(name, 0):
                return _copy(f"the privacy log of {name}", f"{where} says that its byte {size} had committed")
    return None


def _mac(db: Session, seq: int) -> bytes | None:
    return db.scalar(select(ConsentEvent.mac).where(ConsentEvent.seq == seq))


def _copy(what: str, why: str) -> Break:
    return Break(Fault.DATABASE_OLDER, None, f"{what}: {why}, and the database does not know it")


def _log(db: Session) -> Break | None:
    """Compare with the end of this host's log; a damaged one is a break too."""
    path = decisions.own_path()
    try:
        if decisions.at_end(path, _position(db)):
            return None
        lines = decisions.beyond(path, decisions.lock_position(db))  # whoever was writing has committed
    except LogDamaged as error:
        return Break(Fault.LOG_DAMAGED, None, str(error))
    if lines is None:
        why = "the lines that the database knows of are not in it"
        return Break(Fault.LOG_CUT, None, f"{path}: {why}")
    if lines and not decisions.one_crash(lines):
        return _copy(f"{path}, {len(lines)} lines", "they were written by more than one transaction")
    return None


def _position(db: Session) -> Position:
    row = db.get(HostPosition, appendonly.host(), populate_existing=True)
    return Position(row.size, row.seal) if row else Position(0, "")

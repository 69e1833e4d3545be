"""Look whether the database is the current one: at start, before each freeze, and in every sweep.

A copy of before is disarmed, however it was put back.  The lines of one transaction that did not commit are
an ordinary crash: what people wanted by them is made good, and said.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.backup import fold, replay
from mailer.core import audit, restore_lock
from mailer.privacy.cases.register import SERVICE
from mailer.privacylog import decisions
from mailer.privacylog.decisions import LogLine, Position
from mailer.privacylog.models import HostPosition, LogGap
from mailer.subscribers.consent import witnesses


def look(db: Session, *, now: datetime) -> bool:
    """Return whether the database may be used; disarm it where it is older than it is known to have been."""
    if restore_lock.disarmed(db):
        return False
    broken = witnesses.contradiction(db)
    if broken and broken.disarms:
        positions = {row.host: [row.size, row.seal] for row in db.scalars(select(HostPosition))}
        return not restore_lock.disarm(db, broken.sentence, positions=positions, older=broken.older, now=now)
    _take_in(db)
    for gap in decisions.gaps(db):
        _make_good(db, gap, now)
    return True


def contradiction(db: Session) -> str | None:
    """Return why a command is not to go on: the database is older than this folder knows, or the reverse.

    A command started with another folder stops nobody else: only the service itself disarms.
    """
    broken = witnesses.contradiction(db)
    return broken.sentence if broken else None


def _take_in(db: Session) -> None:
    """Note what one crash left at the end of this host's log, if anything."""
    path = decisions.own_path()
    row = db.get(HostPosition, decisions.own_host())
    if decisions.at_end(path, Position(row.size, row.seal) if row else Position(0, "")):
        return
    known = decisions.lock_position(db)
    if lines := decisions.beyond(path, known):
        decisions.note_gap(db, known, lines[-1][1])
        decisions.set_position(db, decisions.own_host(), lines[-1][1])


def _make_good(db: Session, gap: LogGap, now: datetime) -> None:
    """Do what people wanted by these lines, unless later ones say otherwise."""
    after = decisions.beyond(decisions.own_path(), Position(gap.size, gap.seal)) or []
    lost = [line for line, end in after if end.size <= gap.until]
    decisions.begin_replay(db)
    done = replay.make_good(db, fold.fold([line for line, _ in after]), _ids(lost), now)
    decisions.close_gap(db, gap)
    details = {"lines": len(lost), "done": done}
    audit.record(db, who=SERVICE, what="privacy log made good", details=details, now=now)


def _ids(lines: Sequence[LogLine]) -> set[int]:
    return {id(line) for line in lines}

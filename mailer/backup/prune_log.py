"""Prune the privacy log of lines that every backup which may still be restored holds already.

Without a backup by `mailer backup` among those still kept, nothing is pruned: nobody knows what may be
restored.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.core import appendonly
from mailer.core.audit import Audit
from mailer.core.restore_lock import Restoration
from mailer.core.settings import settings
from mailer.privacy.retention.inventory import Keep
from mailer.privacy.retention.rules import Rule
from mailer.privacylog import decisions
from mailer.privacylog.models import HostPosition

WRITTEN = "backup written"  # in the audit, at the time it began
GRACE = timedelta(days=7)  # beyond MAILER_BACKUP_DAYS
CLOCKS = timedelta(days=1)  # by which two machines' may differ


def needed_since(db: Session, now: datetime) -> datetime | None:
    """Return when the oldest backup still kept was made, less a margin; None if nobody knows.

    What was written in the log before that is in all of them.
    """
    kept = timedelta(days=settings().backup_days) + GRACE
    if settings().audit_days <= kept.days:  # backups that may be restored have left the audit
        return None
    backups = select(func.min(Audit.at)).where(Audit.what == WRITTEN, Audit.at >= now - kept)
    restored = select(func.min(Restoration.backed_up_at)).where(Restoration.backed_up_at >= now - kept)
    oldest = [at for at in (db.scalar(backups), db.scalar(restored)) if at]
    return min(oldest) - CLOCKS if oldest else None


def due(db: Session, now: datetime) -> int:
    """Return how many lines `prune` would take out."""
    since = needed_since(db, now)
    if since is None:
        return 0
    return sum(decisions.prunable(path, since) for path in appendonly.files(decisions.folder()))


def prune(db: Session, now: datetime) -> int:
    """Take those lines out of every host's file; return how many.  Raises LogDamaged, LogUnwritable."""
    since = needed_since(db, now)
    if since is None:
        return 0
    db.execute(select(HostPosition).with_for_update()).all()  # nobody writes meanwhile, on any machine
    return sum(decisions.prune(path, since) for path in appendonly.files(decisions.folder()))


RULE = Rule(
    Keep.PRIVACY_LOG,
    lambda: f"the privacy log: as long as a backup, {settings().backup_days} days",
    due,
    prune,
)

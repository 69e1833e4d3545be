"""Tell the privacy officer of a due date, ten days and three days before it, once each."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core import jobs
from mailer.core.settings import settings
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.cases import register
from mailer.privacy.cases.deadlines import ALERTS, Alert
from mailer.privacy.models import RightsRequest

JOB = "reminders"


def tell(db: Session, *, now: datetime) -> int:
    """Send the alerts that are due and were not sent; return how many.

    A case that is late at once gets the most urgent alert alone; a due date that moved is alerted anew.
    """
    near = RightsRequest.due_on <= register.today(now) + max(ALERTS.values())
    open_ = RightsRequest.closed_at.is_(None), RightsRequest.paused_at.is_(None)
    chosen = select(RightsRequest).where(near, *open_, jobs.to_try(JOB, RightsRequest.id))
    told = 0
    for case in db.scalars(chosen.order_by(RightsRequest.due_on).with_for_update(skip_locked=True)).all():
        with jobs.row(JOB, case.id, db):
            told += _tell(db, case, now)
    return told


def _tell(db: Session, case: RightsRequest, now: datetime) -> bool:
    today = register.today(now)
    ripe = list(register.clock(db, case).alerts(today))
    if not ripe or _told(db, case, ripe[-1]):
        return False
    config = settings()
    facts = {
        **register.facts_of(case, config.default_locale),
        "days": str(max((case.due_on - today).days, 0)),
        "link": f"/desk/rights/{case.id}",
    }
    outbox.post(
        db, NoticeKind.CASE_ALERT, email=config.dpo_email, locale=config.default_locale, facts=facts, now=now
    )
    register.note(
        db, case, "alerted", register.SERVICE, now, alert=ripe[-1].value, due=case.due_on.isoformat()
    )
    return True


def _told(db: Session, case: RightsRequest, alert: Alert) -> bool:
    wanted = {"alert": alert.value, "due": case.due_on.isoformat()}
    return any(step.what == "alerted" and step.details == wanted for step in register.history(db, case))

"""Door: the alarms, those that stand and those of the last month, and who looks after them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.monitoring import alarms as active
from mailer.monitoring import lifecycle, sentences
from mailer.monitoring.models import Alarm, AlarmChannel
from mailer.staff import accounts
from mailer.web.desk import labels

alarms = Blueprint("alarms", __name__, url_prefix="/alarms")


@dataclass(frozen=True)
class ShownAlarm:
    """Hold an alarm in the reader's language."""

    alarm: Alarm
    title: str
    sentence: str
    by: str | None  # the name of whoever took it on
    told: Mapping[AlarmChannel, datetime]  # when, over each channel


@alarms.get("")
def home() -> ResponseReturnValue:
    with transaction() as db:
        found, told = active.find(db, now=utcnow()), lifecycle.messages(db)
        current = [_shown(db, each, told.get(each.id, {})) for each in lifecycle.current(db)]
        past = [_shown(db, each, {}) for each in lifecycle.past(db)]
    listed = {each.alarm.name for each in current}
    unlisted = [each.sentence(labels.language()) for each in found if each.name not in listed]
    return render_template(
        "desk/alarms.html", current=current, unlisted=unlisted, past=past, days=lifecycle.HISTORY.days
    )


@alarms.post("/<uuid:alarm_id>/acknowledge")
def acknowledge(alarm_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        done = lifecycle.acknowledge(db, alarm_id, by=str(current_user.id), now=utcnow())
    if done:
        flash(
            _("C’est enregistré : vous prenez cette alarme en charge, et elle ne sera plus rappelée."),
            "success",
        )
    else:
        flash(_("Rien n’a changé : cette alarme est terminée, ou déjà prise en charge."), "info")
    return redirect(url_for("desk.alarms.home"), 303)


def _shown(db: Session, alarm: Alarm, told: Mapping[AlarmChannel, datetime]) -> ShownAlarm:
    locale = labels.language()
    by = accounts.name(db, alarm.acknowledged_by) if alarm.acknowledged_by else None
    return ShownAlarm(
        alarm, sentences.title(alarm.kind, alarm.facts, locale),
        sentences.sentence(alarm.kind, alarm.facts, locale), by, told,
    )  # fmt: skip

"""Door: imported people whom no first message reached, by reason, with a way on for each."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from mailer.core.db import transaction, utcnow
from mailer.imports import refused_introductions as refused
from mailer.smtp.replies import Refusal
from mailer.web.desk import labels

not_reached = Blueprint("not_reached", __name__, url_prefix="/people/not-reached")


@not_reached.get("")
def home() -> ResponseReturnValue:
    with transaction() as db:
        groups = refused.groups(db)
    advice = labels.called(Refusal, "advice")
    return render_template(
        "desk/not_reached.html", groups=groups, REFUSALS=labels.called(Refusal), advice=advice,
        shown=refused.SHOWN,
    )  # fmt: skip


@not_reached.post("/<uuid:newsletter_id>/<any(no_mailbox, full, policy, delayed, other):reason>")
def decide(newsletter_id: UUID, reason: str) -> ResponseReturnValue:
    """Try again, or stop writing to the people of one reason."""
    act = refused.drop if request.form.get("act") == "drop" else refused.retry
    with transaction() as db:
        done = act(db, newsletter_id, Refusal(reason), by=str(current_user.id), now=utcnow())
    if not done:
        flash(_("Rien n’a changé : plus personne n’attend pour ce motif."), "info")
    elif act is refused.drop:
        flash(ngettext("Une personne ne recevra plus rien.", "%(num)d personnes ne recevront plus rien.",
                       done), "success")  # fmt: skip
    else:
        flash(ngettext("Un courriel d’information est renvoyé.",
                       "%(num)d courriels d’information sont renvoyés.", done), "success")  # fmt: skip
    return redirect(url_for("desk.not_reached.home"), 303)

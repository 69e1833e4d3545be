"""Door: what a newsletter has published, for everybody to read."""

from uuid import UUID

from flask import Blueprint, Response, abort, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from mailer.db import transaction, utcnow
from mailer.issues import editing
from mailer.issues.blocks import Content
from mailer.issues.calendar import event_ics
from mailer.issues.models import Asset, Issue
from mailer.settings import settings
from mailer.web.public import the_newsletter
from mailer.web.security import LETTER_CSP

reading = Blueprint("reading", __name__)
YEAR = 31_536_000  # seconds


@reading.get("/<slug>/archive")
def archive(slug: str) -> ResponseReturnValue:
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
        return render_template(
            "archive.html", newsletter=newsletter, issues=editing.published(db, newsletter.id)
        )


@reading.get("/<slug>/issues/<uuid:issue_id>")
def issue(slug: str, issue_id: UUID) -> ResponseReturnValue:
    """The letter as everybody may read it: no personal value in it."""
    with transaction() as db:
        page = editing.public_page(db, _published(db, slug, issue_id), settings())
    return Response(page, headers={"Content-Security-Policy": LETTER_CSP})


@reading.get("/<slug>/issues/<uuid:issue_id>/agenda/<int:number>.ics")
def event(slug: str, issue_id: UUID, number: int) -> ResponseReturnValue:
    with transaction() as db:
        found = _published(db, slug, issue_id)
    entries = Content.model_validate(found.content).dated_entries()
    if not 1 <= number <= len(entries):
        abort(404)
    url = f"{settings().public_url}/{slug}/issues/{issue_id}"
    host = url.split("/")[2].partition(":")[0]
    body = event_ics(
        entries[number - 1], uid=f"{issue_id}-{number}@{host}", url=url, zone=settings().zone,
        now=found.started_at or utcnow(),
    )  # fmt: skip
    name = _("rendez-vous")
    disposition = f'attachment; filename="{name}-{number}.ics"'
    return Response(body, mimetype="text/calendar", headers={"Content-Disposition": disposition})


@reading.get("/assets/<name>")
def asset(name: str) -> ResponseReturnValue:
    with transaction() as db:
        found = db.get(Asset, name.partition(".")[0])
    if found is None:
        abort(404)
    response = Response(found.body, mimetype=found.media_type)
    response.cache_control.public = response.cache_control.immutable = True
    response.cache_control.max_age = YEAR
    return response


def _published(db: Session, slug: str, issue_id: UUID) -> Issue:
    found = editing.get(db, issue_id)
    if found is None or found.started_at is None or found.newsletter.slug != slug:
        abort(404)
    return found

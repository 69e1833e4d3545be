"""Door: what a newsletter has published, for everybody to read, and for engines to find."""

import re
from uuid import UUID

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.issues import archive, drafts, lifecycle, stored_images
from mailer.issues.archive import ArchiveEntry
from mailer.issues.calendar import event_ics
from mailer.issues.models import Issue
from mailer.newsletters import newsletters
from mailer.web.public.home import the_newsletter
from mailer.web.security import LETTER_CSP

reading = Blueprint("reading", __name__)
YEAR = 31_536_000  # seconds
FEED = 20  # issues
EVERY = 10_000
MAX_QUERY = 100
_BODY = re.compile(r"<body[^>]*>")


@reading.get("/<slug>/archive")
def past(slug: str) -> ResponseReturnValue:
    words = request.args.get("q", "")[:MAX_QUERY].strip()
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
        found = archive.listing(db, newsletter, words=words, page=request.args.get("page", 1, int))
    return render_template("archive.html", newsletter=newsletter, found=found, words=words)


@reading.get("/<slug>/feed.atom")
def feed(slug: str) -> ResponseReturnValue:
    """Show the latest issues (RFC 4287)."""
    with transaction() as db:
        newsletter = the_newsletter(db, slug)
        found = archive.listing(db, newsletter, size=FEED).entries
    page = render_template("feed.xml", newsletter=newsletter, issues=found)
    return Response(page, mimetype="application/atom+xml")


@reading.get("/<slug>/issues/<uuid:issue_id>")
def issue(slug: str, issue_id: UUID) -> ResponseReturnValue:
    """Show the letter as everybody may read it, no personal value in it, between a head and a foot of the
    site.
    """
    with transaction() as db:
        entry, found = _published(db, slug, issue_id)
        letter = lifecycle.public_page(db, found, settings())
        before, after = archive.around(db, found)
    values = {"newsletter": found.newsletter, "entry": entry, "before": before, "after": after}
    head, top, bottom = (
        render_template(f"reader/{part}.html", **values) for part in ("head", "top", "bottom")
    )
    page = letter.replace("</head>", f"{head}</head>", 1).replace("</body>", f"{bottom}</body>", 1)
    page = _BODY.sub(lambda body: body[0] + top, page, count=1)
    return Response(page, headers={"Content-Security-Policy": LETTER_CSP})


@reading.get("/<slug>/issues/<uuid:issue_id>/agenda/<int:number>.ics")
def event(slug: str, issue_id: UUID, number: int) -> ResponseReturnValue:
    with transaction() as db:
        _entry, found = _published(db, slug, issue_id)
    entries = drafts.strict(found.content).dated_entries()
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
        found = stored_images.named(db, name)
    if found is None:
        abort(404)
    response = Response(found.body, mimetype=found.media_type)
    response.cache_control.public = response.cache_control.immutable = True
    response.cache_control.max_age = YEAR
    return response


@reading.get("/sitemap.xml")
def sitemap() -> ResponseReturnValue:
    with transaction() as db:
        listed = [
            (each, archive.listing(db, each, size=EVERY).entries) for each in newsletters.newsletters(db)
        ]
    return Response(render_template("sitemap.xml", newsletters=listed), mimetype="application/xml")


@reading.get("/robots.txt")
def robots() -> ResponseReturnValue:
    return Response(render_template("robots.txt"), mimetype="text/plain")


def _published(db: Session, slug: str, issue_id: UUID) -> tuple[ArchiveEntry, Issue]:
    found = archive.entry(db, issue_id)
    if found is None or found[1].newsletter.slug != slug:
        abort(404)
    return found

"""Door: take a block of the last issue over."""

from typing import NamedTuple
from uuid import UUID

from flask import Blueprint, flash, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from mailer.core.db import transaction
from mailer.issues import composing, form_words, repeating
from mailer.issues.models import Issue
from mailer.web.desk.compose_draft import to_letter, tried
from mailer.web.desk.issue import fetch

repeat = Blueprint("repeat", __name__, url_prefix="/issues/<uuid:issue_id>/compose/repeat")


class Source(NamedTuple):
    """Hold the last issue, and its blocks: the id, the kind and the first words of each."""

    issue: Issue
    blocks: list[tuple[str, str, str]]


def source(issue_id: UUID) -> Source | None:
    """Return what may be taken over into an issue."""
    with transaction() as db:
        last = repeating.before(db, fetch(db, issue_id))
        if last is None:
            return None
        blocks = composing.document(last)["blocks"]
    return Source(last, [(each["id"], each["kind"], form_words.excerpt(each)) for each in blocks])


@repeat.post("")
def take_over(issue_id: UUID) -> ResponseReturnValue:
    """Add a block as it was in the last issue."""
    block_id, after = request.form.get("block", ""), request.form.get("after") or None
    taken = tried(
        issue_id, "issue edit",
        lambda db, found: repeating.repeat(db, found, block_id, after=after), repeated=block_id,
    )  # fmt: skip
    if taken:
        flash(_("Le bloc est repris du dernier numéro."), "success")
    return to_letter(issue_id, taken or "")

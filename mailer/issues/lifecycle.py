"""Move an issue through its states: import, check, approve and schedule, pause, cancel, close."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError
from sqlalchemy import String, cast, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from mailer.core.after_commit import Task, wake
from mailer.core.i18n import Locale, words
from mailer.core.settings import Settings
from mailer.issues import draft_preview, drafts, link_visits, looks, stored_images, versions, yaml_errors
from mailer.issues.archive import search_vector
from mailer.issues.assets import AssetFile
from mailer.issues.blocks import Content
from mailer.issues.checks.check import check
from mailer.issues.checks.letter import Letter
from mailer.issues.checks.weight import too_heavy
from mailer.issues.findings import Finding
from mailer.issues.models import Act, Approval, Asset, Issue, Revision
from mailer.issues.pictures import Picture
from mailer.issues.render import Publication, Rendered, render
from mailer.issues.state_machine import IssueState, Move, moved
from mailer.newsletters.newsletters import UnknownNewsletter, newsletter
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, fill, marked, values_for
from mailer.rendering.mjml import MjmlTooLarge


class NotReady(Exception):
    """Say that the checks found errors: the issue cannot be sent as it is."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__(", ".join(finding.code for finding in findings))

    def sentence(self, locale: str) -> str:
        """Return every finding, in that language."""
        listed = "; ".join(finding.sentence(locale) for finding in self.findings)
        return str(words("issues", locale)["not_ready"].format(findings=listed))


def get(db: Session, issue_id: UUID) -> Issue | None:
    """Return an issue with its newsletter."""
    return db.get(Issue, issue_id, options=[joinedload(Issue.newsletter)])


def with_prefix(db: Session, prefix: str) -> list[Issue]:
    """Return the issues whose identifier begins so, each with its newsletter; two at most."""
    wanted = cast(Issue.id, String).startswith(prefix, autoescape=True)
    return list(db.scalars(select(Issue).options(joinedload(Issue.newsletter)).where(wanted).limit(2)))


def listing(db: Session) -> list[Issue]:
    """Return every issue with its newsletter, the newest first."""
    newest = select(Issue).options(joinedload(Issue.newsletter)).order_by(Issue.created_at.desc())
    return list(db.scalars(newest))


def import_issue(db: Session, content: Content, assets: dict[str, AssetFile], *, now: datetime) -> Issue:
    """Return a draft, with its images.  Raises UnknownNewsletter."""
    issue = Issue(state=IssueState.DRAFT, created_at=now)
    _write(db, issue, content, assets, now)
    db.add(issue)
    db.flush()
    return issue


def edit(
    db: Session, issue: Issue, content: Content, assets: dict[str, AssetFile], *, by: str, now: datetime
) -> None:
    """Give a draft another content and other images.  Raises ForbiddenMove, UnknownNewsletter."""
    _move(db, issue, Move.EDIT)
    versions.begin(db, issue)
    _write(db, issue, content, assets, now)
    versions.keep(db, issue, by=by, now=now, act=Act.REPLACE)
    db.flush()


def delete(db: Session, issue: Issue) -> None:
    """Delete a draft, its history, and who approved it if it was scheduled before.  Raises ForbiddenMove."""
    _move(db, issue, Move.DELETE)
    versions.forget(db, issue)
    db.execute(sql_delete(Approval).where(Approval.issue_id == issue.id))
    link_visits.forget(db, issue)
    db.delete(issue)
    db.flush()


def _write(db: Session, issue: Issue, content: Content, assets: dict[str, AssetFile], now: datetime) -> None:
    publication = newsletter(db, content.newsletter)
    if publication is None:
        raise UnknownNewsletter(content.newsletter)
    stored_images.keep_all(db, publication, assets, by=stored_images.BY_FILE, now=now)
    revision = (issue.content or {}).get("revision", 0) + 1
    issue.newsletter, issue.title = publication, content.title
    issue.content = drafts.fresh(content.dump(), revision=revision)
    issue.assets = {src: asset.name for src, asset in assets.items()}


def rendered(db: Session, issue: Issue, settings: Settings, *, locale: Locale | None = None) -> Rendered:
    """Return the approved revision, or the draft as it would be sent; as far as it can be shown if it cannot.

    `locale`: what is the service's own, in another language than the letter's.  Raises mjml.MjmlError.
    """
    if issue.revision_id and locale in (None, issue.content.get("locale", locale)):
        revision = db.get_one(Revision, issue.revision_id)
        return Rendered(revision.html, revision.text, "")
    try:
        content = drafts.strict(issue.content)
    except ValidationError:  # it is not finished: `findings` says what is missing
        content = draft_preview.content(drafts.identified(issue.content), issue.assets)
    return _render(db, issue, content, settings, locale)


def rendered_block(
    db: Session, issue: Issue, block_id: str, settings: Settings, *, locale: Locale | None = None
) -> Rendered:
    """Return one block of a draft as far as it can be shown, within the letter’s frame.  Raises MjmlError."""
    content = draft_preview.content(drafts.identified(issue.content), issue.assets, only=block_id)
    return _render(db, issue, content, settings, locale)


def _render(
    db: Session, issue: Issue, content: Content, settings: Settings, locale: Locale | None
) -> Rendered:
    shown = content.model_copy(update={"locale": locale or content.locale})
    return render(shown, _publication(db, issue, settings, shown.locale), _pictures(db, issue, settings))


def public_page(db: Session, issue: Issue, settings: Settings) -> str:
    """Return the HTML for the web: without a name, and with an unsubscribe link for anybody."""
    anybody = values_for(issue.content["locale"], None)
    values = anybody | {UNSUBSCRIBE_URL: f"{settings.public_url}/preferences"}
    return fill(rendered(db, issue, settings).html, values, escape=True)


def findings(db: Session, issue: Issue, settings: Settings, *, leaves: datetime) -> list[Finding]:
    """Return the findings for an issue that would be sent at that instant; errors first."""
    try:
        page = rendered(db, issue, settings)
        content = drafts.strict(issue.content)
    except ValidationError as unfinished:
        return yaml_errors.findings(unfinished)
    except MjmlTooLarge as large:
        return [too_heavy(large.size)]
    letter = Letter(
        content, page, leaves.astimezone(settings.zone).date(), settings.zone,
        site=settings.public_url, legal=_publication(db, issue, settings, content.locale).legal,
        pictures=_pictures(db, issue, settings), image_bytes=stored_images.weight(db, issue.assets.values()),
        visits=link_visits.of_issue(db, issue.id),
    )  # fmt: skip
    return check(letter)


def ready(db: Session, issue: Issue, settings: Settings, *, leaves: datetime) -> list[Finding]:
    """Lock an issue that may be scheduled; return what the checks say.  Raises NotReady, ForbiddenMove."""
    moved(locked(db, issue).state, Move.SCHEDULE)
    every = findings(db, issue, settings, leaves=leaves)
    if errors := [finding for finding in every if finding.level == "error"]:
        raise NotReady(errors)
    return every


def approve(
    db: Session, issue: Issue, settings: Settings, *, due_at: datetime, approver: str, now: datetime,
    acknowledged: Sequence[dict[str, Any]] = (), after_introductions: bool = False,
) -> None:  # fmt: skip
    """Freeze a ready issue as a revision; note who approved it, despite what, and when it is sent."""
    issue.revision_id = freeze(db, issue, settings, now)
    issue.state, issue.due_at = moved(issue.state, Move.SCHEDULE), due_at
    issue.after_introductions = after_introductions
    db.add(
        Approval(
            issue_id=issue.id, revision_id=issue.revision_id, approver=approver, at=now,
            acknowledged=list(acknowledged),
        )
    )  # fmt: skip
    db.flush()
    wake(db, Task.TICK)
    wake(db, Task.ROUTES)


def schedule(
    db: Session, issue: Issue, *, due_at: datetime, approver: str, now: datetime, settings: Settings
) -> None:
    """Approve an issue whose warnings nobody has to read; the doors go through delivery/scheduling.py.

    Raises NotReady, ForbiddenMove.
    """
    ready(db, issue, settings, leaves=due_at)
    approve(db, issue, settings, due_at=due_at, approver=approver, now=now)


def acknowledged(db: Session, issue: Issue) -> set[str]:
    """Return the keys of the warnings that were acknowledged whenever the issue was approved."""
    approvals = db.scalars(select(Approval.acknowledged).where(Approval.issue_id == issue.id))
    return {warning["key"] for kept in approvals for warning in kept}


def postpone(db: Session, issues: Collection[UUID], *, now: datetime) -> None:
    """Put off scheduled issues that wait for something until now: they are not late, they wait."""
    here = Issue.id.in_(issues), Issue.state == IssueState.SCHEDULED, Issue.due_at < now
    db.execute(update(Issue).where(*here).values(due_at=now))


def unschedule(db: Session, issue: Issue) -> None:
    """Make it a draft again, to be corrected and approved again.  Raises ForbiddenMove."""
    _move(db, issue, Move.UNSCHEDULE)
    issue.revision_id, issue.due_at, issue.after_introductions = None, None, False


def send_late(db: Session, issue: Issue, *, now: datetime) -> None:
    """Let a scheduled issue leave that is so late that a person was asked.  Raises ForbiddenMove."""
    moved(locked(db, issue).state, Move.START)
    issue.due_at = now
    wake(db, Task.TICK)


def pause(db: Session, issue: Issue, reason: str | None = None) -> None:
    """Stop claiming rows, from this commit on; `reason`: the relay's refusal, when the service itself pauses.

    Raises ForbiddenMove.
    """
    _move(db, issue, Move.PAUSE)
    issue.paused_for = reason
    db.flush()


def resume(db: Session, issue: Issue) -> None:
    """Let the send go on.  Raises ForbiddenMove."""
    _move(db, issue, Move.RESUME)
    issue.paused_for = None
    wake(db, Task.TICK)


def cancel(db: Session, issue: Issue) -> None:
    """Stop the send for good; the sweep withholds the rows that had not begun.  Raises ForbiddenMove."""
    _move(db, issue, Move.CANCEL)


def start(issue: Issue, *, candidates: int, audience: int, excluded: int, now: datetime) -> None:
    """Begin the send of a scheduled issue to its frozen audience.  Raises ForbiddenMove."""
    issue.state, issue.send_id, issue.started_at = moved(issue.state, Move.START), uuid4(), now
    issue.candidates, issue.audience, issue.excluded = candidates, audience, excluded


def reopen(db: Session, issue: Issue) -> None:
    """Send a closed issue again, for some of its rows; a paused one stays so.  Raises ForbiddenMove."""
    if locked(db, issue).state is not IssueState.PAUSED:
        issue.state, issue.closed_at = moved(issue.state, Move.RESEND), None
        wake(db, Task.TICK)


def close(issue: Issue, *, now: datetime) -> None:
    """End an issue whose every delivery is final.  Raises ForbiddenMove."""
    issue.state, issue.closed_at = moved(issue.state, Move.CLOSE), now


def _move(db: Session, issue: Issue, move: Move) -> None:
    issue.state = moved(locked(db, issue).state, move)


def locked(db: Session, issue: Issue) -> Issue:
    """Return the issue as it is now, its words included, locked until the transaction ends."""
    db.flush()
    db.refresh(issue, attribute_names=["state", "content", "assets"], with_for_update=True)
    return issue


def freeze(db: Session, issue: Issue, settings: Settings, now: datetime) -> bytes:
    """Keep an issue as it would be sent, and return its SHA-256.  Raises ValidationError."""
    content, page = drafts.strict(issue.content), rendered(db, issue, settings)
    whole = b"\0".join((content.canonical_json(), page.html.encode(), page.text.encode()))
    sha256 = hashlib.sha256(whole).digest()
    db.execute(
        insert(Revision)
        .values(
            sha256=sha256, content=content.dump(), subject=marked(content.subject), locale=content.locale,
            html=page.html, text=page.text, search=search_vector(content), created_at=now,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    return sha256


def _pictures(db: Session, issue: Issue, settings: Settings) -> dict[str, Picture]:
    """Return the images of an issue, by their src."""
    hashes = {src: name.partition(".")[0] for src, name in issue.assets.items()}
    stored = select(Asset.sha256, Asset.width, Asset.double).where(Asset.sha256.in_(hashes.values()))
    known = {row.sha256: (row.width, row.double) for row in db.execute(stored)}
    return {
        src: Picture(f"{settings.public_url}/assets/{name}", *known[hashes[src]])
        for src, name in issue.assets.items()
    }


def _publication(db: Session, issue: Issue, settings: Settings, locale: Locale) -> Publication:
    of = issue.newsletter
    url = f"{settings.public_url}/{of.slug}/issues/{issue.id}"
    return looks.publication(db, of, settings, issue_url=url, locale=locale)

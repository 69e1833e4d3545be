"""What a page shows of the checks: each finding with its block, its reason and its button."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from mailer.core.i18n import words
from mailer.issues import fields, link_visits, mending
from mailer.issues.checks.mending import COLOPHON, button
from mailer.issues.composing import document
from mailer.issues.findings import Finding
from mailer.issues.form_words import HEAD, FormWords
from mailer.issues.models import Issue
from mailer.issues.state_machine import IssueState
from mailer.web.desk import labels


@dataclass(frozen=True)
class CheckLine:
    """Hold a finding as a page shows it, with the block it is about and what its button says."""

    finding: Finding
    sentence: str
    block_id: str  # "" for the whole issue
    revision: int
    mend: str  # "" without a button
    place: int  # of the block in the letter, from 1


def lines(found: Issue, findings: Iterable[Finding]) -> list[CheckLine]:
    """Return what a page shows of findings; a letter that is no draft any more is not mended."""
    draft = found.state is IssueState.DRAFT
    places = _places(found) if draft else {}
    return [_line(finding, places, draft=draft) for finding in findings]


def _sentence(finding: Finding, kind: str) -> str:
    """Return what is found, with the field of the form that it is about where it is about one."""
    form_words = FormWords(labels.language())
    if kind == HEAD:
        return form_words.fault_in(HEAD, fields.of_head(), finding)
    path = finding.where.partition(".")[2]
    if not (kind and path):
        return finding.sentence(labels.language())
    return form_words.fault_in(kind, fields.of_kind(kind), replace(finding, where=path))


def by_reason(advised: Iterable[CheckLine]) -> dict[str, list[CheckLine]]:
    """Return advice by why it matters, so that a page says it once."""
    groups: dict[str, list[CheckLine]] = {}
    for line in advised:
        groups.setdefault(line.finding.why(labels.language()), []).append(line)
    return groups


def section(db: Session, found: Issue, findings: Iterable[Finding], back: str) -> dict[str, object]:
    """Return what desk/checks.html shows; `back`: the page it stands in, "compose" or "issue"."""
    asked, looked, last = link_visits.progress(db, found.id)
    return {
        "checked": lines(found, findings), "back": back, "by_reason": by_reason,
        "links": {"asked": asked, "looked": looked, "last": last},
    }  # fmt: skip


def _places(found: Issue) -> dict[str, tuple[str, int, int, str]]:
    """Return id, revision, place and kind of what each finding may be about, by how its path begins."""
    whole = document(found)
    blocks = {
        f"blocks[{place - 1}]": (block["id"], block["revision"], place, block["kind"])
        for place, block in enumerate(whole["blocks"], 1)
    }
    return blocks | dict.fromkeys(fields.HEAD, (mending.OF_THE_HEAD, whole["revision"], 0, HEAD))


def _line(finding: Finding, places: dict[str, tuple[str, int, int, str]], *, draft: bool) -> CheckLine:
    block_id, revision, place, kind = places.get(finding.where.partition(".")[0], ("", 0, 0, ""))
    key = button(finding.code) if draft and (block_id or finding.code == COLOPHON) else None
    label = words("checks", labels.language())["mend"][key] if key else ""
    return CheckLine(finding, _sentence(finding, kind), block_id, revision, label, place)

"""Show what the composer lists: the blocks of a letter in their order, whole or one of them, and its head."""

from typing import Any

from flask import render_template

from mailer.core.db import utcnow
from mailer.core.settings import settings
from mailer.issues import draft_preview, drafts, form_words
from mailer.issues.drafts import Document, Values
from mailer.issues.models import Issue
from mailer.rendering import typography
from mailer.web.desk import labels

HEAD = form_words.HEAD


def context(issue: Issue, document: Document) -> dict[str, Any]:
    """Return what the template of the outline shows."""
    return {
        "issue": issue,
        "document": document,
        "outline": [line(block, issue.assets) for block in document["blocks"]],
        "said": words(),
    }


def line(block: Values, known: dict[str, str]) -> Values:
    """Return what the outline tells of a block; `known`: the pictures there are."""
    return {
        "block": block,
        "excerpt": form_words.excerpt(block),
        "missing": words().missing(block["kind"], drafts.block_faults(block)),
        "shown": draft_preview.shown(block, known) is not None,
    }


def head_missing(document: Document) -> list[str]:
    """Return the labels of the fields of the head in which something is wrong."""
    return words().missing(HEAD, drafts.head_faults(document))


def whole(issue: Issue, document: Document) -> str:
    """Return the HTML of the outline."""
    return render_template("desk/compose_outline.html", **context(issue, document))


def row(issue: Issue, document: Document, block_id: str) -> str:
    """Return the HTML of one block in the outline, "" where there is none."""
    block = drafts.block_of(document, block_id)
    if block is None:
        return ""
    return render_template(
        "desk/compose_row.html",
        issue=issue, document=document, line=line(block, issue.assets), said=words(),
        place=document["blocks"].index(block) + 1, places=len(document["blocks"]),
    )  # fmt: skip


def head(issue: Issue, document: Document) -> str:
    """Return the HTML of what the composer tells of the head."""
    return render_template(
        "desk/compose_head_line.html",
        issue=issue, document=document, head_missing=head_missing(document), said=words(),
    )  # fmt: skip


def history(issue: Issue, document: Document) -> str:
    """Return the HTML of what takes an act back."""
    return render_template("desk/compose_history.html", issue=issue, document=document, said=words())


def versions(document: Document) -> dict[str, Any]:
    """Return the revision of each piece, by which a browser knows that somebody has changed one."""
    blocks = {block["id"]: block["revision"] for block in document["blocks"]}
    return {"order": document["order"], "pieces": {HEAD: document["revision"]} | blocks}


def hour() -> str:
    """Return what time it is, as the reader's language writes it."""
    return typography.clock(utcnow().astimezone(settings().zone), labels.language())


def words() -> form_words.FormWords:
    """Return the words of the forms, in the reader's language."""
    return form_words.FormWords(labels.language())

"""Whatever an author types is shown as text: in forms, previews, the mail, the archive, the feed.

The fields are those of mailer/issues/fields.py: a new kind of block is tried by itself.
"""

import email
import email.policy
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from mailer.core.db import transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import settings
from mailer.delivery import audience, load_issue
from mailer.delivery.message import Recipient
from mailer.issues import drafts, fields, lifecycle, yaml_file
from mailer.issues.blocks import KINDS
from mailer.issues.lifecycle import NotReady
from mailer.issues.models import Issue
from mailer.issues.preview_views import PreviewMode
from mailer.issues.state_machine import IssueState
from mailer.web.text import URLENCODED
from tests.support.desk_client import FRENCH, token
from tests.support.hostile import CANARY, CORPUS, Path, block_of_all, block_with, faults, paths, words_of
from tests.support.make import make_newsletter, make_readers

FEED_TAGS = {
    "feed", "id", "title", "subtitle", "updated", "author", "name", "link", "entry", "published", "summary",
}  # fmt: skip
LETTER = templates_dir() / "examples" / "letter-en" / "letter.yaml"
HEAD = [field.name for field in fields.of_head()]
MOST = 5  # blocks of a letter that is no heavier than one may be
NO_TEXT = (b"%00", b"%ED%A0%80", b"%FF")  # NUL, a lone surrogate, no UTF-8


@pytest.fixture
def letter(desk: FlaskClient) -> UUID:
    """A draft with every image of the English example, and somebody to send it to."""
    content, assets = yaml_file.load(LETTER)
    with transaction() as db:
        newsletter = make_newsletter(db, slug=content.newsletter, locale="en")
        make_readers(db, newsletter, 1)
        return lifecycle.import_issue(db, content, assets, now=utcnow()).id


def _flat(values: Any, prefix: str) -> dict[str, str]:
    """The fields of a form that hold these values, as a browser sends them."""
    if not isinstance(values, dict | list):
        return {} if values is False else {prefix: "yes" if values is True else str(values)}
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    return {k: v for name, value in pairs for k, v in _flat(value, f"{prefix}.{name}".strip(".")).items()}


def _blocks(issue_id: UUID) -> list[drafts.Values]:
    with transaction() as db:
        return list(drafts.identified(db.get_one(Issue, issue_id).content)["blocks"])


def _set(issue_id: UUID, blocks: list[drafts.Values], **head: str) -> None:
    with transaction() as db:
        issue = db.get_one(Issue, issue_id)
        whole = [drafts.new_block(block["kind"]) | block for block in blocks]
        issue.content = drafts.identified(issue.content) | {"blocks": whole} | head


def _at(values: Any, path: Path) -> Any:
    for step in path:
        values = values[step]
    return values


def _look(desk: FlaskClient, issue_id: UUID, *paths: str) -> None:
    """Nothing of the desk's pages about the letter, and none of its previews, is the author's."""
    base = f"/desk/issues/{issue_id}"
    previews = [f"{base}/preview?mode={mode}&reader=nameless" for mode in ("", *PreviewMode)]
    _look_at(desk, base, f"{base}/compose", *previews, *paths)


def _look_at(desk: FlaskClient, *paths: str) -> None:
    for path in paths:
        page = desk.get(path, headers=FRENCH)
        assert page.status_code == 200, path
        assert faults(page.text) == [], path


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_typed_in_a_block_is_kept_and_shown_as_text(
    desk: FlaskClient, letter: UUID, kind: str
) -> None:
    typed = [block_of_all(kind, turn) for turn in range(len(CORPUS))]
    _set(letter, [{"kind": kind} for _ in typed])
    csrf, base = token(desk, "/desk/issues/new"), f"/desk/issues/{letter}/compose/blocks"
    for block, values in zip(_blocks(letter), typed, strict=True):
        form = {"csrf_token": csrf, "revision": "1", **_flat(values, "")}
        answer = desk.post(f"{base}/{block['id']}", data=form, headers=FRENCH)
        assert answer.status_code == 303, answer.text
    for block, values in zip(_blocks(letter), typed, strict=True):
        for path in paths(fields.of_kind(kind)):
            assert _at(block, path).strip() == _at(values, path).replace("\r\n", "\n").strip()
    for block in _blocks(letter)[::5]:
        _look_at(desk, f"{base}/{block['id']}?checked=1", f"{base}/{block['id']}/preview")
    _look(desk, letter)


def test_what_is_typed_in_the_head_is_kept_and_shown_as_text(desk: FlaskClient, letter: UUID) -> None:
    texts = list(CORPUS.values())
    for turn in range(len(texts)):
        head = {name: texts[(number + turn) % len(texts)] for number, name in enumerate(HEAD)}
        _set(letter, _blocks(letter)[:2], **head)
        _look(desk, letter, f"/desk/issues/{letter}/compose/head?checked=1", "/desk/")


@pytest.mark.parametrize("kind", KINDS)
def test_what_leaves_of_a_block_is_text(desk: FlaskClient, letter: UUID, kind: str) -> None:
    """What may not leave is refused by a check; what may is in the mail, to be read."""
    of = fields.of_kind(kind)
    blocks = [block_with(kind, path, text) for path in paths(of) for text in CORPUS.values()]
    fit = [block for block in blocks if not drafts.block_faults(block)]
    assert len(fit) >= len(CORPUS) // 2 or not of
    for start in range(0, len(fit), MOST):
        together = fit[start : start + MOST]
        html = _leaves(desk, _copy(letter, together))
        assert words_of(html).count(CANARY) >= len(together)


@pytest.mark.parametrize("name", HEAD)
def test_what_leaves_of_the_head_is_text(desk: FlaskClient, letter: UUID, name: str) -> None:
    for text in CORPUS.values():
        issue_id = _copy(letter, _blocks(letter)[:1], **{name: text})
        if drafts.head_faults(_document(issue_id)):
            with pytest.raises(NotReady):
                _send(issue_id)
        else:
            _leaves(desk, issue_id)


@pytest.mark.parametrize("raw", NO_TEXT)
@pytest.mark.parametrize("where", ["compose/blocks/1", "compose/head"])
def test_what_is_no_text_is_refused_and_changes_nothing(
    desk: FlaskClient, letter: UUID, where: str, raw: bytes
) -> None:
    before, csrf = _document(letter), token(desk, "/desk/issues/new").encode()
    body = b"csrf_token=%s&kind=masthead&revision=1&title=%s" % (csrf, raw)
    answer = desk.post(f"/desk/issues/{letter}/{where}", data=body, content_type=URLENCODED)
    assert answer.status_code == 400
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    values = {b"csrf_token": csrf, b"kind": b"masthead", b"revision": b"1", b"title": unquote_to_bytes(raw)}
    body = b"".join(part % pair for pair in values.items()) + b"--x--\r\n"
    answer = desk.post(
        f"/desk/issues/{letter}/{where}", data=body, content_type="multipart/form-data; boundary=x"
    )
    assert answer.status_code == 400
    assert _document(letter) == before


def _document(issue_id: UUID) -> drafts.Document:
    with transaction() as db:
        return drafts.identified(db.get_one(Issue, issue_id).content)


def _copy(letter: UUID, blocks: list[drafts.Values], **head: str) -> UUID:
    """Another draft, of these blocks."""
    with transaction() as db:
        of = db.get_one(Issue, letter)
        written = [drafts.written_block(block) for block in blocks]
        content = drafts.fresh(of.content | {"blocks": written} | head)
        copy = Issue(
            newsletter_id=of.newsletter_id, state=IssueState.DRAFT, content=content, assets=of.assets,
            title=content["title"], created_at=utcnow(),
        )  # fmt: skip
        db.add(copy)
        db.flush()
        return copy.id


def _send(issue_id: UUID) -> tuple[bytes, bytes]:
    """Approve it, freeze its audience; what one with a name gets, and one without.  Raises NotReady."""
    with transaction() as db:
        issue = lifecycle.get(db, issue_id)
        assert issue
        lifecycle.schedule(db, issue, due_at=utcnow(), approver="x", now=utcnow(), settings=settings())
        assert audience.freeze(db, issue_id, now=utcnow())
        letter = load_issue.letter(db, issue_id, settings(), None)
        named, nameless = (letter.to(Recipient(1, "zoe@example.org", name)) for name in ("<b>Zoé</b>", None))
        return named.message, nameless.message


def _leaves(desk: FlaskClient, issue_id: UUID) -> str:
    """Look at the mail, and at what everybody may read; the HTML of the mail to somebody without a name."""
    for raw in _send(issue_id):
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert "bcc" not in {name.lower() for name in message}
        _text, html = (part.get_content() for part in message.iter_parts())
        assert faults(html, mail=True) == []
    for path in (f"/letter/issues/{issue_id}", "/letter/archive", "/letter/", "/sitemap.xml"):
        _look_at(desk, path)
    feed = ElementTree.fromstring(desk.get("/letter/feed.atom").data)  # noqa: S314 -- our own
    assert {each.tag.partition("}")[2] for each in feed.iter()} <= FEED_TAGS
    return str(html)

"""The history of a letter: what two people do at once, taken back, done again, and put back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.core.db import utcnow
from mailer.core.paths import templates_dir
from mailer.issues import composing, drafts, history, lifecycle, versions, yaml_file
from mailer.issues.drafts import Stale, TooManyBlocks, Values
from mailer.issues.history import NothingToDo
from mailer.issues.models import Act, Issue, Version
from mailer.issues.state_machine import IssueState
from mailer.issues.undoing import HEAD_PIECE, ChangedSince
from mailer.newsletters.models import Newsletter
from tests.support.make import EPOCH, make_newsletter

ANNE, BORIS = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
LETTER = templates_dir() / "examples" / "lettre" / "lettre.yaml"
LATER = timedelta(hours=1)  # beyond what is one version


class Desk:
    """A draft of four titles, and people who change it, an hour apart."""

    def __init__(self, db: Session, newsletter: Newsletter) -> None:
        self.db, self.now = db, EPOCH
        titles = [{"kind": "heading", "text": text} for text in "ABCD"]
        self.issue = Issue(
            newsletter=newsletter, state=IssueState.DRAFT, created_at=EPOCH, title="",
            content=drafts.identified({"newsletter": "lettre", "locale": "fr", "blocks": titles}), assets={},
        )  # fmt: skip
        db.add(self.issue)
        db.flush()

    @property
    def texts(self) -> str:
        return "".join(block.get("text", "") for block in self.blocks)

    @property
    def blocks(self) -> list[Values]:
        return list(composing.document(self.issue)["blocks"])

    def shown(self, of: Issue | Version | None = None) -> Any:
        """All that its readers would see."""
        letter = versions.letter(of or self.issue)
        return [(name, letter.piece(name)) for name in (HEAD_PIECE, *letter.ids)]

    def edit(self, by: str, place: int, text: str) -> None:
        block = self.blocks[place % len(self.blocks)]
        self._do(
            by,
            composing.save_block,
            block["id"],
            {"kind": "heading", "text": text},
            revision=block["revision"],
        )

    def add(self, by: str, place: int) -> None:
        self._do(by, composing.add, "text", after=self.blocks[place % len(self.blocks)]["id"])

    def duplicate(self, by: str, place: int) -> None:
        self._do(by, composing.duplicate, self.blocks[place % len(self.blocks)]["id"])

    def move(self, by: str, place: int, to: int) -> None:
        order = composing.document(self.issue)["order"]
        self._do(by, composing.move, self.blocks[place % len(self.blocks)]["id"], to, order=order)

    def remove(self, by: str, place: int) -> None:
        block = self.blocks[place % len(self.blocks)]
        self._do(by, composing.remove, block["id"], revision=block["revision"])

    def head(self, by: str, subject: str) -> None:
        revision = composing.document(self.issue)["revision"]
        self._do(by, composing.save_head, {"subject": subject}, revision=revision)

    def undo(self, by: str) -> None:
        history.undo(self.db, self.issue, by=by, now=self._tick())

    def redo(self, by: str) -> None:
        history.redo(self.db, self.issue, by=by, now=self._tick())

    def restore(self, by: str, number: int) -> None:
        history.restore(self.db, self.issue, number, by=by, now=self._tick())

    def history(self) -> list[Version]:
        return versions.listed(self.db, self.issue.id, below=None, most=1000)[::-1]

    def _do(self, by: str, act: Callable[..., Any], *args: Any, **named: Any) -> None:
        act(self.db, self.issue, *args, **named)
        versions.keep(self.db, self.issue, by=by, now=self._tick())

    def _tick(self) -> Any:
        self.now += LATER
        return self.now


@pytest.fixture
def desk(db: Session) -> Desk:
    return Desk(db, make_newsletter(db))


ACTS = st.lists(
    st.tuples(
        st.sampled_from((ANNE, BORIS)),
        st.sampled_from(("edit", "add", "duplicate", "move", "remove", "head", "undo", "redo", "restore")),
        st.integers(0, 7),
        st.integers(1, 8),
    ),
    min_size=1,
    max_size=14,
)


def _act(desk: Desk, by: str, what: str, place: int, other: int) -> None:
    if what in ("undo", "redo"):
        getattr(desk, what)(by)
    elif what == "restore":
        desk.restore(by, 1 + other % len(desk.history()) if desk.history() else 1)
    elif what == "head":
        desk.head(by, f"Objet {other}")
    elif desk.blocks:
        args = {"edit": (place, f"{by[-1]}{other}"), "move": (place, other)}.get(what, (place,))
        getattr(desk, what)(by, *args)


@given(acts=ACTS)
@profile(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_two_people_do_nothing_is_lost_and_undo_undoes(db: Session, acts: list[Any]) -> None:
    newsletter = db.scalar(select(Newsletter)) or make_newsletter(db)
    desk = Desk(db, newsletter)
    was: dict[int, Any] = {}
    for by, what, place, other in acts:
        before = desk.shown()
        try:
            _act(desk, by, what, place, other)
        except (ChangedSince, NothingToDo, history.UnknownVersion):
            assert desk.shown() == before
        was |= {
            version.number: desk.shown(version) for version in desk.history() if version.number not in was
        }
        if was:
            assert was[max(was)] == desk.shown()
        assert len({block["id"] for block in desk.blocks}) == len(desk.blocks)
    assert {version.number: desk.shown(version) for version in desk.history()} == was
    for by in (ANNE, BORIS):
        _there_and_back(desk, by)
    for number, shown in was.items():
        desk.restore(ANNE, number)
        assert desk.shown() == shown


def _there_and_back(desk: Desk, by: str) -> None:
    """As many steps back as go, then as many forth."""
    states = [desk.shown()]
    while True:
        try:
            desk.undo(by)
        except (ChangedSince, NothingToDo):
            break
        states.append(desk.shown())
    for state in reversed(states[:-1]):
        desk.redo(by)
        assert desk.shown() == state


def test_one_s_own_acts_are_taken_back_one_by_one(desk: Desk) -> None:
    desk.edit(ANNE, 0, "a")
    desk.move(ANNE, 0, 4)
    desk.remove(ANNE, 0)
    desk.duplicate(ANNE, 0)
    desk.head(ANNE, "Objet")
    states = []
    for _step in range(5):
        states.append(desk.texts)
        desk.undo(ANNE)
    assert states == ["CCDa", "CCDa", "CDa", "BCDa", "aBCD"]
    assert desk.texts == "ABCD"
    with pytest.raises(NothingToDo):
        desk.undo(ANNE)
    with pytest.raises(NothingToDo):
        desk.undo(BORIS)


def test_a_removed_block_comes_back_where_it_was_whatever_others_did_around_it(desk: Desk) -> None:
    desk.remove(ANNE, 1)
    desk.edit(BORIS, 0, "b")
    desk.remove(BORIS, 2)
    desk.add(BORIS, 0)
    desk.undo(ANNE)
    assert [block.get("text") for block in desk.blocks] == ["b", "B", None, "C"]
    desk.undo(BORIS)
    desk.undo(BORIS)
    assert desk.texts == "bBCD"


def test_what_somebody_else_changed_since_is_not_taken_back(desk: Desk) -> None:
    desk.edit(ANNE, 0, "a")
    desk.edit(BORIS, 0, "b")
    with pytest.raises(ChangedSince):
        desk.undo(ANNE)
    assert desk.texts == "bBCD"
    desk.undo(BORIS)
    desk.undo(ANNE)
    assert desk.texts == "ABCD"


def test_a_moved_block_that_somebody_else_moved_again_stays(desk: Desk) -> None:
    desk.move(ANNE, 0, 4)
    desk.move(BORIS, 3, 2)
    with pytest.raises(ChangedSince):
        desk.undo(ANNE)
    assert desk.texts == "BACD"


def test_what_was_undone_is_redone_until_something_else_is_done(desk: Desk) -> None:
    desk.edit(ANNE, 0, "a")
    desk.undo(ANNE)
    desk.edit(BORIS, 1, "b")
    desk.redo(ANNE)
    assert desk.texts == "abCD"
    desk.undo(ANNE)
    desk.edit(ANNE, 2, "c")
    with pytest.raises(NothingToDo):
        desk.redo(ANNE)
    assert desk.texts == "AbcD"


def test_an_open_form_never_writes_over_a_block_that_came_back(desk: Desk) -> None:
    """Its revision is one that it never had."""
    block = desk.blocks[0]
    desk.edit(ANNE, 0, "a")
    desk.remove(ANNE, 0)
    desk.undo(ANNE)
    values = {"kind": "heading", "text": "late"}
    for revision in (1, 2):
        with pytest.raises(Stale):
            composing.save_block(desk.db, desk.issue, block["id"], values, revision=revision)
    assert desk.texts == "aBCD"


def test_a_full_letter_takes_no_block_back(desk: Desk) -> None:
    desk.remove(ANNE, 0)
    for _more in range(97):
        desk.duplicate(BORIS, 0)
    with pytest.raises(TooManyBlocks):
        desk.undo(ANNE)


def test_the_saves_of_a_few_minutes_are_one_version(db: Session, desk: Desk) -> None:
    def save(by: str, place: int, text: str, seconds: int) -> None:
        block = desk.blocks[place]
        values = {"kind": "heading", "text": text}
        composing.save_block(db, desk.issue, block["id"], values, revision=block["revision"])
        versions.keep(db, desk.issue, by=by, now=EPOCH + timedelta(seconds=seconds))

    for second in range(0, 240, 2):  # two people, each in a block of their own
        save(ANNE, 0, f"a{second}", second)
        save(BORIS, 1, f"b{second}", second + 1)
    kept = desk.history()
    assert [(each.act, each.by) for each in kept] == [
        (Act.BEGIN, None), (Act.CHANGE, ANNE), (Act.CHANGE, BORIS),
    ]  # fmt: skip
    assert [[b["text"] for b in versions.letter(each).document["blocks"][:2]] for each in kept] == [
        ["A", "B"], ["a238", "B"], ["a238", "b238"],
    ]  # fmt: skip
    save(ANNE, 0, "later", 301)
    save(ANNE, 1, "another block", 302)
    save(ANNE, 0, "again", 303)
    assert len(desk.history()) == 6
    desk.undo(ANNE)
    desk.undo(ANNE)
    desk.undo(ANNE)
    assert desk.texts == "a238b238CD"


def test_what_is_saved_as_it_was_is_no_version(desk: Desk) -> None:
    desk.edit(ANNE, 0, "A")
    assert [each.act for each in desk.history()] == [Act.BEGIN]


def test_an_issue_keeps_its_first_version_and_the_last_ones(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MOST", 5)
    for turn in range(9):
        desk.edit(ANNE, 0, f"a{turn}")
    assert [each.number for each in desk.history()] == [1, 7, 8, 9, 10]
    desk.undo(ANNE)
    assert desk.texts == "a7BCD"
    desk.restore(ANNE, 1)
    assert desk.texts == "ABCD"


def test_a_file_that_replaces_a_draft_is_a_version_and_so_is_what_it_replaced(db: Session) -> None:
    make_newsletter(db)
    content, assets = yaml_file.load(LETTER)
    issue = lifecycle.import_issue(db, content, assets, now=utcnow())
    other = content.model_copy(update={"blocks": content.blocks[:2]})
    few = {src: each for src, each in assets.items() if src in {image.src for image in other.images()}}
    lifecycle.edit(db, issue, other, few, by="terminal", now=utcnow())
    assert drafts.strict(issue.content) == other
    history.restore(db, issue, 1, by=ANNE, now=utcnow())
    assert drafts.strict(issue.content) == content
    assert {image.src for image in content.images()} <= set(issue.assets)
    history.undo(db, issue, by=ANNE, now=utcnow())
    assert drafts.strict(issue.content) == other


def test_history_is_deleted_with_its_issue(db: Session, desk: Desk) -> None:
    desk.edit(ANNE, 0, "a")
    lifecycle.delete(db, desk.issue)
    assert db.scalar(select(func.count()).select_from(Version)) == 0

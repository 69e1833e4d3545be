"""Random acts of random people on two machines, then each way back: nobody who left is written to.

What cannot be known is asked for, or listed.
"""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.backup import archive, current, encryption, fold, replay, restore
from mailer.backup.fold import LogMissing
from mailer.backup.replay import Replay
from mailer.core import appendonly, restore_lock
from mailer.core import settings as settings_module
from mailer.core.db import transaction, utcnow
from mailer.core.settings import Settings
from mailer.notices.models import Notice, NoticeKind
from mailer.privacy.rights import erasure
from mailer.privacylog import decisions
from mailer.smtp.replies import DeliveryState
from mailer.subscribers import subscribers
from mailer.subscribers.consent import anchors, verify
from mailer.subscribers.consent.given import given
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.eligibility import Withheld
from mailer.subscribers.models import Subscription
from mailer.subscribers.recipients import recipient
from tests.support.fresh_database import fresh_database
from tests.support.life import STEPS, Life, make_newsletters
from tests.support.make import EPOCH
from tests.support.snapshot import snapshot

FIRST, SECOND = "first", "second"
PEOPLE, BEFORE, SINCE = 8, 15, 50  # people; acts before the backup, and after it
COMING = ("ask", "confirm"), ("joined_elsewhere", "be_introduced")
LEAVING = ("leave", "leave_all", "object_to", "be_erased", "restrict", "rest", "change_address")
Pair = tuple[bytes, UUID]  # whose fingerprint, which newsletter


class LoggedLife(Life):
    """A life whose pauses people choose on a page, and whose erasure waits where a move may be undone."""

    def be_erased(self, db: Session, _: object) -> None:
        self._erase(db, never_again=False)

    def be_erased_for_ever(self, db: Session, _: object) -> None:
        self._erase(db, never_again=True)

    def _erase(self, db: Session, *, never_again: bool) -> None:
        asked = erasure.ask(db, self.email, never_again=never_again, now=self.now)
        erasure.grant(db, asked.id, now=self.now)

    def _rest_until(self, db: Session, until: datetime | None) -> None:
        if subscriber := self.subscriber(db):
            subscribers.pause(db, subscriber, until)


@dataclass
class Standing:
    """Who is written to, who will be once a pause is over, and whose consent was given here."""

    now: set[Pair] = field(default_factory=set)
    later: set[Pair] = field(default_factory=set)
    own: set[Pair] = field(default_factory=set)
    since: datetime = EPOCH  # when the backup was made


def _standing() -> Standing:
    found, row = Standing(), recipient()
    columns = row.c.fingerprint, row.c.newsletter_id, row.c.withheld, row.c.consent_id
    with transaction() as db:
        for who, to, withheld, consent in db.execute(select(*columns)):
            if withheld in {None, Withheld.UNINFORMED, Withheld.PAUSED}:
                found.later.add((who, to))
                kind = select(ConsentPayload.kind).where(ConsentPayload.event_id == given(consent))
                if db.scalar(kind) is ConsentKind.CONFIRMED:
                    found.own.add((who, to))
            if withheld in {None, Withheld.UNINFORMED}:
                found.now.add((who, to))
    return found


@contextmanager
def _on(host: str, folder: Path) -> Iterator[None]:
    """Be that machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAILER_DATA_DIR", str(folder))
        patch.setattr(appendonly, "host", lambda: host)
        settings_module.settings.cache_clear()
        yield
    settings_module.settings.cache_clear()


@dataclass
class World:
    """People who act, each time on one of two machines."""

    chance: random.Random
    folder: Path
    lives: list[LoggedLife] = field(default_factory=list)
    now: datetime = EPOCH

    def begin(self) -> None:
        with _on(FIRST, self.folder / FIRST), transaction() as db:
            newsletters = make_newsletters(db, 2)
        self.lives = [LoggedLife(newsletters) for _ in range(PEOPLE)]
        for life in self.lives:
            for to, steps in zip(newsletters, COMING, strict=True):
                for step in steps:
                    self._live(life, step, to, self.chance.choice((FIRST, SECOND)))

    def act(self, times: int, steps: tuple[str, ...]) -> None:
        for _ in range(times):
            life, step = self.chance.choice(self.lives), self.chance.choice(steps)
            to, host = self.chance.choice(list(life.imports)), self.chance.choice((FIRST, SECOND))
            self._live(life, step, to, host)

    def _live(self, life: LoggedLife, step: str, to: UUID, host: str) -> None:
        with _on(host, self.folder / host):
            life.now = self.now
            life.live(step, to)
            self.now = life.now

    def log(self, host: str) -> Path:
        return self.folder / host / decisions.FOLDER / f"{host}{appendonly.SUFFIX}"

    def gathered(self, name: str, second: Path | None) -> Path:
        """A data folder with the first machine's files, and this log of the second's."""
        made = self.folder / name
        shutil.copytree(self.folder / FIRST / anchors.FOLDER, made / anchors.FOLDER)
        (made / decisions.FOLDER).mkdir()
        for path in (self.log(FIRST), *([second] if second else [])):
            shutil.copy(path, made / decisions.FOLDER / f"{path.stem}{appendonly.SUFFIX}")
        return made


def _disarmed_by_itself() -> None:
    with transaction() as db:
        assert not current.look(db, now=utcnow())
        assert restore_lock.disarmed(db)


def _replay(without: tuple[str, ...] = ()) -> Replay:
    replaying = Replay(set(without))
    replaying.run(clock=utcnow, progress=lambda _: None)
    with transaction() as db:
        replay.arm(db, now=utcnow())
    with transaction() as db:
        assert current.look(db, now=utcnow())
        assert verify.verify(db, now=utcnow()).whole
    return replaying


def _asked() -> set[Pair]:
    waits = Notice.state == DeliveryState.PENDING
    with transaction() as db:
        assert set(db.scalars(select(Notice.kind).where(waits))) <= {NoticeKind.CONFIRMATION}
        row = recipient()
        theirs = select(row.c.fingerprint, row.c.newsletter_id).join(
            Subscription, Subscription.id == row.c.subscription_id
        )
        of = Notice.subscriber_id == Subscription.subscriber_id
        return {(who, to) for who, to in db.execute(theirs.join(Notice, of).where(waits))}


def _refused_since(at: datetime) -> set[bytes]:
    """Who said something but yes, as far as the logs that are here tell."""
    lines = (line for path in appendonly.files(decisions.folder()) for line, _ in decisions.read(path))
    since = (line.entry for line in lines if line.at >= at)
    return {entry.fingerprint for entry in since if entry.decision not in fold._YES}


def _check(end: Standing, replaying: Replay, *, before: Standing | None = None) -> None:
    """Nobody is written to who was not at the end.

    Whoever gave a yes of their own that is missing is asked or listed; without some machine's
    log, everybody is listed who was written to before the replay, and at the end.
    """
    after, asked = _standing(), _asked()
    assert after.now <= end.now
    assert after.later <= end.later
    assert {who for who, _ in asked} <= {who for who, _ in end.later}
    if before is not None:
        doubt = {pair for pair in before.later & end.later if pair[0] not in _refused_since(end.since)}
        assert doubt <= set(replaying.lost)
        return
    assert end.own <= after.later | asked | set(replaying.lost)


SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 60))]


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_who_left_is_written_to(seed: int, clean: None, settings: Settings, tmp_path: Path) -> None:
    world = World(random.Random(seed), tmp_path)  # noqa: S311 -- a test that can be repeated
    world.begin()
    world.act(BEFORE, tuple(STEPS))
    public, private = encryption.new_key()
    key = tmp_path / "key.txt"
    key.write_bytes(private)
    with _on(SECOND, tmp_path / SECOND), transaction() as db:
        decisions.write(db, decisions.Decision.BACKUP, decisions.NOBODY, subject=UUID(int=1))
    with _on(FIRST, tmp_path / FIRST):
        backup, _ = archive.create(tmp_path / "out", (public,), now=utcnow(), progress=lambda _: None)
    backed_up_at = utcnow()
    old = Path(shutil.copy(world.log(SECOND), tmp_path / f"{SECOND}.journal"))
    with ExitStack() as stack:
        copies = {way: stack.enter_context(snapshot(settings)) for way in ("copy", "lost", "old")}
        world.act(SINCE // 2, (*STEPS, *LEAVING))
        copies["later"] = stack.enter_context(snapshot(settings))
        world.act(SINCE - SINCE // 2, (*STEPS, *LEAVING))
        for host in (FIRST, SECOND):
            with _on(host, tmp_path / host), transaction() as db:
                decisions.write(db, decisions.Decision.BACKUP, decisions.NOBODY, subject=UUID(int=2))
        final = _standing()
        final.since = backed_up_at
        for way in (_our_restore, _copies_put_back, _without_the_second):
            way(Drill(world, final, settings, backup, key, old, copies))


@dataclass
class Drill:
    world: World
    final: Standing
    settings: Settings
    backup: Path
    key: Path
    old: Path
    copies: dict[str, Callable[[], Settings]]


def _our_restore(drill: Drill) -> None:
    folder = drill.world.gathered("ours", drill.world.log(SECOND))
    with fresh_database(drill.settings), _on(FIRST, folder):
        restore.restore(drill.backup, drill.key, now=utcnow(), progress=lambda _: None)
        _check(drill.final, _replay())


def _copies_put_back(drill: Drill) -> None:
    """A copy of the database from the backup's time, and one from a later position of its own log."""
    for way in ("copy", "later"):
        folder = drill.world.gathered(way, None)
        with _on(FIRST, folder):
            drill.copies[way]()
            _disarmed_by_itself()
            with pytest.raises(LogMissing, match=SECOND):
                Replay()
            shutil.copy(drill.world.log(SECOND), folder / decisions.FOLDER)
            _check(drill.final, _replay())


def _without_the_second(drill: Drill) -> None:
    """Its journal is lost, or an old one was put back: it is refused, until a person says that it is lost."""
    for way in ("lost", "old"):
        folder = drill.world.gathered(f"{way}-log", drill.old if way == "old" else None)
        with _on(FIRST, folder):
            drill.copies[way]()
            _disarmed_by_itself()
            with pytest.raises(LogMissing, match=SECOND):
                Replay()
            before = _standing()
            replaying = _replay((SECOND,))
            assert not _standing().later
            _check(drill.final, replaying, before=before)

"""How much of each lane a sender may take next: what pace is set, and which providers asked for a rest."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session as Database

from mailer.core import circuit
from mailer.delivery.ledger import START, Claim, Claimed, Share
from mailer.delivery.shaping.connections import ConnectionLimit
from mailer.delivery.shaping.rate import Pace
from mailer.smtp.providers import OTHER, Provider, is_full_connection, is_throttle
from mailer.smtp.replies import Reply
from mailer.smtp.session import Session

MESSAGES_PER_CONNECTION = 500
LOOK_EVERY = 1.0  # seconds between two looks at the holds
PROBE = 5  # messages tried in a lane whose rest is over, until one is accepted
NAP = 0.5  # seconds slept at most while the pace allows nothing


class Said(NamedTuple):
    """What providers answered of late."""

    throttled: dict[str, str]  # lane → reply
    accepted: set[str]  # lanes that rested


class Shares:
    """One sender's view of the lanes."""

    def __init__(self, providers: Mapping[str, Provider], pace: Pace, *, senders: int) -> None:
        self.exhausted = False  # the pace, and nothing else, kept the last claim from taking anything
        self._providers, self._pace, self._senders = providers, pace, senders
        self._lanes = (*(name for name in providers if name != OTHER), OTHER)
        self._reached: dict[str, tuple[datetime, int]] = {}
        self._quiet: set[str] = set()  # lanes in which the last claim found nothing: left alone till rewound
        self._granted: dict[str, int] = {}
        self._resting: dict[str, bool] = {}  # lane → may be probed
        self._throttled: dict[str, str] = {}
        self._accepted: set[str] = set()
        self._looked = float("-inf")
        self._limit = ConnectionLimit()

    # -- what a claim may take -------------------------------------------------

    def next(self, limit: int) -> list[Share]:
        """Return what the next claim may take, and where it begins to look."""
        wanted = {lane: self._wanted(lane, limit) for lane in self._lanes if lane not in self._quiet}
        wanted = {lane: count for lane, count in wanted.items() if count}
        self._granted = self._pace.grant(wanted)
        self.exhausted = bool(wanted) and not any(self._granted.values())
        return [
            Share(lane, count, self._reached.get(lane, START))
            for lane, count in self._granted.items()
            if count
        ]

    def took(self, claim: Claim) -> None:
        """Note how far the claim went, and give back what it could not use."""
        self._reached |= claim.reached
        self._quiet |= {lane for lane, granted in self._granted.items() if granted} - claim.reached.keys()
        used = Counter(row.lane for row in claim.rows)
        self._pace.give_back({lane: n - used[lane] for lane, n in self._granted.items() if n > used[lane]})

    def give_back(self, rows: Iterable[Claimed]) -> None:
        """Take back rows that were claimed and did not begin."""
        self._pace.give_back(Counter(row.lane for row in rows))

    @property
    def afresh(self) -> bool:
        """Return whether the next claim looks from the start."""
        return not (self._reached or self._quiet)

    def rewind(self) -> None:
        """Look from the start again."""
        self._reached, self._quiet = {}, set()

    def wait(self) -> float:
        return min(self._pace.wait(), NAP)

    def _wanted(self, lane: str, limit: int) -> int:
        if lane not in self._resting:
            return limit
        return PROBE if self._resting[lane] else 0

    # -- what a connection may carry -------------------------------------------

    def room(self, lane: str) -> int | None:
        """Return how many messages of this lane may be under way from here at once."""
        if self._resting.get(lane) is False:
            return 0
        provider = self._providers.get(lane)
        if provider is None or not provider.connections:
            return None
        return -(-provider.connections // self._senders)

    def worn(self, session: Session) -> bool:
        """Return whether this connection has carried enough, in all or to one provider."""
        count = session.messages
        return (
            count >= MESSAGES_PER_CONNECTION
            or (count >= self._limit.most and self._limit.reached(count))
            or any(
                (provider := self._providers.get(lane)) and provider.messages and count >= provider.messages
                for lane, count in session.carried.items()
            )
        )

    def is_full(self, session: Session, answer: Reply) -> bool:
        """Whether this answer is about the connection; then no other carries as many."""
        full = session.answered > 0 and is_full_connection(answer)
        if full:
            self._limit.told(session.answered)
        return full

    def spent(self, session: Session) -> None:
        """Note that the relay closed this connection between two messages."""
        self._limit.closed(session.answered, session.born)

    # -- what providers say ----------------------------------------------------

    def heard(self, lane: str, answer: Reply) -> None:
        """Take note of a reply about one of this lane's messages."""
        if lane == OTHER:
            return
        if is_throttle(answer):
            self._throttled[lane] = f"{answer.code} {answer.enhanced} {answer.text}"
        elif answer.code // 100 == 2:
            self._accepted.add(lane)

    def refused(self, lane: str, reason: str) -> None:
        """Note that this lane's provider alone refuses, for reasons that may be ours: it rests."""
        self._throttled[lane], self._resting = reason, {**self._resting, lane: False}

    def said(self) -> Said:
        """Return what providers said since this was last asked."""
        said = Said(self._throttled, self._accepted & self._resting.keys() - self._throttled.keys())
        self._throttled, self._accepted = {}, set()
        return said

    def note(self, db: Database, said: Said, *, now: datetime) -> None:
        """Share with the other senders what providers said, and learn what they were told."""
        for lane, reason in said.throttled.items():
            circuit.hit(db, lane, reason, now=now)
        for lane in said.accepted:
            circuit.clear(db, lane)
        if said.throttled or said.accepted or time.monotonic() - self._looked > LOOK_EVERY:
            self._resting = {name: hold.until <= now for name, hold in circuit.known(db).items()}
            self._looked = time.monotonic()

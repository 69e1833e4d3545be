"""How many messages to each provider may be claimed next: by the rate set, and by what providers answered."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session as Database

from mailer.core import circuit
from mailer.delivery.claim import START, Claim, Claimed, ProviderBudget
from mailer.smtp.connection_limits import ConnectionLimits
from mailer.smtp.providers import OTHER, Provider, is_throttle
from mailer.smtp.rate import RateLimiter
from mailer.smtp.replies import Reply

READ_HOLDS_EVERY = 1.0  # seconds between two looks at the holds
PROBE = 5  # messages tried with a provider whose hold is over, until one is accepted
LONGEST_SLEEP = 0.5  # seconds slept at most while the pace allows nothing
_Queue = tuple[UUID, str]  # (issue, provider)


class ProviderReplies(NamedTuple):
    """Hold what providers answered since it was last shared."""

    throttled: dict[str, str]  # provider → reply
    accepted: set[str]  # providers that were on hold and accepted a message


class SendingBudget:
    """Decide for one worker how many messages each provider, and each connection, may be given."""

    def __init__(self, table: Mapping[str, Provider], limiter: RateLimiter, *, senders: int) -> None:
        self.connections = ConnectionLimits(table)
        self.exhausted = False  # the pace, and nothing else, kept the last claim from taking anything
        self._table, self._limiter, self._senders = table, limiter, senders
        self._providers = (*(name for name in table if name != OTHER), OTHER)
        self._reached: dict[_Queue, tuple[datetime, int]] = {}
        self._empty: set[_Queue] = set()  # in which the last claim found nothing, until rewound
        self._asked: dict[_Queue, int] = {}
        self._turns = Counter[str]()  # by provider: which issue has next what an even split leaves over
        self._on_hold: dict[str, bool] = {}  # provider → may be probed
        self._throttled: dict[str, str] = {}
        self._accepted: set[str] = set()
        self._holds_read_at = float("-inf")

    # -- what a claim may take -------------------------------------------------

    def budgets(self, issues: Collection[UUID], limit: int) -> list[ProviderBudget]:
        """Return what the next claim may take of these issues, and where it begins to look.

        What the rates allow for a provider is split evenly among the issues that may have rows for it.
        """
        of = {
            provider: [issue for issue in issues if (issue, provider) not in self._empty]
            for provider in self._providers
        }
        wanted = {provider: self._wanted(provider, limit) for provider, sharing in of.items() if sharing}
        wanted = {provider: count for provider, count in wanted.items() if count}
        granted = self._limiter.grant(wanted)
        self.exhausted = bool(wanted) and not any(granted.values())
        self._asked = {
            (issue, provider): count
            for provider, grant in granted.items()
            for issue, count in self._split(provider, grant, of[provider])
            if count
        }
        return [
            ProviderBudget(*queue, count, self._reached.get(queue, START))
            for queue, count in self._asked.items()
        ]

    def _split(self, provider: str, grant: int, issues: Sequence[UUID]) -> Iterator[tuple[UUID, int]]:
        """Split it evenly; what is left over goes to the issues in turn, and only a grant ends a turn."""
        each, over = divmod(grant, len(issues))
        first = self._turns[provider]
        self._turns[provider] += over
        for place, issue in enumerate(issues):
            yield issue, each + ((place - first) % len(issues) < over)

    def note_claim(self, claim: Claim) -> None:
        """Note how far the claim went, and give back what it could not use."""
        self._reached |= claim.reached
        self._empty |= self._asked.keys() - claim.reached.keys()
        unused = Counter[str]()
        for (_, provider), count in self._asked.items():
            unused[provider] += count
        unused.subtract(row.provider for row in claim.rows)
        self._limiter.give_back(unused)

    def give_back(self, rows: Iterable[Claimed]) -> None:
        """Take back rows that were claimed and did not begin."""
        self._limiter.give_back(Counter(row.provider for row in rows))

    @property
    def from_start(self) -> bool:
        """Return whether the next claim looks from the start."""
        return not (self._reached or self._empty)

    def rewind(self) -> None:
        """Look from the start again."""
        self._reached, self._empty = {}, set()

    def wait(self) -> float:
        """Return the seconds to wait before asking the rate limiter again."""
        return min(self._limiter.wait(), LONGEST_SLEEP)

    def _wanted(self, provider: str, limit: int) -> int:
        if provider not in self._on_hold:
            return limit
        return PROBE if self._on_hold[provider] else 0

    def concurrency(self, provider: str) -> int | None:
        """Return how many messages of this provider may be under way from here at once."""
        if self._on_hold.get(provider) is False:
            return 0
        limits = self._table.get(provider)
        if limits is None or not limits.connections:
            return None
        return -(-limits.connections // self._senders)

    # -- what providers say ----------------------------------------------------

    def note_reply(self, provider: str, answer: Reply) -> None:
        """Take note of a reply about one of this provider's messages."""
        if provider == OTHER:
            return
        if is_throttle(answer):
            self._throttled[provider] = f"{answer.code} {answer.enhanced} {answer.text}"
        elif answer.code // 100 == 2:
            self._accepted.add(provider)

    def hold(self, provider: str, reason: str) -> None:
        """Put a provider on hold that alone refuses, for reasons that may be ours."""
        self._throttled[provider], self._on_hold = reason, {**self._on_hold, provider: False}

    def take_replies(self) -> ProviderReplies:
        """Return what providers answered since this was last asked."""
        replies = ProviderReplies(
            self._throttled, self._accepted & self._on_hold.keys() - self._throttled.keys()
        )
        self._throttled, self._accepted = {}, set()
        return replies

    def share_replies(self, db: Database, replies: ProviderReplies, *, now: datetime) -> None:
        """Share with the other workers what providers answered, and learn what they were told."""
        for provider, reason in replies.throttled.items():
            circuit.hit(db, provider, reason, now=now)
        for provider in replies.accepted:
            circuit.clear(db, provider)
        if replies.throttled or replies.accepted or time.monotonic() - self._holds_read_at > READ_HOLDS_EVERY:
            self._on_hold = {name: hold.until <= now for name, hold in circuit.known(db).items()}
            self._holds_read_at = time.monotonic()

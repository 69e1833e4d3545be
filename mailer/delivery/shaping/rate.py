"""How fast messages leave: one rate for the house, one for each provider, shared by all workers.

Each rate is a GCRA (the ATM Forum's generic cell rate algorithm): one number a lane, the time at which it
would be even.  They live in one Redis hash, are moved by one script, and run on Redis' own clock, so that
neither the workers' number nor their clocks matter.  A lane that was idle, or that a FLUSHALL forgot, may
begin with one quantum at once; after that messages leave evenly.

When Redis is away each sender keeps to its own share of every rate.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mailer.core.logging import log
from mailer.core.settings import Settings, settings
from mailer.smtp.providers import BadProviders, Providers

QUANTUM = 0.25  # seconds' worth of messages that may begin at once
KEY = "mailer:pace"
HOUSE = "*"  # the lane of all
PATIENCE = 0.5  # seconds Redis has to answer
ABSENCE = 5.0  # seconds before it is tried again
_PLENTY = 1 << 62

_GRANT = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")


@dataclass
class Pace:
    """One sender's view of the rates it shares with the others.  0 is no limit."""

    redis_url: str
    rate: float  # messages a second, of the house
    lanes: Mapping[str, float]  # messages a second, of the providers that have a limit
    senders: int  # among how many the rates are cut while Redis is away
    clock: Callable[[], float] = time.monotonic
    _more_at: float = 0.0
    _back_at: float | None = None  # when Redis, which is away, is tried again
    _even: dict[str, float] = field(default_factory=dict)  # our own share's lanes, on our own clock
    _turn: int = 0

    @classmethod
    def of(cls, settings: Settings, providers: Providers) -> "Pace":
        """As the settings and the table of providers say."""
        return cls(settings.redis_url or "", settings.rate, providers.rates, settings.senders)

    def grant(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Return how many messages of each lane (a provider's name) may begin now.

        At most one round trip to Redis; none when nothing wanted has a limit.  Give back what is not begun.
        """
        self._more_at = 0.0
        asked = {lane: count for lane, count in wanted.items() if count > 0}
        if not self._is_limited(asked):
            return dict(wanted)
        granted = self._together(asked)
        if granted is None:
            granted = self._alone(asked)
        return {lane: granted.get(lane, 0) for lane in wanted}

    def wait(self) -> float:
        """Seconds until some of what the last grant withheld may begin; 0 when it withheld nothing."""
        return max(0.0, self._more_at - self.clock())

    def give_back(self, unused: Mapping[str, int]) -> None:
        """Return what was granted and not begun."""
        unused = {lane: count for lane, count in unused.items() if count > 0}
        if not self._is_limited(unused):
            return
        steps = self._steps(unused)
        if self._back_at is not None:
            for lane, step, count in steps:
                self._even[lane] = self._even.get(lane, 0.0) - count * step * self.senders
            return
        with suppress(redis.RedisError), self._client.pipeline(transaction=False) as pipe:
            for lane, step, count in steps:
                pipe.hincrby(KEY, lane, -round(count * step * 1e6))
            pipe.execute()

    def _is_limited(self, lanes: Mapping[str, int]) -> bool:
        return bool(lanes) and (self.rate > 0 or any(lane in self.lanes for lane in lanes))

    def _steps(self, counts: Mapping[str, int]) -> list[tuple[str, float, int]]:
        """(lane, seconds between two messages, messages) of the limited among these, and of the house."""
        lanes = [*counts.items(), (HOUSE, sum(counts.values()))]
        return [(lane, step, count) for lane, count in lanes if (step := self._step(lane))]

    def _step(self, lane: str) -> float:
        """Seconds between two messages of a lane; 0 for one without limit."""
        rate = self.rate if lane == HOUSE else self.lanes.get(lane, 0.0)
        return 1 / rate if rate else 0.0

    # -- with the others, through Redis ---------------------------------------

    def _together(self, asked: Mapping[str, int]) -> dict[str, int] | None:
        """Return what Redis grants, None while it is away."""
        if self._back_at is not None and self.clock() < self._back_at:
            return None
        lanes = [part for lane, count in asked.items() for part in (lane, self._step(lane) * 1e6, count)]
        try:
            wait, *granted = self._script(keys=[KEY], args=[QUANTUM * 1e6, self._step(HOUSE) * 1e6, *lanes])
        except redis.RedisError as error:
            self._lose(error)
            return None
        if self._back_at is not None:
            self._back_at = None
            log.info("redis is back: the pace is shared again")
        self._more_at = self.clock() + wait / 1e6
        return dict(zip(asked, granted, strict=True))

    def _lose(self, error: redis.RedisError) -> None:
        if self._back_at is None:
            self._even.clear()
            log.warning("redis is away: each sender keeps to its share", error=type(error).__name__)
        self._back_at = self.clock() + ABSENCE

    @cached_property
    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(
            self.redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 1),
        )  # fmt: skip

    @cached_property
    def _script(self) -> Callable[..., Any]:
        return self._client.register_script(_GRANT)

    # -- alone, while Redis is away --------------------------------------------

    def _alone(self, asked: Mapping[str, int]) -> dict[str, int]:
        """Grant our own share of each rate: the lanes in turn, beginning with another each time."""
        now = self.clock()
        self._turn += 1
        lanes = deque(asked)
        lanes.rotate(-self._turn)
        left = self._room(HOUSE, now)
        granted: dict[str, int] = {}
        for lane in lanes:
            granted[lane] = min(asked[lane], self._room(lane, now), left)
            left -= granted[lane]
        for lane, step, count in self._steps(granted):
            self._even[lane] += count * step * self.senders
        missing = {lane: count - granted[lane] for lane, count in asked.items() if count > granted[lane]}
        waits = (max(self._until(lane, n, now), self._until(HOUSE, n, now)) for lane, n in missing.items())
        self._more_at = now + min(waits, default=0.0)
        return granted

    def _room(self, lane: str, now: float) -> int:
        step = self._step(lane) * self.senders
        if not step:
            return _PLENTY
        ahead = max(QUANTUM, step)
        self._even[lane] = min(max(self._even.get(lane, now), now), now + ahead)
        return int((now + ahead - self._even[lane]) / step + 1e-6)

    def _until(self, lane: str, missing: int, now: float) -> float:
        step = self._step(lane) * self.senders
        if not step:
            return 0.0
        ahead = max(QUANTUM, step)
        some = min(missing, max(1, int(ahead / step / 2)))
        return max(0.0, self._even[lane] + some * step - ahead - now)


def configured(settings: Settings) -> Providers:
    """Return the table of providers, with what the file of MAILER_PROVIDERS changes in it.

    Raises BadProviders with one line, or OSError.
    """
    path = settings.providers
    if path is None:
        return Providers()
    try:
        return Providers().changed(path.read_text(encoding="utf-8"))
    except (BadProviders, UnicodeDecodeError) as error:
        said = error if isinstance(error, BadProviders) else "not UTF-8"
        raise BadProviders(f"{path}: {said}") from None


@cache
def providers() -> Providers:
    """Return this process's table of providers."""
    return configured(settings())

"""How fast messages leave: one rate for all, one for each provider, shared by all workers.

Each rate is a GCRA (the ATM Forum's generic cell rate algorithm): one number a provider, the theoretical
arrival time of its next message.  They live in one Redis hash, are moved by one script, and run on Redis' own
clock, so that neither the workers' number nor their clocks matter.  A provider that was idle, or that a
FLUSHALL forgot, may begin with one burst at once; after that messages leave evenly.

When Redis is away each sender keeps to its own share of every rate.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mailer.core.logging import log
from mailer.core.settings import Settings, settings
from mailer.smtp.providers import BadProviders, Providers

BURST = 0.25  # seconds' worth of messages that may begin at once
KEY = "mailer:pace"
ALL = "*"  # the rate of all messages together
REDIS_TIMEOUT = 0.5  # seconds Redis has to answer
REDIS_RETRY_AFTER = 5.0  # seconds before it is tried again
_UNLIMITED = 1 << 62

_GRANT = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")


@dataclass
class RateLimiter:
    """Grant messages at the rates that one worker shares with the others.  0 is no limit."""

    redis_url: str
    rate: float  # messages a second, of all
    rates: Mapping[str, float]  # messages a second, of the providers that have a limit
    senders: int  # among how many the rates are cut while Redis is away: who sends letters, and the notices
    clock: Callable[[], float] = time.monotonic
    key: str = KEY  # of the hash
    _more_at: float = 0.0
    _redis_retry_at: float | None = None  # when Redis, which is away, is tried again
    _arrival: dict[str, float] = field(default_factory=dict)  # our own share's providers, on our own clock
    _turn: int = 0

    @classmethod
    def from_settings(cls, settings: Settings, providers: Providers) -> "RateLimiter":
        """As the settings and the table of providers say."""
        return cls(settings.redis_url or "", settings.rate, providers.rates, settings.senders + 1)

    def grant(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Return how many messages of each provider may begin now.

        At most one round trip to Redis; none when nothing wanted has a limit.  Give back what is not begun.
        """
        self._more_at = 0.0
        asked = {provider: count for provider, count in wanted.items() if count > 0}
        if not self._is_limited(asked):
            return dict(wanted)
        granted = self._from_redis(asked)
        if granted is None:
            granted = self._from_own_share(asked)
        return {provider: granted.get(provider, 0) for provider in wanted}

    def wait(self) -> float:
        """Seconds until some of what the last grant withheld may begin; 0 when it withheld nothing."""
        return max(0.0, self._more_at - self.clock())

    def give_back(self, unused: Mapping[str, int]) -> None:
        """Return what was granted and not begun."""
        unused = {provider: count for provider, count in unused.items() if count > 0}
        if not self._is_limited(unused):
            return
        steps = self._steps(unused)
        if self._redis_retry_at is not None:
            for provider, step, count in steps:
                self._arrival[provider] = self._arrival.get(provider, 0.0) - count * step * self.senders
            return
        with suppress(redis.RedisError), self._client.pipeline(transaction=False) as pipe:
            for provider, step, count in steps:
                pipe.hincrby(self.key, provider, -round(count * step * 1e6))
            pipe.execute()

    def _is_limited(self, counts: Mapping[str, int]) -> bool:
        return bool(counts) and (self.rate > 0 or any(provider in self.rates for provider in counts))

    def _steps(self, counts: Mapping[str, int]) -> list[tuple[str, float, int]]:
        """Return (provider, seconds between two messages, messages) of those that are limited, and of all."""
        each = [*counts.items(), (ALL, sum(counts.values()))]
        return [(provider, step, count) for provider, count in each if (step := self._step(provider))]

    def _step(self, provider: str) -> float:
        """Seconds between two messages of a provider; 0 for one without limit."""
        rate = self.rate if provider == ALL else self.rates.get(provider, 0.0)
        return 1 / rate if rate else 0.0

    # -- with the others, through Redis ---------------------------------------

    def _from_redis(self, asked: Mapping[str, int]) -> dict[str, int] | None:
        """Return what Redis grants, None while it is away."""
        if self._redis_retry_at is not None and self.clock() < self._redis_retry_at:
            return None
        wanted = [(provider, self._step(provider) * 1e6, count) for provider, count in asked.items()]
        try:
            wait, *granted = self._script(
                keys=[self.key], args=[BURST * 1e6, self._step(ALL) * 1e6, *chain.from_iterable(wanted)]
            )
        except redis.RedisError as error:
            self._note_redis_away(error)
            return None
        if self._redis_retry_at is not None:
            self._redis_retry_at = None
            log.info("redis is back: the pace is shared again")
        self._more_at = self.clock() + wait / 1e6
        return dict(zip(asked, granted, strict=True))

    def _note_redis_away(self, error: redis.RedisError) -> None:
        if self._redis_retry_at is None:
            self._arrival.clear()
            log.warning("redis is away: each sender keeps to its share", error=type(error).__name__)
        self._redis_retry_at = self.clock() + REDIS_RETRY_AFTER

    @cached_property
    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(
            self.redis_url, socket_timeout=REDIS_TIMEOUT, socket_connect_timeout=REDIS_TIMEOUT,
            retry=Retry(NoBackoff(), 1),
        )  # fmt: skip

    @cached_property
    def _script(self) -> Callable[..., Any]:
        return self._client.register_script(_GRANT)

    # -- alone, while Redis is away --------------------------------------------

    def _from_own_share(self, asked: Mapping[str, int]) -> dict[str, int]:
        """Grant our own share of each rate: the providers in turn, beginning with another each time."""
        now = self.clock()
        self._turn += 1
        order = deque(asked)
        order.rotate(-self._turn)
        left = self._available(ALL, now)
        granted: dict[str, int] = {}
        for provider in order:
            granted[provider] = min(asked[provider], self._available(provider, now), left)
            left -= granted[provider]
        for provider, step, count in self._steps(granted):
            self._arrival[provider] += count * step * self.senders
        missing = {
            provider: count - granted[provider]
            for provider, count in asked.items()
            if count > granted[provider]
        }
        waits = (
            max(self._wait_for(provider, n, now), self._wait_for(ALL, n, now))
            for provider, n in missing.items()
        )
        self._more_at = now + min(waits, default=0.0)
        return granted

    def _available(self, provider: str, now: float) -> int:
        step = self._step(provider) * self.senders
        if not step:
            return _UNLIMITED
        ahead = max(BURST, step)
        self._arrival[provider] = min(max(self._arrival.get(provider, now), now), now + ahead)
        return int((now + ahead - self._arrival[provider]) / step + 1e-6)

    def _wait_for(self, provider: str, missing: int, now: float) -> float:
        step = self._step(provider) * self.senders
        if not step:
            return 0.0
        ahead = max(BURST, step)
        some = min(missing, max(1, int(ahead / step / 2)))
        return max(0.0, self._arrival[provider] + some * step - ahead - now)


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

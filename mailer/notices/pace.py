"""How many single mails may begin now: the rate of all and of each provider, shared with the letters."""

import time
from collections import Counter

from mailer.core.settings import Settings
from mailer.notices.models import Priority
from mailer.smtp.providers import OTHER, Providers
from mailer.smtp.rate import RateLimiter

BULK_KEY = "mailer:pace:bulk"
BULK_PART = 0.9  # of MAILER_RATE, and all connections but one: the rest is left to whom somebody waits for


class NoticePace:
    """Decide for one worker what the next notice may be."""

    def __init__(self, settings: Settings, providers: Providers) -> None:
        self._table = providers.table
        self._limiter = RateLimiter.from_settings(settings, providers)
        self._bulk = RateLimiter(
            settings.redis_url or "", settings.rate * BULK_PART, {}, senders=1, key=BULK_KEY
        )
        self._senders = settings.senders + 1
        self._bulk_connections = max(1, settings.connections - 1)
        self._in_flight: Counter[str] = Counter()
        self._not_before: dict[str, float] = {}  # provider → when its rate allows more (time.monotonic)
        self._no_bulk_before = 0.0

    def allows_bulk(self, connections: int = 0) -> bool:
        """Return whether one more connection may carry bulk, when so many do."""
        return connections < self._bulk_connections and time.monotonic() >= self._no_bulk_before

    def full(self) -> set[str]:
        """Return the providers that are given nothing now."""
        now = time.monotonic()
        self._not_before = {provider: at for provider, at in self._not_before.items() if at > now}
        crowded = {name for name, count in self._in_flight.items() if count >= self._concurrency(name)}
        return crowded | self._not_before.keys()

    def grant(self, provider: str, priority: Priority) -> bool:
        """Return whether a message of this provider may begin now."""
        if priority is Priority.BULK and not self._bulk.grant({OTHER: 1})[OTHER]:
            self._no_bulk_before = time.monotonic() + self._bulk.wait()
            return False
        if not self._limiter.grant({provider: 1})[provider]:
            self._not_before[provider] = time.monotonic() + self._limiter.wait()
            if priority is Priority.BULK:
                self._bulk.give_back({OTHER: 1})
            return False
        return True

    def begun(self, provider: str) -> None:
        """One message of this provider is in flight."""
        self._in_flight[provider] += 1

    def finished(self, provider: str) -> None:
        """One message of this provider is no longer in flight."""
        self._in_flight[provider] -= 1

    def give_back(self, provider: str) -> None:
        """Take back what was granted and did not begin."""
        self._limiter.give_back({provider: 1})

    def wait(self) -> float:
        """Return the seconds until the rates allow what they kept back; 0 when they kept nothing back."""
        now = time.monotonic()
        pending = [at - now for at in (*self._not_before.values(), self._no_bulk_before) if at > now]
        return min(pending, default=0.0)

    def _concurrency(self, provider: str) -> float:
        limits = self._table.get(provider)
        if limits is None or not limits.connections:
            return float("inf")
        return -(-limits.connections // self._senders)

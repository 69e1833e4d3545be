"""Tell who is writing an issue now, and in which of its blocks.

It is in Redis, expires by itself and holds ids only.  Without Redis nobody is told of anybody.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import redis

STAYS = timedelta(seconds=75)  # a browser asks every 30 seconds, and may miss one
_KEY = "mailer:here:{issue_id}"  # a hash: a tab of a browser → what it told last
_TIMEOUT = 0.3  # seconds: somebody waits for the answer


@dataclass(frozen=True)
class Present:
    """Hold who is there, and the id of the block that is open, "" if none is."""

    staff_id: UUID
    block_id: str


def arrive(redis_url: str, issue_id: UUID, tab: str, who: Present, *, now: datetime) -> list[Present]:
    """Note that somebody is on an issue; return who is on it in other tabs, themselves included."""
    key = _KEY.format(issue_id=issue_id)
    with suppress(redis.RedisError), _client(redis_url) as client, client.pipeline() as together:
        together.hset(key, tab, json.dumps([who.staff_id.hex, who.block_id, now.timestamp()]))
        together.expire(key, STAYS)
        together.hgetall(key)
        tabs: dict[bytes, bytes] = together.execute()[-1]
        return [
            present for name, told in tabs.items() if name != tab.encode() for present in _fresh(told, now)
        ]
    return []


def leave(redis_url: str, issue_id: UUID, tab: str) -> None:
    """Forget a tab that was closed."""
    with suppress(redis.RedisError), _client(redis_url) as client:
        client.hdel(_KEY.format(issue_id=issue_id), tab)


def _fresh(told: bytes, now: datetime) -> Iterator[Present]:
    staff_id, block_id, at = json.loads(told)
    if now.timestamp() - at <= STAYS.total_seconds():
        yield Present(UUID(staff_id), block_id)


def _client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)

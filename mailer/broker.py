"""See what waits in the broker's queues."""

from functools import cache

import celery
import redis

LOOKED_AT = 100  # messages of a queue: no more than a few ever wait
TIMEOUT = 3.0  # seconds


def waiting(app: celery.Celery, task: str) -> int:
    """Return how many messages that ask for this task wait in its queue.  Raises RedisError."""
    queue = (app.conf.task_routes or {}).get(task, {}).get("queue", app.conf.task_default_queue)
    header = f'"task": "{task}"'.encode()
    return sum(header in message for message in _client(app.conf.broker_url).lrange(queue, 0, LOOKED_AT))


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT)

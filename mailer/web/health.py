"""Door: what a supervisor asks."""

from collections.abc import Callable

import redis
from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from mailer.backup import migrate
from mailer.core.db import engine, transaction, utcnow
from mailer.core.settings import settings
from mailer.monitoring import alarms

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> ResponseReturnValue:
    return "ok\n", {"Content-Type": "text/plain"}


@health.get("/readyz")
def ready() -> ResponseReturnValue:
    """200 when letters can leave and nothing asks for a person; else 503, and what it is.

    For whoever watches; a load balancer asks /healthz: pages are served even when letters cannot leave.
    """
    found = {"database": _tried(_database), "redis": _tried(_redis), "alarms": _tried(_alarms)}
    return jsonify(found), 200 if set(found.values()) == {"ok"} else 503


def _tried(look: Callable[[], str]) -> str:
    try:
        return look()
    except (SQLAlchemyError, redis.RedisError) as error:
        return type(error).__name__


def _database() -> str:
    with engine().connect() as connection:
        return "ok" if migrate.current(connection) == migrate.head() else "run `mailer db upgrade`"


def _alarms() -> str:
    with transaction() as db:
        found = alarms.find(db, now=utcnow())
    return "; ".join(alarm.sentence("en") for alarm in found) or "ok"


def _redis() -> str:
    with redis.Redis.from_url(
        settings().redis_url or "", socket_timeout=2, socket_connect_timeout=2
    ) as client:
        client.ping()
    return "ok"

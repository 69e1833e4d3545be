"""The pace on a real Redis: shared by processes, through a flush, and while Redis is away."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from mailer.core.settings import Settings
from mailer.smtp.providers import BadProviders
from mailer.smtp.rate import BURST, KEY, REDIS_RETRY_AFTER, RateLimiter, configured
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import PATIENCE

PLENTY = 10_000
RUN = """
import json, sys, time
from mailer.smtp.rate import RateLimiter
url, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
pace = RateLimiter(url, rate, {}, 2)
print("ready", flush=True)
sys.stdin.readline()
until, sent = time.monotonic() + seconds, []
while time.monotonic() < until:
    granted = pace.grant({"other": 10_000})["other"]
    sent.append((time.time(), granted))
    time.sleep(pace.wait())
print(json.dumps(sent))
"""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def url(server: RedisServer) -> str:
    with server.client() as client:
        client.flushall()
    return server.url


def _spend(pace: RateLimiter, provider: str, seconds: float) -> int:
    """How many are granted to whoever always wants more."""
    until, sent = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        sent += pace.grant({provider: PLENTY})[provider]
        time.sleep(pace.wait())
    return sent


def test_two_processes_share_one_rate_evenly(url: str) -> None:
    rate, seconds = 100, 3.0
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, url, str(rate), str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for run in runs:
        assert run.stdout
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin
        run.stdin.write("\n")
        run.stdin.flush()
    took = [json.loads(run.communicate(timeout=PATIENCE)[0]) for run in runs]
    sent = sorted((at, count) for each in took for at, count in each)
    total, span = sum(count for _, count in sent), sent[-1][0] - sent[0][0]
    assert max(count for _, count in sent) <= rate * BURST
    assert total <= rate * (span + BURST) + 1
    asked_for = sum(min(later[0] - at, BURST) for (at, _), later in pairwise(sent))  # nothing is saved up
    assert total >= 0.8 * rate * asked_for
    assert all(sum(count for _, count in each) for each in took)


def test_nothing_limited_asks_nothing_of_redis() -> None:
    pace = RateLimiter("redis://127.0.0.1:1/0", 0, {"gmail": 1}, 2)
    assert pace.grant({"other": 500, "free": 0}) == {"other": 500, "free": 0}
    pace.give_back({"other": 500})
    assert pace.wait() == 0
    assert "_client" not in vars(pace)


def test_a_lane_that_is_full_holds_nobody_else(url: str) -> None:
    pace = RateLimiter(url, 0, {"orange": 20}, 2)
    assert pace.grant({"orange": 30, "other": 400}) == {"orange": 5, "other": 400}
    assert 0 < pace.wait() <= BURST
    assert pace.grant({"orange": 30, "other": 400})["other"] == 400


def test_the_house_s_rate_is_cut_in_proportion_and_to_the_last_message(url: str) -> None:
    pace = RateLimiter(url, 40, {}, 2)
    granted = pace.grant({"gmail": 60, "orange": 30, "free": 10})
    assert sum(granted.values()) == 40 * BURST
    assert granted["gmail"] >= 6
    assert granted["orange"] >= 3
    assert granted["free"] >= 1


def test_a_slow_lane_gives_one_at_a_time(url: str) -> None:
    pace = RateLimiter(url, 0, {"town": 0.001}, 2)
    assert pace.grant({"town": 3}) == {"town": 1}
    assert 1000 - PATIENCE < pace.wait() <= 1000
    assert pace.grant({"town": 3}) == {"town": 0}


def test_what_is_given_back_may_be_used_at_once(url: str) -> None:
    pace = RateLimiter(url, 40, {"gmail": 40}, 2)
    assert pace.grant({"gmail": 50}) == {"gmail": 10}
    pace.give_back({"gmail": 8})
    assert pace.grant({"gmail": 50})["gmail"] >= 8


def test_giving_back_never_makes_a_burst(url: str) -> None:
    pace = RateLimiter(url, 40, {}, 2)
    pace.give_back({"gmail": 1000})
    assert pace.grant({"gmail": 50}) == {"gmail": 10}


def test_a_flush_costs_one_quantum_at_most(url: str, server: RedisServer) -> None:
    pace, started = RateLimiter(url, 100, {}, 2), time.monotonic()
    sent = _spend(pace, "other", 0.5)
    with server.client() as client:
        client.flushall()
        client.script_flush()
    sent += _spend(pace, "other", 0.5)
    span = time.monotonic() - started
    assert sent <= 100 * (span + 2 * BURST) + 1


def test_a_number_that_makes_no_sense_is_put_right(url: str, server: RedisServer) -> None:
    with server.client() as client:
        client.hset(KEY, "*", str(1 << 62))
        client.hset(KEY, "gmail", "a while ago")
    pace = RateLimiter(url, 40, {"gmail": 20}, 2)
    assert pace.grant({"gmail": 5}) == {"gmail": 0}
    assert pace.wait() <= BURST


def test_a_redis_that_is_killed_leaves_each_its_share_and_is_taken_up_again() -> None:
    clock = Clock()
    with running_redis() as server, capture_logs() as logs:
        pace = RateLimiter(server.url, 80, {"gmail": 40}, 2, clock)
        assert pace.grant({"gmail": 50}) == {"gmail": 10}
        server.kill()
        sent = 0
        for _ in range(40):  # ten seconds of the sender's clock
            sent += pace.grant({"gmail": 50})["gmail"]
            assert pace.wait() > 0
            clock.now += BURST
        assert sent == pytest.approx(40 / 2 * 10, abs=40 / 2 * BURST)
        server.start()
        clock.now += REDIS_RETRY_AFTER
        assert pace.grant({"gmail": 50}) == {"gmail": 10}
    assert [each["event"] for each in logs] == [
        "redis is away: each sender keeps to its share",
        "redis is back: the pace is shared again",
    ]


def test_a_redis_without_memory_is_one_that_is_away(url: str, server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            assert RateLimiter(url, 80, {}, 2).grant({"gmail": 50}) == {"gmail": 10}
        finally:
            client.config_set("maxmemory", "0")


def test_alone_the_house_s_share_goes_round_and_what_is_given_back_is_used() -> None:
    pace = RateLimiter("redis://127.0.0.1:1/0", 32, {"gmail": 1000}, 2, Clock())
    first = pace.grant({"gmail": 4, "free": 4})
    assert sorted(first.values()) == [0, 4]
    pace.give_back(first)
    assert pace.grant({"gmail": 4, "free": 4}) == {"gmail": first["free"], "free": first["gmail"]}
    assert 0 < pace.wait() <= BURST


def test_the_settings_and_the_file_make_the_pace(settings: Settings) -> None:
    given = settings.model_copy(update={"rate": 12.0})
    pace = RateLimiter.from_settings(given, configured(given))
    assert (pace.rate, pace.senders, pace.redis_url) == (12, settings.senders + 1, settings.redis_url)
    assert pace.rates["orange"] == 20


@pytest.mark.parametrize(("content", "said"), [(b"gmail: 3", "gmail: must"), (b"\xff", "not UTF-8")])
def test_a_file_that_cannot_be_used_is_named(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory, content: bytes, said: str
) -> None:
    path = tmp_path_factory.mktemp("providers") / "providers.yaml"
    path.write_bytes(content)
    with pytest.raises(BadProviders, match=f"providers.yaml: {said}"):
        configured(settings.model_copy(update={"providers": path}))

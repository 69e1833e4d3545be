"""The bench's arithmetic: medians of ratios within a round, microseconds a message, growth."""

import pytest

from bench import report
from bench.comparisons import Run
from bench.previewing import Previewing, PreviewTimes, percentile
from bench.run import LIMIT, OURS, SMTPLIB, Plan, Results, Size
from bench.sending import Sent
from bench.verification import Verifying

PLAN = Plan(rounds=3, messages=1000, sizes={10: 1, 1000: 1}, recovery=False)


def _ours(messages: int, seconds: float, peak_pss: int = 50_000_000) -> Run:
    cpu = {
        "senders": 0.1 * seconds,
        "other workers": 0.0,
        "postgresql": 0.05 * seconds,
        "redis": 0.0,
        "sink": seconds,
    }
    return Run(messages, seconds, cpu, others=0.5, peak_pss=peak_pss)


def _theirs(seconds: float) -> Run:
    return Run(1000, seconds, {"client": seconds, "sink": seconds}, others=0.5)


@pytest.fixture
def results() -> Results:
    return Results(
        PLAN,
        size=49_000,
        rounds={
            LIMIT: [_theirs(1.0), _theirs(2.0), _theirs(4.0)],
            OURS: [_ours(1000, 1.25), _ours(1000, 2.0), _ours(1000, 3.2)],
            SMTPLIB: [_theirs(2.0), _theirs(4.0), _theirs(8.0)],
        },
        sizes=[
            Size(10, Sent(_ours(10, 0.01), freeze=0.1), limit=1000),
            Size(1000, Sent(_ours(1000, 1.1, 60_000_000), freeze=0.2), limit=1000),
        ],
    )


def test_figures(results: Results) -> None:
    assert report.figures(results) == {
        "ratio": 1.0, "ratio_dkim": None, "cpu_us": 300.0, "cpu_us_dkim": None, "rss_mb": 60.0,
        "rss_growth": 1.2, "per_recipient_growth": 1.1,
    }  # fmt: skip


def test_page_says_what_was_measured(results: Results) -> None:
    servers = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    text = report.page(results, {"processor": "abacus"}, servers, "2026-11-24")
    assert "| mailer | 500 | **1.00** [0.80–1.25] | 200 | 100 | 0 | 300 | 2000 |" in text
    assert "- processor: abacus" in text
    assert "The relay bounds the send" in text
    assert "kill -9" not in text


def test_drawing_has_a_bar_for_each(results: Results) -> None:
    drawn = report.drawing(results)
    assert [drawn.count(name) for name in (">mailer<", ">smtplib<", ">smtp-source<")] == [1, 1, 1]


def test_one_section_of_the_page_is_measured_alone(results: Results) -> None:
    servers = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    text = report.page(results, {"processor": "abacus"}, servers, "2026-11-24")
    for seconds in (9.5, 8.5):
        found = Verifying(1_000_000, 90.0, 130_000_000, 1_000, seconds, 100_000, 0.5)
        text = report.with_verifying(text, found, "2026-11-29")
        assert text.count("## Verifying") == text.count("## How it is measured") == 1
        assert f"{seconds} s, with a privacy log of 100,000 lines" in text
        assert text.index("## Verifying") < text.index("## How it is measured")


def test_a_preview_is_late_when_one_in_ten_is() -> None:
    quiet = PreviewTimes([0.01] * 100, [0.02] * 100, [0.005] * 100)
    late = PreviewTimes([0.01] * 90 + [0.4] * 10, [0.02] * 100, [0.005] * 100)
    assert percentile([0.3, 0.1, 0.2, 0.4], 0.5) == 0.2
    assert quiet.ratio == 2
    assert Previewing(quiet, quiet, 20_000, 0.5).within
    assert not Previewing(quiet, late, 20_000, 0.5).within
    assert report.of_previews(Previewing(quiet, late, 20_000, 0.5)) == {
        "quiet_p95_ms": 10.0, "beside_p95_ms": 400.0, "quiet_ratio": 2.0, "beside_ratio": 80.0,
        "within": False,
    }  # fmt: skip


def test_the_preview_has_a_section_of_the_page(results: Results) -> None:
    servers = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    text = report.page(results, {"processor": "abacus"}, servers, "2026-11-24")
    times = PreviewTimes([0.012] * 20, [0.02] * 20, [0.006] * 20)
    for messages in (300, 20_000):
        text = report.with_previewing(text, Previewing(times, times, messages, 0.5), "2026-11-29")
    assert text.count("## Previewing") == text.count("## How it is measured") == 1
    assert "| beside a send of 20,000 | 20 | 12 ms | **12 ms** | 2.0 | 20 ms | 6 ms |" in text

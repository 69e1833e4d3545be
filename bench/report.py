"""Report the measures as a page, a drawing and one JSON object."""

import os
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from jinja2 import Environment, FileSystemLoader

from bench.chart import Bar, draw
from bench.comparisons import Run
from bench.previewing import Previewing, percentile
from bench.run import LIMIT, OURS, OURSELVES, SIGNED, SMTPLIB, Results, Size
from bench.sending import BLOCKS
from bench.verification import Verifying

TEMPLATE, VERIFYING, PREVIEWING = "performance.md.jinja", "verifying.md.jinja", "previewing.md.jinja"
_MB, _MICROS = 1e6, 1e6
_BUSY = 0.9  # of one processor: a single thread that is as busy is what bounds


def figures(results: Results) -> dict[str, float | None]:
    """The line a program reads."""
    return {
        "ratio": _rounded(results.ratio(OURS), 3),
        "ratio_dkim": _rounded(results.ratio(SIGNED), 3),
        "cpu_us": _rounded(results.micros(OURS, *OURSELVES), 1),
        "cpu_us_dkim": _rounded(results.micros(SIGNED, *OURSELVES), 1),
        "rss_mb": _rounded(results.peak_pss / _MB, 1),
        "rss_growth": _rounded(results.growth(lambda run: run.peak_pss), 3),
        "per_recipient_growth": _rounded(results.growth(lambda run: run.seconds / run.messages), 3),
    }


def of_previews(previewing: Previewing) -> dict[str, float | bool]:
    """The line a program reads, of the preview alone."""
    states = {"quiet": previewing.quiet, "beside": previewing.beside}
    times = {f"{name}_p95_ms": round(percentile(each.previews) * 1e3, 1) for name, each in states.items()}
    ratios = {f"{name}_ratio": round(each.ratio, 1) for name, each in states.items()}
    return {**times, **ratios, "within": previewing.within}


def drawing(results: Results) -> str:
    """Rates side by side, as SVG."""
    limit = results.rate(LIMIT)
    bars = [
        Bar(name, results.rate(name) / limit, f"{results.rate(name):,.0f}/s", name in {OURS, SIGNED})
        for name in _programs(results)
    ]
    return draw("Messages a second, on one smtp-sink", bars, 1.0, "smtp-source: the limit")


def page(results: Results, machine: dict[str, str], servers: dict[str, str], day: str) -> str:
    """The whole of docs/performance.md."""
    ours = results.rounds[OURS]
    others = [run.others for runs in results.rounds.values() for run in runs]
    sink_busy = median(run.cpu["sink"] / run.seconds for run in ours)
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            results=results,
            servers=servers,
            facts=machine | servers,
            date=day,
            blocks=BLOCKS,
            cores=os.cpu_count(),
            kilobytes=f"{results.size / 1000:.0f}",
            peak=f"{results.peak_pss / _MB:.0f}",
            others=f"{median(others):.1f}",
            most_others=f"{max(others):.1f}",
            own=f"{median(run.micros(*OURSELVES) * run.rate / _MICROS for run in ours):.2f}",
            sink_busy=f"{sink_busy:.0%}",
            relay_bounds=sink_busy >= _BUSY,
            side_by_side=_side_by_side(results),
            sizes=_sizes(results.sizes),
        )
    )


def with_verifying(text: str, verifying: Verifying, day: str) -> str:
    """Return the page with this section in the place of the one it has, or as the last of the figures."""
    section = _environment().get_template(VERIFYING).render(
        verifying=verifying, date=day, cores=os.cpu_count()
    )  # fmt: skip
    return _with_section(text, section)


def with_previewing(text: str, previewing: Previewing, day: str) -> str:
    """Return the page with this section in the place of the one it has, or as the last of the figures."""
    return _with_section(
        text,
        _environment().get_template(PREVIEWING).render(previewing=previewing, date=day, cores=os.cpu_count()),
    )


def _with_section(text: str, section: str) -> str:
    title, after = section.splitlines()[0], "## How it is measured"
    before, _, rest = text.partition(title if title in text else after)
    following = rest[rest.index("\n## ") + 1 :] if title in text else after + rest
    return f"{before}{section}\n{following}"


def _environment() -> Environment:
    made = Environment(  # noqa: S701 -- Markdown, of our own figures
        loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, keep_trailing_newline=True
    )
    made.globals["ms"] = _milliseconds
    return made


def _milliseconds(times: list[float], share: float) -> str:
    return f"{percentile(times, share) * 1e3:.0f} ms"


def _programs(results: Results) -> list[str]:
    return [name for name in (LIMIT, OURS, SIGNED, SMTPLIB) if name in results.rounds]


def _side_by_side(results: Results) -> str:
    header = ("", "messages/s", "× smtp-source", "senders", "PostgreSQL", "Redis, beat, other workers",
              "together", "the sink")  # fmt: skip
    return _table(
        header, [(name, *_rates(results, name), *_costs(results, name)) for name in _programs(results)]
    )


def _rates(results: Results, name: str) -> tuple[str, str]:
    pairs = zip(results.rounds[name], results.rounds[LIMIT], strict=True)
    ratios = [run.rate / limit.rate for run, limit in pairs]
    ratio = f"**{median(ratios):.2f}** [{min(ratios):.2f}–{max(ratios):.2f}]"
    return f"{results.rate(name):,.0f}", "1" if name == LIMIT else ratio


def _costs(results: Results, name: str) -> list[str]:
    if name in {LIMIT, SMTPLIB}:
        groups: tuple[tuple[str, ...], ...] = ("client",), (), (), ("client",), ("sink",)
    else:
        groups = ("senders",), ("postgresql",), ("redis", "other workers"), OURSELVES, ("sink",)
    return [f"{results.micros(name, *each):.0f}" if each else "" for each in groups]


def _sizes(sizes: Iterable[Size]) -> str:
    header = ("recipients", "seconds", "µs a recipient", "× smtp-source around it", "CPU µs a recipient",
              "largest worker", "freeze")  # fmt: skip
    return _table(header, [_size(size.sent.run, size.limit, size.sent.freeze) for size in sizes])


def _size(run: Run, limit: float, freeze: float) -> tuple[str, ...]:
    return (
        f"{run.messages:,}", f"{run.seconds:.1f}", f"{_MICROS / run.rate:.0f}", f"{run.rate / limit:.2f}",
        f"{run.micros(*OURSELVES):.0f}", f"{run.peak_pss / _MB:.0f} MB", f"{freeze:.2f} s",
    )  # fmt: skip


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(header)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)

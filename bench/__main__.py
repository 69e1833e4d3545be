"""`make bench`: measure, write docs/performance.md, print one line of JSON; with --trial, write nothing."""

import json
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from bench import machine, previewing, report, sending, services, sink, verification
from bench.comparisons import Uncounted
from bench.run import FULL, QUICK, TRIAL, Plan, Results, measure
from bench.sample_data import SampleSubscribers
from bench.sending import Stalled
from mailer.core.embedded import Unavailable

MILLION = 1_000_000
DOCS = Path(__file__).parents[1] / "docs"


@click.command("bench")
@click.option(
    "--quick", is_flag=True, help="Under two minutes: fewer messages and rounds, one small audience."
)
@click.option(
    "--trial", is_flag=True, help="Within a minute: a few hundred messages, whose figures are not kept."
)
@click.option(
    "--verifying", is_flag=True, help="Only the proof of consent, of a million people: a section of the page."
)
@click.option(
    "--previewing", "previews", is_flag=True, help="Only the preview of the letter: a section of the page."
)
def main(*, quick: bool, trial: bool, verifying: bool, previews: bool) -> None:
    """Measure the product on this machine, and write docs/performance.md."""
    if verifying:
        _verify()
        return
    if previews:
        _preview(TRIAL if trial else FULL, keep=not trial)
        return
    try:
        with tempfile.TemporaryDirectory(prefix="mailer-bench-") as name:
            results, servers = _measure(Path(name), TRIAL if trial else QUICK if quick else FULL)
    except (sink.NoPostfix, services.Unfit, Stalled, Uncounted, Unavailable) as error:
        raise click.ClickException(str(error)) from None
    text = report.page(results, machine.describe(), servers, f"{datetime.now(UTC):%Y-%m-%d}")
    drawing = report.drawing(results)
    if not trial:
        (DOCS / "performance.md").write_text(text, encoding="utf-8")
        (DOCS / "performance.svg").write_text(drawing, encoding="utf-8")
        click.echo(f"written: {DOCS / 'performance.md'}", err=True)
    click.echo(json.dumps(report.figures(results)))


def _verify() -> None:
    """Verify the proof of consent of a million people, and write that section of the page alone."""
    subscribers, page = SampleSubscribers(), DOCS / "performance.md"
    with tempfile.TemporaryDirectory(prefix="mailer-bench-") as name, services.installed(Path(name)):
        to = sending.newsletter("everybody")
        subscribers.subscribe(to, MILLION)
        postgres = [services.local_postgres()]
        found = verification.measure(subscribers, to, 1_000, lines=MILLION // 10, servers=postgres)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    page.write_text(report.with_verifying(page.read_text(encoding="utf-8"), found, day), encoding="utf-8")
    click.echo(json.dumps(asdict(found)))


def _preview(plan: Plan, *, keep: bool) -> None:
    """Measure the preview, beside a send and without, and write that section of the page alone."""
    page = DOCS / "performance.md"
    with (
        tempfile.TemporaryDirectory(prefix="mailer-bench-") as name,
        sink.running(Path(name)) as relay,
        services.opened(Path(name), relay) as installed,
    ):
        SampleSubscribers().subscribe(sending.newsletter("round"), plan.messages)
        measured = previewing.measure(installed, relay, "round", plan.messages, plan.previews)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    if keep:
        written = report.with_previewing(page.read_text(encoding="utf-8"), measured, day)
        page.write_text(written, encoding="utf-8")
    click.echo(json.dumps(report.of_previews(measured)))


def _measure(folder: Path, plan: Plan) -> tuple[Results, dict[str, str]]:
    with sink.running(folder) as relay, services.opened(folder, relay) as installed:
        for name, value in installed.facts.items():
            click.echo(f"{name}: {value}", err=True)
        return measure(installed, relay, plan), installed.facts


if __name__ == "__main__":
    main()

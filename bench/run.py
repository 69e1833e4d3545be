"""Run the measures in order: rounds of everything side by side, then sizes, then a kill."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import click

from bench import comparisons, previewing, recovery, sending, signing, verification
from bench.comparisons import Run
from bench.previewing import Previewing
from bench.processes import Child
from bench.recovery import Recovery
from bench.sample_data import SampleSubscribers
from bench.sending import Sent
from bench.services import Services
from bench.sink import Sink
from bench.verification import Verifying

LIMIT, SMTPLIB, OURS, SIGNED = "smtp-source", "smtplib", "mailer", "mailer with DKIM"
OURSELVES = ("senders", "other workers", "postgresql", "redis")  # groups of processes


@dataclass(frozen=True)
class Plan:
    """Say how much is measured."""

    rounds: int
    messages: int  # in each
    sizes: dict[int, int]  # recipients → how often
    recovery: bool
    warm_up: int = 500  # messages
    previews: int = 200  # while nothing is sent


FULL = Plan(5, 20_000, {10_000: 3, 100_000: 1, 1_000_000: 1}, recovery=True)
QUICK = Plan(3, 5_000, {10_000: 1}, recovery=False)
TRIAL = Plan(
    1, 300, {200: 1}, recovery=False, warm_up=100, previews=10
)  # proves that the bench works, and no more


@dataclass(frozen=True)
class Size:
    """Hold what an audience costs: its median send, and smtp-source just before and just after."""

    recipients: int
    sent: Sent
    limit: float  # messages a second


@dataclass
class Results:
    """Hold everything that was measured."""

    plan: Plan
    size: int  # bytes of one message
    rounds: dict[str, list[Run]] = field(default_factory=dict)
    sizes: list[Size] = field(default_factory=list)
    verifying: Verifying | None = None
    previewing: Previewing | None = None
    recovery: Recovery | None = None

    @property
    def quick(self) -> bool:
        return self.plan is QUICK

    def ratio(self, what: str) -> float | None:
        """Median over the rounds of a program's rate to that of smtp-source in the same round."""
        pairs = zip(self.rounds.get(what, []), self.rounds[LIMIT], strict=False)
        ratios = [run.rate / limit.rate for run, limit in pairs]
        return median(ratios) if ratios else None

    def rate(self, what: str) -> float:
        """Median, in messages a second."""
        return median(run.rate for run in self.rounds[what])

    def micros(self, what: str, *groups: str) -> float | None:
        """Median of the microseconds of CPU a message, of these groups together."""
        costs = [run.micros(*groups) for run in self.rounds.get(what, [])]
        return median(costs) if costs else None

    def growth(self, cost: Callable[[Run], float]) -> float | None:
        """A cost at the largest audience to that at the smallest; None when there is one size only."""
        costs = [cost(size.sent.run) for size in self.sizes]
        return costs[-1] / costs[0] if len(costs) > 1 else None

    @property
    def peak_pss(self) -> int:
        """Bytes, of the largest worker process in any measure."""
        ours = [run for name in (OURS, SIGNED) for run in self.rounds.get(name, [])]
        return max(run.peak_pss for run in ours + [size.sent.run for size in self.sizes])


@dataclass(frozen=True)
class Bench:
    """Hold what a measure needs."""

    services: Services
    sink: Sink
    plan: Plan
    sample: Path  # one message
    dkim: dict[str, str]  # the environment in which letters are signed

    @contextmanager
    def workers(self, env: Mapping[str, str] | None = None) -> Iterator[Child]:
        """Letter workers that have sent a few letters already, as those of a running service have."""
        with self.services.letters(env) as workers:
            sending.send(self.services, self.sink, workers, "warm-up", self.plan.warm_up, label="warming up")
            yield workers

    def limit(self, count: int) -> Run:
        return comparisons.smtp_source(self.sink, self.sample, count)

    def smtplib(self, count: int) -> Run:
        return comparisons.plain_smtplib(self.sink, self.sample, count)

    def ours(self, count: int) -> Run:
        with self.workers() as workers:
            return sending.send(self.services, self.sink, workers, "round", count).run

    def signed(self, count: int) -> Run:
        with self.workers(self.dkim) as workers:
            return sending.send(self.services, self.sink, workers, "round", count).run


def measure(services: Services, sink: Sink, plan: Plan) -> Results:
    """All of it.  Raises Stalled, Uncounted."""
    subscribers, sample = SampleSubscribers(), services.folder / "letter.eml"
    subscribers.subscribe(sending.newsletter("warm-up"), plan.warm_up)
    subscribers.subscribe(sending.newsletter("round"), plan.messages)
    results = Results(plan, sending.write_sample(services, "round", sample))
    bench = Bench(services, sink, plan, sample, _signing(services, subscribers))
    for number in range(plan.rounds):
        _round(bench, results, number)
    with bench.workers() as workers:
        for recipients, times in plan.sizes.items():
            results.sizes.append(_size(bench, workers, subscribers, recipients, times))
    results.verifying = verification.measure(
        subscribers, sending.newsletter("added"), plan.warm_up, lines=max(plan.sizes) // 10,
        servers=[services.postgres],
    )  # fmt: skip
    results.previewing = previewing.measure(services, sink, "round", plan.messages, plan.previews)
    if plan.recovery:
        results.recovery = recovery.measure(services, sink, "round", plan.messages)
    return results


def _signing(services: Services, subscribers: SampleSubscribers) -> dict[str, str]:
    """Where letters are signed, once one was seen to be; nothing while they are not."""
    subscribers.subscribe(sending.newsletter(signing.SLUG), 1)
    env = signing.environment(services.folder)
    try:
        signing.prove(services, env)
    except signing.Unsigned as error:
        click.echo(f"{error}: DKIM is not measured", err=True)
        return {}
    return env


def _round(bench: Bench, results: Results, number: int) -> None:
    """Every program once, every other time in the opposite order."""
    programs: dict[str, Callable[[int], Run]] = {
        LIMIT: bench.limit,
        SMTPLIB: bench.smtplib,
        OURS: bench.ours,
    }
    if bench.dkim:
        programs[SIGNED] = bench.signed
    order = list(programs)
    for name in order if number % 2 == 0 else reversed(order):
        run = programs[name](results.plan.messages)
        results.rounds.setdefault(name, []).append(run)
        _say(f"round {number + 1} of {results.plan.rounds}", name, run)


def _size(bench: Bench, workers: Child, subscribers: SampleSubscribers, recipients: int, times: int) -> Size:
    slug = f"size-{recipients}"
    subscribers.subscribe(sending.newsletter(slug), recipients)
    around = bench.plan.warm_up * 20
    before = bench.limit(around).rate
    sent = [sending.send(bench.services, bench.sink, workers, slug, recipients) for _ in range(times)]
    middle = sorted(sent, key=lambda one: one.run.seconds)[times // 2]
    _say(f"{recipients:,} recipients", OURS, middle.run)
    return Size(recipients, middle, (before + bench.limit(around).rate) / 2)


def _say(when: str, name: str, run: Run) -> None:
    groups = ", ".join(f"{group} {run.micros(group):.0f}" for group in run.cpu)
    click.echo(f"{when}: {name} {run.rate:,.0f} messages/s; µs a message: {groups}; "
               f"others kept {run.others:.1f} processors busy", err=True)  # fmt: skip

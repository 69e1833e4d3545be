"""A relay that misbehaves, in each phase: who gets what, and what the ledger says of it."""

from uuid import UUID

import pytest
from sqlalchemy import select, update

from mailer.core.circuit import Hold
from mailer.delivery.models import Delivery
from mailer.smtp.relay_health import LOST
from mailer.smtp.replies import DeliveryState
from mailer.subscribers.models import Subscriber
from tests.conftest import IDENTITY
from tests.faults import certificates
from tests.faults.choice import every
from tests.faults.conftest import Judge
from tests.faults.script import At, Do, Rule
from tests.faults.stage import CONNECTIONS, Stage
from tests.support.waiting import until

READERS = 40
SHORT = {  # seconds: a relay that is silent is given up soon, one that is slowed down by others is not
    "mailer.smtp.session:COMMAND_TIMEOUT": 2.0,
    "mailer.smtp.session:DATA_TIMEOUT": 2.0,
    "mailer.smtp.session:DOT_TIMEOUT": 2.0,
    "mailer.smtp.relay:CONNECT_TIMEOUT": 2.0,
}
POISON = "reader7@"
PROBES = 8  # that fail, at most, before the test lets the relay be
ELSEWHERE = "0x7f000001"  # 127.0.0.1 under a name that no product takes for loopback


def _rows(stage: Stage, issue_id: UUID, state: DeliveryState) -> list[Delivery]:
    with stage.transaction() as db:
        wanted = select(Delivery).where(Delivery.issue_id == issue_id, Delivery.state == state)
        return list(db.scalars(wanted))


# -- before the body: nobody is charged ---------------------------------------


@pytest.mark.parametrize(
    ("at", "do"),
    every(
        [
            (at, do)
            for at in (At.BANNER, At.EHLO, At.MAIL, At.RCPT, At.DATA)
            for do in (Do.DROP, Do.RESET, Do.HANG)
        ],
        often=[(At.BANNER, Do.DROP), (At.RCPT, Do.RESET), (At.MAIL, Do.HANG), (At.DATA, Do.DROP)],
    ),
)
def test_cut_before_the_body(stage: Stage, judge: Judge, at: At, do: Do) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, do, times=2))
    assert stage.worker(constants=SHORT).wait() == 0
    assert judge(issue_id, "retried at once, charged to nobody") == {"accepted": READERS}
    assert {row.attempts for row in _rows(stage, issue_id, DeliveryState.ACCEPTED)} == {1}


@pytest.mark.parametrize(
    "at", every([At.BANNER, At.EHLO, At.MAIL, At.RCPT, At.DATA, At.DOT], often=[At.MAIL, At.DOT])
)
def test_421(stage: Stage, judge: Judge, at: At) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, Do.SAY, "421 4.3.2 going down", times=2))
    assert stage.worker().wait() == 0
    assert judge(issue_id, "retried at once, charged to nobody") == {"accepted": READERS}
    assert {row.attempts for row in _rows(stage, issue_id, DeliveryState.ACCEPTED)} == {1}


@pytest.mark.parametrize(("at", "say"), [(At.MAIL, "what did you say?"), (At.DATA, "250 2.0.0 fine")])
def test_a_reply_that_makes_no_sense(stage: Stage, judge: Judge, at: At, say: str) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, Do.SAY, say, times=2))
    assert stage.worker().wait() == 0
    assert judge(issue_id, "hung up, retried") == {"accepted": READERS}


# -- after the first body byte: unknown, and nobody but a person sends it again -


@pytest.mark.parametrize(
    ("at", "do"),
    every(
        [(at, do) for at in (At.BODY, At.DOT) for do in (Do.DROP, Do.RESET)],
        often=[(At.BODY, Do.RESET), (At.DOT, Do.DROP)],
    ),
)
def test_cut_after_the_body_began(stage: Stage, judge: Judge, at: At, do: Do) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, do, times=3))
    assert stage.worker().wait() == 0
    assert judge(issue_id, "not taken, and nobody can know") == {"accepted": READERS - 3, "unknown": 3}


@pytest.mark.parametrize("do", every([Do.TAKE_DROP, Do.TAKE_RESET, Do.TAKE_HANG], often=[Do.TAKE_HANG]))
def test_taken_and_never_said(stage: Stage, judge: Judge, do: Do) -> None:
    """The relay accepts and never answers the dot: unknown, told to staff, never resent by themselves."""
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(At.DOT, do, times=3))
    assert stage.worker(constants=SHORT).wait() == 0
    stage.hasten(issue_id)
    assert stage.worker(seconds=1.5).wait() == 0
    assert judge(issue_id, "taken, and nobody can know") == {"accepted": READERS - 3, "unknown": 3}
    assert stage.mails_to(IDENTITY["MAILER_ALERT_ADDRESS"]) == 1


def test_it_dies_with_each_message_in_its_hands(stage: Stage, judge: Judge) -> None:
    """After three the circuit opens; then one message at a time is risked, by one of the workers."""
    issue_id = stage.issue(300)
    stage.relay.script(Rule(At.DOT, Do.TAKE_DROP))
    workers = [stage.worker(), stage.worker()]
    until(lambda: _failures(stage) >= 4, "nobody tried again")
    stage.relay.script()
    assert [worker.wait() for worker in workers] == [0, 0]
    states = judge(issue_id, "the circuit opens, one probe at a time")
    assert states["accepted"] + states["unknown"] == 300
    assert states["unknown"] <= len(workers) * (LOST + CONNECTIONS - 1) + PROBES


def _failures(stage: Stage) -> int:
    with stage.transaction() as db:
        return db.scalar(select(Hold.failures).where(Hold.name == "relay")) or 0


@pytest.mark.parametrize("at", every([At.BODY, At.DOT], often=[At.BODY]))
def test_silent_after_the_body_began(stage: Stage, judge: Judge, at: At) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, Do.HANG, times=2))
    assert stage.worker(constants=SHORT).wait() == 0
    assert judge(issue_id, "given up after the timeout") == {"accepted": READERS - 2, "unknown": 2}


# -- answers -------------------------------------------------------------------


@pytest.mark.parametrize("at", every([At.RCPT, At.DATA, At.DOT], often=[At.RCPT]))
def test_450_then_250(stage: Stage, judge: Judge, at: At) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, Do.SAY, "450 4.2.0 greylisted", to="example.com", times=1, each=True))
    worker = stage.worker()
    until(lambda: stage.states(issue_id)["deferred"] == READERS // 4, "nobody was deferred")
    assert {row.code for row in _rows(stage, issue_id, DeliveryState.DEFERRED)} == {450}
    stage.hasten(issue_id)
    assert worker.wait() == 0
    assert judge(issue_id, "deferred, then accepted") == {"accepted": READERS}


@pytest.mark.parametrize("at", every([At.MAIL, At.RCPT, At.DATA, At.DOT], often=[At.RCPT, At.DOT]))
def test_550(stage: Stage, judge: Judge, at: At) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, Do.SAY, "550 5.1.1 no", times=5))
    assert stage.worker().wait() == 0
    assert judge(issue_id, "refused for good") == {"accepted": READERS - 5, "refused": 5}
    refused = _rows(stage, issue_id, DeliveryState.REFUSED)
    assert {(row.code, row.enhanced) for row in refused} == {(550, "5.1.1")}


def test_354_in_spite_of_a_refused_recipient_delivers_no_empty_mail(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.offer(eager=True)
    stage.relay.script(Rule(At.RCPT, Do.SAY, "550 5.1.1 nobody", to="example.com"))
    assert stage.worker().wait() == 0
    assert judge(issue_id, "a lone dot") == {"accepted": READERS * 3 // 4, "refused": READERS // 4}


@pytest.mark.parametrize("do", every([Do.LATE, Do.TARPIT], often=[Do.LATE]))
def test_slow_in_every_phase(stage: Stage, judge: Judge, do: Do) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(*(Rule(at, do, seconds=0.005, odds=0.5) for at in At if at is not At.BODY), seed=7)
    assert stage.worker().wait() == 0
    assert judge(issue_id, "slow, and whole") == {"accepted": READERS}


@pytest.mark.parametrize("at", every([At.RCPT, At.DOT], often=[At.RCPT]))
def test_one_that_never_answers_does_not_stall_the_others(stage: Stage, judge: Judge, at: At) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, Do.HANG, to=POISON, times=1))
    worker = stage.worker()
    until(lambda: _went_on(stage, issue_id), "the others did not leave while one hung")
    stage.relay.hang_up()
    assert worker.wait() == 0
    states = judge(issue_id, "the others went on")
    assert states == ({"accepted": READERS} if at is At.RCPT else {"accepted": READERS - 1, "unknown": 1})


def _went_on(stage: Stage, issue_id: UUID) -> bool:
    """All have left but the one that hangs, and one that may be announced behind it."""
    states = stage.states(issue_id)
    return states["handed"] > 0 and states["accepted"] >= READERS - 2


# -- what it offers ------------------------------------------------------------


def test_no_pipelining(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.offer(pipelining=False)
    assert stage.worker().wait() == 0
    assert judge(issue_id, "step by step") == {"accepted": READERS}
    assert "spoke out of turn" not in stage.relay.state()


@pytest.mark.parametrize(
    "flaw",
    every(
        ["no STARTTLS", "a stranger's certificate", "expired", "another host's"],
        often=["no STARTTLS", "another host's"],
    ),
)
def test_tls_that_cannot_be_trusted(stage: Stage, judge: Judge, flaw: str) -> None:
    good, bad = stage.folder / "good.pem", stage.folder / "bad.pem"
    certificates.make(good, ELSEWHERE)
    certificates.make(
        bad, "relay.example" if flaw == "another host's" else ELSEWHERE, expired=flaw == "expired"
    )
    offered = "" if flaw == "no STARTTLS" else str(bad)
    trusted = bad if flaw in {"expired", "another host's"} else good
    url = f"smtp://{ELSEWHERE}:{stage.relay.port}?ca={trusted}"
    issue_id = stage.issue(READERS)
    stage.relay.offer(certificate=offered)
    worker = stage.worker(env={"MAILER_RELAY_URL": url})
    until(lambda: _held(stage), "nothing was held")
    assert stage.relay.arrivals() == []
    worker.kill()
    stage.relay.offer(certificate=str(good))
    assert stage.worker(env={"MAILER_RELAY_URL": url.replace(str(trusted), str(good))}).wait() == 0
    assert judge(issue_id, "nothing in plain text, then all of it encrypted") == {"accepted": READERS}


def test_a_password_that_is_wrong(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.offer(auth="letter:right")
    url = f"smtp://letter:wrong@127.0.0.1:{stage.relay.port}"
    worker = stage.worker(env={"MAILER_RELAY_URL": url})
    until(lambda: _held(stage), "nothing was held")
    worker.kill()
    assert stage.worker(env={"MAILER_RELAY_URL": url.replace("wrong", "right")}).wait() == 0
    assert judge(issue_id, "held, then sent with the right one") == {"accepted": READERS}


def _held(stage: Stage) -> bool:
    with stage.transaction() as db:
        return db.scalar(select(Hold.name).where(Hold.name == "relay")) is not None


@pytest.mark.long
def test_a_body_of_10_megabytes_refused(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(6, weight=10_000_000)
    stage.relay.script(Rule(At.DOT, Do.SAY, "552 5.3.4 too big"))
    worker = stage.worker()
    until(lambda: "refused" in stage.alarms(), "nobody was asked")
    worker.kill()
    assert judge(issue_id, "a person is asked") == {"deferred": 6}
    assert all(arrival.size > 10_000_000 for arrival in stage.relay.arrivals() if "reader" in arrival.to)


# -- poison --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "do"),
    every(
        [(at, do) for at in (At.RCPT, At.DATA, At.DOT) for do in (Do.SAY, Do.DROP)],
        often=[(At.DOT, Do.SAY), (At.RCPT, Do.DROP)],
    ),
)
def test_a_poison_recipient_is_set_aside_after_three(stage: Stage, judge: Judge, at: At, do: Do) -> None:
    issue_id = stage.issue(READERS)
    stage.relay.script(Rule(at, do, "421 4.7.0 go away", to=POISON))
    worker = stage.worker()
    begun = (at, do) == (At.DOT, Do.DROP)
    aside = "unknown" if begun else "deferred"
    until(lambda: stage.states(issue_id) == {"accepted": READERS - 1, aside: 1}, "the others did not leave")
    assert stage.relay.state()["applied"] == (1 if begun else 3)
    if begun:
        assert worker.wait() == 0
    judge(issue_id, "unknown at once" if begun else "three times, then set aside")


def test_an_address_that_cannot_be_in_a_header(stage: Stage, judge: Judge) -> None:
    """It is not the one its person gave: the newsletter pauses, and a person is called."""
    issue_id = stage.issue(READERS)
    with stage.transaction() as db:
        evil = "a\r\nBcc: b@example.org"
        db.execute(update(Subscriber).where(Subscriber.email.startswith(POISON)).values(email=evil))
    worker = stage.worker()
    until(lambda: "unproven" in stage.alarms(), "nobody was called")
    worker.kill()
    assert judge(issue_id, "withheld as unproven, the newsletter paused", settled=False)["withheld"] == 1


# -- down ----------------------------------------------------------------------


def test_down_at_the_scheduled_time(stage: Stage, judge: Judge) -> None:
    stage.relay.listen(False)
    issue_id = stage.schedule(stage.readers(READERS), due_in=0.3)
    patience = {"mailer.monitoring.alarms:ALARM_AFTER": {"relay": 0.5}}
    worker = stage.worker(constants=patience)
    until(lambda: "relay" in stage.alarms(), "nobody was asked")
    judge(issue_id, "a person is asked")
    assert stage.states(issue_id) == {"pending": READERS}
    stage.relay.listen(True)
    assert worker.wait() == 0
    assert judge(issue_id, "a person is asked; then all leave") == {"accepted": READERS}
    assert {row.attempts for row in _rows(stage, issue_id, DeliveryState.ACCEPTED)} == {1}


def test_gone_in_mid_send_and_back(stage: Stage, judge: Judge) -> None:
    issue_id = stage.issue(300)
    stage.relay.offer(usual=0.01)
    worker = stage.worker()
    stage.relay.wait_taken(40)
    stage.relay.listen(False)
    stage.relay.hang_up()
    until(lambda: _held(stage), "nothing was held")
    stage.relay.listen(True)
    assert worker.wait() == 0
    states = judge(issue_id, "in flight: unknown; the others later")
    fences = [row.fence for row in _rows(stage, issue_id, DeliveryState.ACCEPTED)]
    assert max(fences) <= 6  # they were not claimed and given back over and over meanwhile
    assert states.get("unknown", 0) <= stage.relay.state()["most_open"]
    assert states["accepted"] + states.get("unknown", 0) == 300

"""When a relay counts as down, and what a probe may risk."""

from mailer.smtp.relay_health import BROKEN_OFF, LOST, RelayHealth
from mailer.smtp.session import TransactionEnd


def _faults(health: RelayHealth, *ends: TransactionEnd, at_the_dot: bool = True) -> list[bool]:
    return [health.fault(end, at_the_dot=at_the_dot) is not None for end in ends]


def test_three_messages_lost_in_a_row() -> None:
    health = RelayHealth()
    assert _faults(health, *[TransactionEnd.UNKNOWN] * (LOST - 1)) == [False] * (LOST - 1)
    assert (
        _faults(health, TransactionEnd.ANSWERED, TransactionEnd.UNKNOWN, TransactionEnd.UNKNOWN)
        == [False] * 3
    )
    assert _faults(health, TransactionEnd.ANSWERED, at_the_dot=False) == [
        False
    ]  # proves nothing of what it does then
    assert _faults(health, TransactionEnd.UNKNOWN) == [True]


def test_it_keeps_breaking_off() -> None:
    health = RelayHealth()
    assert _faults(health, *[TransactionEnd.INTERRUPTED] * BROKEN_OFF) == [False] * (BROKEN_OFF - 1) + [True]


def test_a_probe_risks_one_message_until_one_is_answered_for() -> None:
    assert _faults(RelayHealth(probing=True), TransactionEnd.UNKNOWN) == [True]
    assert _faults(RelayHealth(probing=True), TransactionEnd.INTERRUPTED) == [True]
    health = RelayHealth(probing=True)
    assert _faults(health, TransactionEnd.ANSWERED, at_the_dot=False) == [False]
    assert health.probing
    assert _faults(health, TransactionEnd.ANSWERED, TransactionEnd.UNKNOWN) == [False, False]
    assert not health.probing

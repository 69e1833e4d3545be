"""What a run of refusals says: of somebody, of a provider, or of us."""

from itertools import cycle

import pytest

from mailer.delivery.breaker import Breaker
from mailer.smtp.providers import OTHER
from mailer.smtp.replies import Reply, is_suspect, reply, wording

GONE = reply(550, b"5.1.1 <zoe@example.org> no such user (in reply to RCPT, 4FgH3k)")
NO = reply(554, b"5.0.0 no")
YES = reply(250, b"2.0.0 ok")
POLICY = reply(550, b"5.7.1 policy")


def _heard(
    breaker: Breaker, *answers: Reply, provider: str = OTHER, domains: str = "a.example b.example"
) -> list[bool]:
    domain = cycle(domains.split())
    return [breaker.suspects(provider, f"x@{next(domain)}", answer) for answer in answers]


@pytest.mark.parametrize(
    ("code", "text", "suspect"),
    [
        (550, b"5.7.1 policy", True), (550, b"5.7.606 blocked", True), (553, b"5.1.8 bad sender", True),
        (501, b"5.1.7 bad sender", True), (552, b"5.3.4 too big", True), (530, b"authenticate", True),
        (535, b"5.0.0 who?", True), (552, b"too big", True), (550, b"5.1.1 nobody", False),
        (554, b"no", False), (450, b"4.7.1 later", False), (250, b"2.0.0 ok", False),
    ],
)  # fmt: skip
def test_suspect_by_status(code: int, text: bytes, suspect: bool) -> None:
    assert is_suspect(reply(code, text)) is suspect
    assert _heard(Breaker(), reply(code, text)) == [suspect]


def test_a_wording_is_the_same_for_everybody() -> None:
    one = reply(550, b"5.1.1 <zoe@example.org> refused, id 4FgH3k2Zq from 192.0.2.1 at 10:31:02")
    other = reply(550, b"5.1.1 <max@example.com> refused, id 9AbC0 from 2001:db8::1 at 11:00:59")
    assert wording(one) == wording(other) != wording(reply(550, b"5.1.2 <zoe@example.org> refused, id 4F"))


def test_ten_in_a_row_across_two_domains() -> None:
    breaker = Breaker()
    assert _heard(breaker, *[NO] * 9) == [False] * 9
    assert breaker.trips == []
    assert _heard(breaker, NO) == [True]
    [trip] = breaker.trips
    assert (trip.provider, trip.reason) == (None, "554 5.0.0 no")
    assert _heard(breaker, NO, GONE) == [True, False]  # one wording is not another


def test_ten_people_gone_from_one_domain_are_gone() -> None:
    breaker = Breaker()
    assert not any(_heard(breaker, *[GONE] * 12, domains="a.example"))
    assert breaker.trips == []


def test_a_fifth_of_the_last_fifty() -> None:
    breaker = Breaker()
    assert not any(_heard(breaker, *[YES, YES, YES, YES, NO] * 9, YES, YES, YES, YES))
    assert _heard(breaker, NO) == [True]
    assert len(breaker.trips) == 1


def test_few_of_the_last_fifty_trip_nothing() -> None:
    breaker = Breaker()
    assert not any(_heard(breaker, *[YES] * 5, NO, *([YES] * 5 + [GONE]) * 20))
    assert breaker.trips == []


def test_suspects_of_any_wording_count_together() -> None:
    breaker = Breaker()
    _heard(breaker, *[POLICY, reply(530, b"5.7.0 authenticate")] * 5)
    assert len(breaker.trips) == 1


def test_a_provider_alone() -> None:
    breaker = Breaker()
    for _ in range(10):
        _heard(breaker, YES)
        _heard(breaker, POLICY, provider="town")
        _heard(breaker, POLICY, provider="town", domains="c.example")
    assert {trip.provider for trip in breaker.trips} == {"town"}


def test_what_a_person_took_as_it_is_counts_no_more() -> None:
    breaker = Breaker()
    breaker.accept({wording(NO)})
    assert not any(_heard(breaker, *[NO] * 60))
    assert breaker.trips == []

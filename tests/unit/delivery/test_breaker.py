"""What a run of refusals says: of somebody, of a provider, or of us."""

from itertools import cycle

import pytest

from mailer.delivery.breaker import Breaker, Trip
from mailer.smtp.providers import OTHER
from mailer.smtp.replies import Reply, is_suspect, reply, wording

GONE = reply(550, b"5.1.1 <zoe@example.org> no such user (in reply to RCPT, 4FgH3k)")
NO = reply(554, b"5.0.0 no")
YES = reply(250, b"2.0.0 ok")
POLICY = reply(550, b"5.7.1 policy")


class Heard:
    """A breaker, and what it has tripped on."""

    def __init__(self) -> None:
        self.breaker, self.trips = Breaker(), list[Trip]()

    def __call__(
        self, *answers: Reply, provider: str = OTHER, domains: str = "a.example b.example"
    ) -> list[bool]:
        """Which of these answers are suspect."""
        domain, suspects = cycle(domains.split()), []
        for answer in answers:
            suspect, trip = self.breaker.suspects(provider, f"x@{next(domain)}", answer)
            suspects.append(suspect)
            self.trips += [trip] if trip else []
        return suspects


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
    assert Heard()(reply(code, text)) == [suspect]


def test_a_wording_is_the_same_for_everybody() -> None:
    one = reply(550, b"5.1.1 <zoe@example.org> refused, id 4FgH3k2Zq from 192.0.2.1 at 10:31:02")
    other = reply(550, b"5.1.1 <max@example.com> refused, id 9AbC0 from 2001:db8::1 at 11:00:59")
    assert wording(one) == wording(other) != wording(reply(550, b"5.1.2 <zoe@example.org> refused, id 4F"))


def test_ten_in_a_row_across_two_domains() -> None:
    heard = Heard()
    assert heard(*[NO] * 9) == [False] * 9
    assert heard.trips == []
    assert heard(NO) == [True]
    [trip] = heard.trips
    assert (trip.provider, trip.reason) == (None, "554 5.0.0 no")
    assert heard(NO, GONE) == [True, False]  # one wording is not another


def test_ten_people_gone_from_one_domain_are_gone() -> None:
    heard = Heard()
    assert not any(heard(*[GONE] * 12, domains="a.example"))
    assert heard.trips == []


def test_a_fifth_of_the_last_fifty() -> None:
    heard = Heard()
    assert not any(heard(*[YES, YES, YES, YES, NO] * 9, YES, YES, YES, YES))
    assert heard(NO) == [True]
    assert len(heard.trips) == 1


def test_few_of_the_last_fifty_trip_nothing() -> None:
    heard = Heard()
    assert not any(heard(*[YES] * 5, NO, *([YES] * 5 + [GONE]) * 20))
    assert heard.trips == []


def test_suspects_of_any_wording_count_together() -> None:
    heard = Heard()
    heard(*[POLICY, reply(530, b"5.7.0 authenticate")] * 5)
    assert len(heard.trips) == 1


def test_a_provider_alone() -> None:
    heard = Heard()
    for _ in range(10):
        heard(YES)
        heard(POLICY, provider="town")
        heard(POLICY, provider="town", domains="c.example")
    assert {trip.provider for trip in heard.trips} == {"town"}


def test_what_a_person_took_as_it_is_counts_no_more() -> None:
    heard = Heard()
    heard.breaker.accept({wording(NO)})
    assert not any(heard(*[NO] * 60))
    assert heard.trips == []

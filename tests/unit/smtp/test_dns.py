"""Mail exchangers, asked of a real DNS server on loopback."""

from mailer.smtp import dns
from tests.support.nameserver import running_nameserver

RECORDS = {
    ("ville.example", "MX"): ["20 mx2.ville.example.", "10 MX1.ville.example."],
    ("nomail.example", "MX"): ["0 ."],
    ("web.example", "A"): ["192.0.2.1"],
}


def test_the_preferred_exchanger_comes_first_and_who_has_none_says_so() -> None:
    with running_nameserver(RECORDS) as server:
        asked = ["ville.example", "nomail.example", "web.example", "nowhere.example"]
        assert dns.mx(asked, dns.resolver(server)) == {
            "ville.example": ("mx1.ville.example", "mx2.ville.example"),
            "nomail.example": (),
            "web.example": (),
            "nowhere.example": (),
        }


def test_what_is_not_answered_is_left_out_and_nothing_is_raised() -> None:
    with running_nameserver(RECORDS, silent=["slow.example"]) as server:
        asked = dns.resolver(server)
        asked.lifetime = 0.3
        domains = ["slow.example", "ville.example", "a..b", "é" * 300 + ".example"]
        assert set(dns.mx(domains, asked)) == {"ville.example"}


def test_asking_nothing_answers_nothing() -> None:
    with running_nameserver(RECORDS) as server:
        assert dns.mx([], dns.resolver(server)) == {}

"""Whose mailbox an address is, and which replies ask us to slow down towards all of its host."""

import pytest

from mailer.smtp.providers import OTHER, BadProviders, Providers, is_full_connection, is_throttle
from mailer.smtp.replies import reply


@pytest.mark.parametrize(
    ("domain", "mx", "name"),
    [
        ("gmail.com", (), "gmail"),
        ("Wanadoo.fr", (), "orange"),
        ("neuf.fr", (), "sfr"),
        ("ville.example", ("ASPMX.L.google.com",), "gmail"),
        ("ville.example", ("ville-example.mail.protection.outlook.com",), "outlook"),
        ("ville.example", ("mx.ville.example", "smtp-in.orange.fr"), "orange"),
        ("ville.example", ("notgoogle.com",), OTHER),
        ("notgmail.com", (), OTHER),
        ("example.org", (), OTHER),
    ],
)
def test_a_provider_is_known_by_its_domains_and_its_exchangers(
    domain: str, mx: tuple[str, ...], name: str
) -> None:
    assert Providers().of(domain, mx) == name


def test_a_file_changes_figures_and_adds_providers() -> None:
    changed = Providers().changed(
        """
        gmail: {rate: 2.5}
        free: {rate: 0}
        town: {domains: [Town.example, wanadoo.fr], mx: [l.google.com], connections: 2, rate: 5}
        other: {rate: 50}
        """
    )
    assert (changed.table["gmail"].rate, changed.table["gmail"].messages) == (2.5, 50)
    assert changed.of("gmail.com") == "gmail"
    assert [changed.of("town.example"), changed.of("wanadoo.fr")] == ["town", "town"]
    assert changed.of("ville.example", ["aspmx.l.google.com"]) == "town"
    assert "free" not in changed.rates
    assert (changed.rates["town"], changed.rates[OTHER]) == (5, 50)


def test_an_empty_file_changes_nothing() -> None:
    assert Providers().changed("# nothing yet\n").table == Providers().table


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gmail: {rate: -1}", "gmail.rate: Input should be greater than or equal to 0"),
        ("gmail: {rate: .inf}", "gmail.rate: Input should be a finite number"),
        (
            "gmail: {speed: 3}",
            "gmail.speed: unknown; a provider has domains, mx, connections, messages, rate",
        ),
        ("gmail: 3", "gmail: must hold what the provider takes"),
        ("- gmail", "the file must name providers"),
        ("Gros Mail: {rate: 3}", "Gros Mail: must be small letters"),
        ("town: {domains: ['a b']}", "town.domains.0: must be small letters"),
        ("gmail: {rate: 3\n", "line 2: not YAML"),
        ("\x00", "not YAML"),
    ],
)
def test_what_a_file_gets_wrong_is_one_line(text: str, said: str) -> None:
    with pytest.raises(BadProviders) as caught:
        Providers().changed(text)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            421,
            "4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your SPF domain",
        ),
        (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume"),
        (421, "mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. OFR004_104 [104]"),
        (421, "4.4.5 Server busy, try again later."),
        (421, "Service not available"),
        (450, "4.2.1 Peak SMTP relay limit exceeded for this customer."),
        (450, "4.7.1 Client host rejected: Service refuse. Veuillez essayer plus tard. LPN027_503"),
        (450, "4.7.1 Service refused, please try later. SFR_IN_105"),
        (451, "4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)"),
        (451, "4.7.652 The mail server [192.0.2.1] has exceeded the maximum number of connections."),
        (451, "4.7.32 Your email has been rate limited because the From: header isn't aligned"),
        (451, "Message temporarily deferred - [160]"),
        (450, "4.7.1 Error: too much mail from 192.0.2.1"),
        (452, "4.3.2 The maximum number of concurrent connections has exceeded a limit"),
        (452, "Too many emails in a short time, slow down"),
    ],
)
def test_a_host_that_asks_to_slow_down_is_heard(code: int, text: str) -> None:
    assert is_throttle(reply(code, text.encode()))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (250, "2.0.0 OK rate limit not reached"),
        (450, "4.2.1 The user you are trying to contact is receiving email too quickly."),
        (450, "4.2.0 <zoe@example.org>: Recipient address rejected: Greylisted"),
        (451, "4.7.1 Greylisting in action, too many strangers, please come back later"),
        (450, "4.7.1 Client host rejected: cannot find your hostname"),
        (450, "4.1.8 Emetteur invalide / Invalid Sender LPN007_405"),
        (452, "4.2.2 The recipient's inbox is out of storage space"),
        (452, "4.5.3 Too many recipients"),
        (451, "4.3.0 Local error in processing"),
        (550, "5.7.1 Service refuse. SPAM OFR_506"),
        (552, "5.7.0 message rate exceeded"),
    ],
)
def test_what_concerns_one_recipient_or_for_good_slows_nobody(code: int, text: str) -> None:
    assert not is_throttle(reply(code, text.encode()))


@pytest.mark.parametrize(
    ("code", "text", "full"),
    [
        (452, "4.5.3 Too many recipients", True),
        (452, "4.3.1 Insufficient system storage", False),
        (451, "4.7.1 too many messages in this session", True),
        (450, "4.7.1 You have exceeded the messages per connection", True),
        (421, "4.7.0 session limit exceeded", True),
        (452, "4.2.2 The mailbox is full", False),
        (450, "4.2.0 greylisted", False),
        (552, "5.5.3 too many recipients", False),
    ],
)
def test_a_connection_that_is_full(code: int, text: str, full: bool) -> None:
    assert is_full_connection(reply(code, text.encode())) is full

"""`mailer dkim`: a key is made, published, checked; against a real DNS server."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from mailer.core.db import transaction
from mailer.core.settings import Settings
from tests.support import commands
from tests.support.make import make_newsletter
from tests.support.nameserver import running_nameserver

pytestmark = pytest.mark.usefixtures("settings")
NAME = "s1._domainkey.example.org"


def mailer(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return commands.mailer("dkim", *arguments, env=os.environ | variables)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> tuple[Path, str]:
    """A key's file, and the record to publish as the command printed it."""
    file = tmp_path_factory.mktemp("dkim") / "key.pem"
    done = mailer("create", "--selector", "s1", "--out", str(file))
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o077 == 0
    found = re.fullmatch(r"s1\._domainkey IN TXT \( (.*) \)\n", done.stdout)
    assert found
    return file, found[1]


def _states(file: Path, nameserver: str, *domains: str) -> tuple[int, dict[str, str]]:
    options = [part for domain in domains for part in ("--domain", domain)]
    done = mailer(
        "check", "--nameserver", nameserver, "--json", *options,
        MAILER_DKIM_KEY_FILE=str(file), MAILER_DKIM_SELECTOR="s1",
    )  # fmt: skip
    return done.returncode, {row["domain"]: row["state"] for row in json.loads(done.stdout)}


def test_what_is_published_is_told_from_what_is_not(made: tuple[Path, str]) -> None:
    file, record = made
    records = {
        (NAME, "TXT"): [record],
        ("s1._domainkey.example.com", "TXT"): ['"v=DKIM1; p=AAAA"'],
    }
    with running_nameserver(records, silent=["s1._domainkey.slow.example"]) as server:
        assert _states(file, server, "example.org") == (0, {"example.org": "published"})
        assert _states(file, server, "example.com", "example.net", "slow.example") == (
            1,
            {
                "example.com": "another key is published",
                "example.net": "not published",
                "slow.example": "the DNS does not answer",
            },
        )


def test_by_default_the_newsletters_own_domains_are_checked(
    made: tuple[Path, str], clean: None, settings: Settings
) -> None:
    with transaction() as db:
        make_newsletter(db)
    with running_nameserver({(NAME, "TXT"): [made[1]]}) as server:
        assert _states(made[0], server) == (0, {"example.org": "published"})


def test_a_key_is_never_overwritten(made: tuple[Path, str]) -> None:
    before = made[0].read_bytes()
    again = mailer("create", "--selector", "s1", "--out", str(made[0]))
    assert again.returncode == 1
    assert "exists already" in again.stderr
    assert made[0].read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check",), "nothing is signed here"),
        (("create", "--selector", "s 1", "--out", "never.pem"), "must be a name such as"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: tuple[str, ...], said: str) -> None:
    _refused(mailer(*arguments), said)


def test_a_key_that_is_gone_or_a_server_that_is_none_is_named(made: tuple[Path, str], tmp_path: Path) -> None:
    gone = mailer("check", MAILER_DKIM_KEY_FILE=str(tmp_path / "gone.pem"), MAILER_DKIM_SELECTOR="s1")
    _refused(gone, "cannot be read")
    named = mailer(
        "check", "--nameserver", "ns1", MAILER_DKIM_KEY_FILE=str(made[0]), MAILER_DKIM_SELECTOR="s1"
    )
    _refused(named, "--nameserver must be an IP address")


def _refused(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "Traceback" not in done.stderr

"""The documents say what is true: every setting and command is in them, and none that is not."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mailer.cli import cli
from mailer.core.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SETTINGS = {f"MAILER_{name.upper()}" for name in Settings.model_fields}
BESIDE = {"MAILER_ENV_FILE", "MAILER_"}
named = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def _commands(of: click.Command, words: tuple[str, ...] = ("mailer",)) -> Iterator[tuple[str, click.Command]]:
    if isinstance(of, click.Group):
        for name, command in of.commands.items():
            yield from _commands(command, (*words, name))
    else:
        yield " ".join(words), of


COMMANDS = dict(_commands(cli))


def _spoken(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each command a page tells its reader to type, and the options it gives it."""
    for line in re.findall(r"`mailer [a-z][^`]*`|^ {4}\S*\bmailer [a-z].*", text, re.MULTILINE):
        typed = re.search(r"mailer ([a-z][a-z -]*[a-z])", line.partition("#")[0])
        options = set(re.findall(r"--[a-z][a-z-]*", line))
        yield f"mailer {typed[1] if typed else line}", options


def test_every_setting_has_its_row() -> None:
    assert set(re.findall(r"^\| `(MAILER_\w+)`", OPERATIONS, re.MULTILINE)) == SETTINGS


def test_every_command_has_its_row() -> None:
    assert set(re.findall(r"^\| `(mailer [a-z -]+)`", OPERATIONS, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_says_what_it_does(command: str) -> None:
    assert COMMANDS[command].help
    options = [each for each in COMMANDS[command].params if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.help] == []


@named
def test_no_page_names_a_setting_that_is_not(page: Path) -> None:
    assert set(re.findall(r"MAILER_\w*", page.read_text(encoding="utf-8"))) - SETTINGS - BESIDE == set()


@named
def test_no_page_names_a_command_or_an_option_that_is_not(page: Path) -> None:
    for spoken, options in _spoken(page.read_text(encoding="utf-8")):
        known = [name for name in COMMANDS if f"{spoken} ".startswith(f"{name} ")]
        assert known, spoken
        assert options <= {opt for param in COMMANDS[known[0]].params for opt in param.opts} | {"--help"}


@named
def test_no_link_leads_nowhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_make_help_lists_what_can_be_made() -> None:
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.findall(r"^\.PHONY: (.*)", made, re.MULTILINE)[0].split())
    assert set(re.findall(r"^([a-z]+):.*## ", made, re.MULTILINE)) == phony

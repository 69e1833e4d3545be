"""What goes wrong is said in English in the terminal, whatever the installation's language."""

import pytest

from mailer.cli.errors import sentence
from mailer.imports.columns import match
from mailer.issues.findings import Finding
from mailer.issues.lifecycle import NotReady
from mailer.issues.yaml_errors import Fault
from mailer.issues.yaml_file import IssueFileError
from mailer.staff.accounts import AccountRefused
from mailer.staff.passwords import MIN_PASSWORD


def test_what_keeps_an_issue_from_leaving_is_a_sentence() -> None:
    said = sentence(NotReady([Finding("error", "no_colophon")]))
    assert (
        said
        == "this issue is not ready: There is no colophon: the law requires the publication director’s name."
    )


def test_an_account_is_refused_in_english() -> None:
    said = sentence(AccountRefused("too_short", least=MIN_PASSWORD))
    assert said == "This password is too short: it needs at least 12 characters."


def test_a_file_is_refused_in_english() -> None:
    error = IssueFileError("lettre.yaml", [Fault(6, "blocks[0].text", "missing")])
    assert sentence(error) == "lettre.yaml, line 6, blocks[0].text: missing"


def test_the_terminal_alone_is_told_of_its_options() -> None:
    with pytest.raises(ValueError, match="no_email") as refused:
        match(["nom"])
    assert (sentence(refused.value) or "").endswith("or by --map")
    assert "--map" not in refused.value.sentence("en")  # type: ignore[attr-defined]


def test_an_error_s_text_is_its_code_alone() -> None:
    """Facts may be an address, and exceptions end in logs."""
    assert str(AccountRefused("taken", email="zoe@example.org")) == "taken"

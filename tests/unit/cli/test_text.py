"""What the command line takes as text."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from mailer.cli import cli
from mailer.cli.text import LINE, PARAGRAPHS


def commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        yield from commands(each)


def test_every_text_is_one_line_or_says_that_it_is_several() -> None:
    loose = [(each.name, param.name) for each in commands(cli) for param in each.params
             if param.type is click.STRING]  # fmt: skip
    assert loose == []
    several = {param.name for each in commands(cli) for param in each.params if param.type is PARAGRAPHS}
    assert several == {
        "text", "reason", "question", "answer", "what", "conclusion", "signature", "footer",
    }  # fmt: skip


@pytest.mark.parametrize(
    "bad", ["Léa\r\nBcc: x@example.org", "a\nb", "a\0b", "a\x1b[2Jb", "a\u2028b", "a\udce9b"]
)
@pytest.mark.parametrize(
    "words",
    [
        ("staff", "create", "--email", "lea@example.org", "--name"),
        ("newsletter", "create", "--slug", "x", "--name"),
        ("newsletter", "create", "--slug", "x", "--name", "X", "--from-name"),
        ("rights", "open", "--right", "access", "--channel", "post", "--name"),
    ],
)
def test_a_name_is_one_line(words: tuple[str, ...], bad: str) -> None:
    done = CliRunner().invoke(cli, [*words, bad])
    assert done.exit_code == 2
    assert "one line" in done.stderr


def test_longer_texts_have_lines_and_nothing_else() -> None:
    assert PARAGRAPHS.convert("a\r\nb\tc\rd", None, None) == "a\nb\tc\nd"
    assert LINE.convert(" Léa  Martin ", None, None) == "Léa  Martin"
    with pytest.raises(click.BadParameter):
        PARAGRAPHS.convert("a\x1bb", None, None)

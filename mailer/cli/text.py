"""What is typed on the command line: names are one line, and longer texts hold no control character."""

from typing import Any

import click


class Line(click.ParamType[str]):
    """Hold one line of text: it ends in headers, tables and certificates."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it without the spaces around; refuse what is not printable."""
        text = str(value).strip()
        if not text.isprintable():
            self.fail("one line, without control characters", param, ctx)
        return text


class Paragraphs(click.ParamType[str]):
    """Hold text of several lines, as a letter has."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it with line feeds alone; refuse what is not printable."""
        text = str(value).replace("\r\n", "\n").replace("\r", "\n")
        if not text.replace("\n", " ").replace("\t", " ").isprintable():
            self.fail("text without control characters", param, ctx)
        return text


LINE, PARAGRAPHS = Line(), Paragraphs()


def one_line(command: click.Command) -> None:
    """Have every text that a command and those below it take be one line, unless it says PARAGRAPHS."""
    for param in command.params:
        if param.type is click.STRING:
            param.type = LINE
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        one_line(each)

"""Tell what is wrong in an issue file: a code and its facts, worded by templates/words/issues.yaml."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mailer.core.i18n import words
from mailer.issues.blocks import KINDS, Content
from mailer.issues.findings import Finding


@dataclass(frozen=True)
class Fault:
    """Hold what is wrong, and where: line (from 1) and path of the field."""

    line: int
    where: str
    code: str
    facts: dict[str, Any] = field(default_factory=dict)

    def sentence(self, name: str, locale: str) -> str:
        """Return it as one line that names the file and the place."""
        sentences = words("issues", locale)["faults"]
        where = f", {self.where}" if self.where else ""
        sentence = self._cause(words("issues", locale))
        return str(sentences["line"].format(name=name, line=self.line, field=where, sentence=sentence))

    def _cause(self, t: dict[str, Any]) -> str:
        if "address" in self.facts:
            return str(t["faults"]["bad_address"]).format(why=t["links"][self.code], **self.facts)
        sentences = t["markdown"] | t["faults"]
        return str(sentences.get(self.code, sentences["other"])).format(**self.facts)


def cause(error: ErrorDetails) -> tuple[str, dict[str, Any]]:
    """Return the code and the facts of what pydantic found."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_field(str(error["loc"][-1]))
    for group in ("date", "time"):  # pydantic tells nine ways apart; the remedy is one
        if kind.startswith(f"{group}_") and kind != "date_or_period":
            return group, {}
    return kind, error.get("ctx", {}) | {"kinds": ", ".join(KINDS)}


def findings(error: ValidationError, *, skip: int = 0) -> list[Finding]:
    """Return what keeps a stored content from being sent; `skip`: that many first steps of each path."""
    found = []
    for each in first_causes(error):
        code, facts = cause(each)
        known = {name: value for name, value in facts.items() if isinstance(value, str | int)}
        found.append(Finding("error", code, place(steps(each)[skip:]), tuple(known.items())))
    return found


def first_causes(error: ValidationError) -> list[ErrorDetails]:
    """Return its errors but those that only follow from another: a list is too short when its items fail."""
    errors = error.errors()
    places = [each["loc"] for each in errors]
    return [e for e in errors if not any(e["loc"] == p[: len(e["loc"])] != p for p in places)]


def steps(error: ErrorDetails) -> list[int | str]:
    """Return the path of what pydantic found, as a file has it."""
    where = list(error["loc"])
    if where[:1] == ["blocks"] and where[2:3] and where[2] in KINDS:
        del where[2]  # pydantic's name for the member of the union: the file has no such step
    return where


def place(where: Sequence[int | str]) -> str:
    """Return a path as an author reads it: blocks[0].links[1].url."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).lstrip(".")


def _unknown_field(name: str) -> tuple[str, dict[str, Any]]:
    known = {field for model in _models() for field in model}
    nearest = difflib.get_close_matches(name, known, n=1)
    return ("mistyped", {"close": nearest[0]}) if nearest else ("extra_forbidden", {})


def _models() -> list[set[str]]:
    definitions = Content.model_json_schema()["$defs"].values()
    return [set(d.get("properties", {})) for d in definitions] + [set(Content.model_fields)]

"""Tell what is wrong in an issue file: a code and its facts, worded by templates/words/issues.yaml."""

import difflib
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import ErrorDetails

from mailer.core.i18n import words
from mailer.issues.blocks import KINDS, Content


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


def _unknown_field(name: str) -> tuple[str, dict[str, Any]]:
    known = {field for model in _models() for field in model}
    nearest = difflib.get_close_matches(name, known, n=1)
    return ("mistyped", {"close": nearest[0]}) if nearest else ("extra_forbidden", {})


def _models() -> list[set[str]]:
    definitions = Content.model_json_schema()["$defs"].values()
    return [set(d.get("properties", {})) for d in definitions] + [set(Content.model_fields)]

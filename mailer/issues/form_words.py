"""Say what the forms of blocks ask for, and what is wrong in them, in the author's language.  Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from mailer.core.i18n import words
from mailer.issues.blocks import PICTURES
from mailer.issues.drafts import Values
from mailer.issues.fields import Field, at
from mailer.issues.findings import Finding
from mailer.rendering.typography import typeset

HEAD = "head"
_STEP = re.compile(r"\[(\d+)\]")
_IN_GRID = re.compile(r"(?<=^rows)\..*")  # a fault of a cell is told beside its table
_BESIDE = {  # faults of a whole part
    "alt": ".alt", "alt_is_name": ".alt", "alt_useless": ".alt",
    "date_or_period": ".date", "start_or_end": ".start",
}  # fmt: skip
_EXCERPT = 60  # characters
_READERS: dict[str, Callable[[str], object]] = {"date": date.fromisoformat, "time": time.fromisoformat}
_READ = {"date": "2026-12-31", "time": "14:30"}


@dataclass(frozen=True)
class FormWords:
    """Hold the words of the composer in one language."""

    locale: str

    def name(self, kind: str) -> str:
        """Return what a kind of block is called."""
        return self._set(self._words["kinds"][kind]["name"])

    def about(self, kind: str) -> str:
        """Return in a sentence what a kind of block is for."""
        return self._set(self._words["kinds"][kind]["about"])

    def part(self, of: str) -> str:
        """Return what one part of a list is called."""
        return self._set(self._words["parts"][of])

    def label(self, owner: str, name: str) -> str:
        """Return what a field is called; `owner`: a kind, what a list is made of, or HEAD."""
        return self._set(self._field(owner, name)["label"])

    def help(self, owner: str, field: Field) -> str:
        """Return what to put in a field, "" when its label says it all."""
        own = self._set(self._field(owner, field.name)["help"])
        return own or (self._set(self._words["markdown"]) if field.type == "markdown" else "")

    def labelled(self, owner: str, name: str, text: str) -> str:
        """Return what is in a field after its label: Titre : Un hiver."""
        return self._set(f"{self.label(owner, name)}{words('issues', self.locale)['colon']} ") + text

    def yes(self) -> str:
        """Return what is said of a box that is ticked."""
        return str(self._words["yes"])

    def faults(self, found: list[Finding]) -> dict[str, str]:
        """Return the sentence to show beside each field, by its name in the form: links.0.url."""
        beside: dict[str, str] = {}
        for each in found:
            beside.setdefault(self.field_name(each), self._fault(each))
        return beside

    def fault_in(self, owner: str, of: tuple[Field, ...], fault: Finding) -> str:
        """Return the sentence of a fault after the name of its field: "Objet : à remplir avant l’envoi."."""
        if fault.code not in self._words["faults"]:
            return fault.sentence(self.locale)
        where = self.where(owner, of, self.field_name(fault))
        return self._set(f"{where}{words('issues', self.locale)['colon']} ") + self._fault(fault)

    def fault(self, code: str) -> str:
        """Return the sentence of a fault that needs no more to be said."""
        return self._set(self._words["faults"][code])

    def missing(self, kind: str, found: list[Finding]) -> list[str]:
        """Return the labels of the fields of a block in which something is wrong, each once."""
        names = dict.fromkeys(each.where.replace("[", ".").partition(".")[0] for each in found)
        return [self.label(kind, name) for name in names]

    def where(self, owner: str, of: tuple[Field, ...], name: str) -> str:
        """Return how one says where a field of a form is: "Rendez-vous 2, Jour"."""
        said: list[str] = []
        for step in name.split("."):
            if step.isdigit():
                said[-1] += f" {int(step) + 1}"
                continue
            said.append(self.label(owner, step))
            found = at(of, (step,))
            owner, of = (found.of, found.parts) if found else (owner, of)
        return ", ".join(said)

    @staticmethod
    def input_type(field: Field, value: Any) -> str:
        """Return the HTML type of a field: one for days would hide what is typed and is no day."""
        if field.type not in _READERS:
            return "text"
        try:
            _READERS[field.type](value or _READ[field.type])
        except (TypeError, ValueError):
            return "text"
        return field.type

    @staticmethod
    def field_name(found: Finding) -> str:
        """Return the name in the form of the field that a fault is about."""
        name = _STEP.sub(r".\1", found.where) + _BESIDE.get(found.code, "")
        name = _IN_GRID.sub("", name)
        return f"{name}.src" if name in PICTURES else name

    def _fault(self, found: Finding) -> str:
        code = "no_picture" if self.field_name(found).endswith(".src") else found.code
        said = self._words["faults"].get(code)
        return self._set(said.format(**dict(found.values))) if said else found.sentence(self.locale)

    def _field(self, owner: str, name: str) -> dict[str, str]:
        fields: dict[str, dict[str, str]] = self._words["fields"]
        return fields.get(f"{owner}.{name}") or fields[name]

    def _set(self, text: str) -> str:
        return typeset(text, self.locale)

    @property
    def _words(self) -> dict[str, Any]:
        return words("composer", self.locale)


def excerpt(block: Values) -> str:
    """Return the words one knows a block by: its title, or how its text begins."""
    links = block.get("image") or {}
    first = (
        block.get("title")
        or block.get("caption")
        or block.get("text")
        or block.get("label")
        or links.get("alt")
        or ""
    )
    line = " ".join(str(first).split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 1].rstrip()}…"

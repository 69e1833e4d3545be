"""Invent sample subscribers, at addresses that can belong to nobody (RFC 2606)."""

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_FIRST = [
    "Aïcha", "Amélie", "Anaïs", "Antoine", "Baptiste", "Camille", "Céline", "Chloé", "Élodie", "Émile",
    "Fatima", "Félix", "Françoise", "Gaël", "Hélène", "Inès", "Jérôme", "Joël", "Karim", "Léa", "Loïc",
    "Lucie", "Maëlle", "Malik", "Maud", "Mehdi", "Noé", "Noémie", "Océane", "Rémi", "Sofia", "Théo",
    "Zoé",
]  # fmt: skip
_LAST = [
    "Arnaud", "Benali", "Bertin", "Caron", "Delattre", "Delvaux", "Duhamel", "Fontaine", "Garnier",
    "Hamadi", "Lefèvre", "Lemoine", "Marchand", "Mercier", "Nguyen", "Olivier", "Petit", "Quentin",
    "Renard", "Sauvage", "Tessier", "Vasseur", "Wattel",
]  # fmt: skip
_DOMAINS = ("example.org", "example.com", "courrier.example", "association.example")


class Person(NamedTuple):
    """Hold an invented person."""

    email: str
    name: str | None


def sample(count: int) -> Iterator[Person]:
    """So many people, always the same ones; one in five gave no name."""
    for number in range(count):
        first = _FIRST[number % len(_FIRST)]
        last = _LAST[number // len(_FIRST) % len(_LAST)]
        again = number // (len(_FIRST) * len(_LAST))
        local = _plain(f"{first}.{last}{again or ''}")
        name = None if number % 5 == 4 else f"{first} {last}"
        yield Person(f"{local}@{_DOMAINS[number % len(_DOMAINS)]}", name)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))

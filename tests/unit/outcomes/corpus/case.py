"""A mail of the corpus, and what should be understood of it."""

from dataclasses import dataclass, field
from textwrap import dedent

US = "lettre@retour.example.org"


@dataclass(frozen=True)
class Case:
    name: str
    raw: bytes
    kind: str
    verdicts: dict[str, str] = field(default_factory=dict)  # of each recipient

    def __str__(self) -> str:
        return self.name


def written(name: str, kind: str, text: str, encoding: str = "utf-8", **verdicts: str) -> Case:
    """A mail as it stands; `verdicts`: of zoe for zoe@example.com, and so on (see PEOPLE)."""
    raw = dedent(text).lstrip("\n").encode(encoding)
    return Case(name, raw, kind, {PEOPLE[who]: verdict for who, verdict in verdicts.items()})


PEOPLE = {
    "zoe": "zoe@example.com",
    "yann": "yann@example.com",
    "paul": "paul.durand@example.net",
    "orange": "jeanne.petit@orange.fr",
    "wanadoo": "m.legrand@wanadoo.fr",
    "laposte": "c.blanc@laposte.net",
    "sfr": "nadia@sfr.fr",
    "free": "luc.martin@free.fr",
    "gmail": "amelie.roux@gmail.com",
    "outlook": "hugo.b@hotmail.fr",
    "yahoo": "lea_m@yahoo.fr",
    "aol": "tintin@aol.com",
    "gmx": "k.schmidt@gmx.de",
    "webde": "uwe@web.de",
    "tonline": "h.meier@t-online.de",
    "mailru": "ivan@mail.ru",
    "qq": "123456@qq.com",
    "ovh": "contact@asso-example.fr",
    "town": "mairie@ville-example.fr",
    "docomo": "hana..u.@docomo.ne.jp",
    "jp": "tanaka@example.co.jp",
}

"""What is wrong with an issue file, said to its author in their language.  Pure."""

import difflib

from pydantic_core import ErrorDetails

from mailer.issues.blocks import KINDS, Content

_FRENCH = {
    "missing": "champ obligatoire manquant",
    "unknown field": "champ inconnu",
    "did you mean": "vouliez-vous écrire",
    "unknown kind of block; known:": "genre de bloc inconnu ; connus :",
    "kind is missing; known:": "« kind » manque ; connus :",
    "one line, without control characters": "une seule ligne, sans caractère de contrôle",
    "no control characters": "pas de caractère de contrôle",
    "a full address, such as https://www.example.org/page": (
        "une adresse entière, comme https://www.example.org/page"
    ),
    "alt is missing: say what the image shows, or set decorative: true": (
        "« alt » manque : dites ce que montre l’image, ou mettez decorative: true"
    ),
    "give either a date or a period": "donnez soit une date, soit une période (period)",
    "a start needs a date, an end needs a start": "une heure de début veut une date, une fin veut un début",
    "no such file": "fichier introuvable",
    "not a whole PNG, JPEG or GIF image": "ce n’est pas une image PNG, JPEG ou GIF entière",
    "over 1 MB: reduce it": "plus de 1 Mo : réduisez-la",
    "over 25 million pixels: reduce it": "plus de 25 millions de pixels : réduisez-la",
    "must be inside the folder of the issue file": "doit être dans le dossier du fichier",
    "not text in UTF-8": "ce n’est pas du texte en UTF-8 : enregistrez le fichier dans ce codage",
    "not text that YAML can hold": "ce texte n’est pas du YAML",
    "must be a list of fields": "doit être une liste de champs",
    "must be a list": "doit être une liste (lignes qui commencent par un tiret)",
    "must be text: put it in quotes": "doit être du texte : mettez-le entre guillemets",
    "must be true or false": "doit être true ou false",
    "cannot be empty": "ne peut pas être vide",
    "too long: at most {max_length} characters": "trop long : au plus {max_length} caractères",
    "at least {min_length} of them": "il en faut au moins {min_length}",
    "at most {max_length} of them": "il en faut au plus {max_length}",
    "not of the form expected ({pattern})": "n’a pas la forme attendue ({pattern})",
    "must be {expected}": "doit être {expected}",
    "a day is written 2026-12-31": "un jour s’écrit 2026-12-31",
    "an hour is written 14:30": "une heure s’écrit 14:30",
}
_BY_TYPE = {
    "missing": "missing",
    "string_type": "must be text: put it in quotes",
    "string_too_short": "cannot be empty",
    "string_too_long": "too long: at most {max_length} characters",
    "string_pattern_mismatch": "not of the form expected ({pattern})",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list",
    "model_type": "must be a list of fields",
    "model_attributes_type": "must be a list of fields",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}


def say(sentence: str, locale: str) -> str:
    """Return the sentence in that language."""
    return _FRENCH.get(sentence, sentence) if locale == "fr" else sentence


def sentence(error: ErrorDetails, locale: str) -> str:
    """Return what pydantic found, in words that say what to write instead."""
    kind = error["type"]
    if kind in _BY_TYPE:
        return say(_BY_TYPE[kind], locale).format_map(error.get("ctx", {}))
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        start = "unknown kind of block; known:" if kind == "union_tag_invalid" else "kind is missing; known:"
        return f"{say(start, locale)} {', '.join(KINDS)}"
    if kind == "extra_forbidden":
        return _unknown_field(str(error["loc"][-1]), locale)
    if kind.startswith("date"):
        return say("a day is written 2026-12-31", locale)
    if kind.startswith("time"):
        return say("an hour is written 14:30", locale)
    return say(error["msg"].removeprefix("Value error, "), locale)


def _unknown_field(name: str, locale: str) -> str:
    known = {field for model in _models() for field in model}
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" ({say('did you mean', locale)} {close[0]}{' ' if locale == 'fr' else ''}?)" if close else ""
    return say("unknown field", locale) + hint


def _models() -> list[set[str]]:
    definitions = Content.model_json_schema()["$defs"].values()
    return [set(d.get("properties", {})) for d in definitions] + [set(Content.model_fields)]

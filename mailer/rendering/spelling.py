"""Find the typography that a rendering cannot mend by itself, and mend it where somebody asks.  Pure.

`typography.typeset` makes spaces no-break ones; here are spaces that are missing, accents of capitals,
straight quotation marks and the like. Addresses, merge fields and Markdown’s own signs are left alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailer.rendering.typography import typeset

_ACCENTED = (
    "À Ça École Écoles Écologie Écologique Économie Économies Économique Économiques Écran Écrans Écrire "
    "Éditeur Édition Éditions Édito Éditorial Éducation Égal Égalité Également Église Élaboration "
    "Élargissement Élection Élections Électricité Électrique Élément Éléments Élève Élèves Élu Élue "
    "Élues Élus Émission Émissions Énergie Énergies Énergétique Enquête Épargne Épicerie Équilibre "
    "Équipe Équipement Équipements Équipes Équité Érosion Établissement Établissements Étape Étapes État "
    "États Été Étoile Étranger Étrangers Être Étude Études Étudiant Étudiante Étudiantes Étudiants "
    "Évaluation Évaluations Événement Événements Évidemment Évolution Évolutions Île Îles Îlot Âge Âgé "
    "Âgée Âgés"
)
_AFTER_A = (
    "la|l['’]|vos|ce|cet|cette|ces|noter|savoir|voir|venir|partir|travers|bientôt|tous|toutes|compter|"
    "propos|découvrir|lire|suivre|retenir|nouveau|l['’]heure|terme|ne|cause|défaut|titre|chacun|chaque"
)
_LIGATURES = "oeuvr|coeur|soeur|boeuf|noeud|voeu|oeil|oeuf|moeurs|choeur|manoeuvr|oedème|oecumén|foetus"
_PLAIN = str.maketrans("ÀÂÇÉÈÊÎÔ", "AACEEEIO")
_BARE = {bare: word for word in _ACCENTED.split() if (bare := word[0].translate(_PLAIN) + word[1:]) != word}
_SKIPPED = re.compile(
    r"\ue000[^\ue001]*\ue001|\{\{[^{}]*\}\}|\]\([^)\n]*\)|<[^<>\s]+>|`[^`]*`|^\[[^\]]+\]:.*$|"
    r"\w+://\S+|www\.\S+|mailto:\S+|\S+@\S+|&#?\w+;|\\.",
    re.MULTILINE,
)
# one of these is in all that is left alone
_SIGNS = "\ue000", "{{", "](", "<", "`", "]:", "//", "www.", "mailto:", "@", "&", "\\"
_MASK = "\ufffc"
_BREAKABLE = {0xA0: " ", 0x202F: " "}
_SPACED = frozenset({"typo_space", "typo_quotes", "typo_hour"})  # whose new spaces are no-break ones
_SHOWN = 14  # characters around what is wrong
Replacement = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Rule:
    """Hold what one rule of typography finds, and what it is replaced with."""

    code: str
    pattern: re.Pattern[str]
    replacement: Replacement


@dataclass(frozen=True)
class Slip:
    """Hold what is set wrongly, and how it is set well; both with a few words around."""

    code: str
    shown: str
    better: str


def _accented(match: re.Match[str]) -> str:
    return _BARE[match[0]]


def _ligature(match: re.Match[str]) -> str:
    return match[0].replace("oe", "œ").replace("Oe", "Œ").replace("OE", "Œ")


def _hour(match: re.Match[str]) -> str:
    return f"{match[1]}\u00a0h" + (f"\u00a0{match[2]}" if match[2] else "")


_ANY = (
    Rule("typo_apostrophe", re.compile(r"(?<=\w)['´](?=\w)"), "’"),
    Rule("typo_ellipsis", re.compile(r"(?<!\.)(?<!\betc)\.{3}(?!\.)"), "…"),
    Rule("typo_comma", re.compile(r"(?<=\w) +([,.])(?=\s|\Z)"), r"\1"),
)
_FRENCH = (
    Rule("typo_space", re.compile(r"(?<=[^\s\d;:!?«(\[/\\.,…-])([;:!?]+)(?=\s|»|\Z)"), r" \1"),
    Rule("typo_space", re.compile(r"«(?=[^\s])"), "« "),
    Rule("typo_space", re.compile(r"(?<=[^\s])»"), " »"),
    Rule("typo_space", re.compile(r"(?<=\d)(%|[kM]?€)(?!\w|\()"), "\u202f\\1"),
    Rule("typo_space", re.compile(r"\bn°(?=\d)"), "n° "),
    Rule("typo_quotes", re.compile(r"[\"“]([^\"“”\n]+)[\"”]"), r"« \1 »"),
    Rule("typo_accent", re.compile(rf"\b(?:{'|'.join(w for w in _BARE if len(w) > 1)})\b"), _accented),
    Rule("typo_accent", re.compile(rf"(?:(?<=[.!?…] )|(?<![^\n]))A(?= (?:{_AFTER_A})\b)"), "À"),
    Rule("typo_ligature", re.compile(rf"\b(?:{_LIGATURES})", re.IGNORECASE), _ligature),
    Rule("typo_ordinal", re.compile(r"\b1(?:ère|ere|ière)(s?)\b"), r"1re\1"),
    Rule("typo_ordinal", re.compile(r"\b(\d+)(?:ième|ieme|ème|eme)(s?)\b"), r"\1e\2"),
    Rule("typo_hour", re.compile(r"\b([01]?\d|2[0-3])[hH](?: ?([0-5]\d))?\b"), _hour),
    Rule("typo_hour", re.compile(r"\b([01]?\d|2[0-3]) [hH]([0-5]\d)\b"), _hour),
    Rule("typo_short", re.compile(r"\bMr\.?(?= [A-ZÉ])"), "M."),
    Rule("typo_short", re.compile(r"\betc(?:\.{2,}|\.?…)"), "etc."),
)


def _rules(locale: str) -> tuple[Rule, ...]:
    return (*_FRENCH, *_ANY) if locale == "fr" else _ANY


def slips(text: str, locale: str) -> Iterator[Slip]:
    """Yield what is set wrongly in a line without Markdown: the first of each code."""
    codes, masked = set[str](), _masked(text)
    for rule in _rules(locale):
        if rule.code not in codes and (match := rule.pattern.search(masked)):
            codes.add(rule.code)
            before, after = _around(text, match)
            shown = text[match.start() : match.end()]
            better = typeset(f"{before}{_replaced(rule, match, text)}{after}", locale)
            yield Slip(rule.code, f"{before}{shown}{after}", better)


def mended(text: str, locale: str, code: str) -> str:
    """Return a text, in Markdown or not, with what that code names set well."""
    for rule in _rules(locale):
        if rule.code == code:
            text = _everywhere(rule, text)
    return typeset(text, locale) if code in _SPACED else text


def _everywhere(rule: Rule, text: str) -> str:
    pieces, end = list[str](), 0
    for match in rule.pattern.finditer(_masked(text)):
        pieces += text[end : match.start()], _replaced(rule, match, text)
        end = match.end()
    return "".join(pieces) + text[end:]


def _masked(text: str) -> str:
    """Return as many characters, in which what is left alone cannot be read; what is set well looks so."""
    plain = text.translate(_BREAKABLE)
    if not any(sign in plain for sign in _SIGNS):
        return plain
    return _SKIPPED.sub(lambda skipped: _MASK * len(skipped[0]), plain)


def _replaced(rule: Rule, match: re.Match[str], text: str) -> str:
    """Return what a match is replaced with, and what was masked in it as it was."""
    new = match.expand(rule.replacement) if isinstance(rule.replacement, str) else rule.replacement(match)
    kept = (text[at] for at in range(match.start(), match.end()) if match.string[at] == _MASK)
    return "".join(next(kept) if character == _MASK else character for character in new)


def _around(text: str, match: re.Match[str]) -> tuple[str, str]:
    """Return the words before and after, at most _SHOWN characters of each."""
    before, after = text[: match.start()], text[match.end() :]
    if len(before) > _SHOWN:
        before = before[-_SHOWN:].partition(" ")[2] or before[-_SHOWN:]
    if len(after) > _SHOWN:
        after = after[:_SHOWN].rpartition(" ")[0] or after[:_SHOWN]
    return before, after

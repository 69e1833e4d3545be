"""Words have one home, complete in both languages; locales and templates' environments are made once."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import StrictUndefined

import mailer
from mailer.core.i18n import LOCALES, Explained, labels, words
from mailer.core.paths import templates_dir
from mailer.web.app import create_app

ROOT = Path(__file__).parents[2]
CODE = sorted((ROOT / "mailer").rglob("*.py"))
FILES = sorted((templates_dir() / "words").glob("*.yaml"))
OWN_LISTS = {"plain_language", "check_lists"}  # whose languages are two lists, and no translations
EVIDENCE = "mailer/subscribers/consent/wordings.py"  # docs/decisions/where-words-live.md
LABELS = words("labels", LOCALES[0])
FRENCH = re.compile(
    r"\b(?:le|la|les|un|une|des|du|est|vous|votre|nous|pas|pour|avec|ce|cette|de|par|dans|je|à|que|qui|d’|l’|n’|qu’)(?=\W|\b)",
    re.I,
)
UNSEEN = {
    "Access", "Act", "AlarmChannel", "Alert", "BodyPermission", "Change", "Confirmation", "DateOrder",
    "Decision", "Due", "Erasure", "Keep", "MailKind", "Meaning", "Move", "Phase", "Portability",
    "Pressure", "Purpose", "Rectification", "ResolutionKind", "Restriction", "Sort",
    "SubscriptionState", "Task", "Theme", "TransactionEnd", "Whose",
}  # fmt: skip


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _strings(path: Path) -> Iterator[str]:
    """Every string but docstrings."""
    docs = {
        node.body[0].value
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            yield node.value


def _modules() -> Iterator[Any]:
    for each in pkgutil.walk_packages(mailer.__path__, "mailer."):
        if not each.name.endswith("__main__"):
            yield importlib.import_module(each.name)


@cache
def _subclasses(of: type[Any]) -> dict[str, Any]:
    return {
        found.__name__: found
        for module in _modules()
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, of) and found.__module__ == module.__name__
    }


def _lists_locales(node: ast.AST) -> bool:
    """Whether this writes the languages out: a list of them, or a dict that has one entry each."""
    if isinstance(node, ast.Dict):
        parts: list[ast.expr | None] = [*node.keys]
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        parts = [*node.elts]
    else:
        return False
    return set(LOCALES) <= {each.value for each in parts if isinstance(each, ast.Constant)}


def test_the_languages_are_listed_once() -> None:
    at = {_name(path) for path in CODE for node in ast.walk(_tree(path)) if _lists_locales(node)}
    # the second names PostgreSQL's own configurations
    assert at == {"mailer/core/i18n.py", "mailer/issues/archive.py", EVIDENCE}


def test_templates_environments_are_made_in_one_place() -> None:
    makes = re.compile(r"\bEnvironment\(|jinja_env\.(trim|lstrip|undefined)|[^_]Template\(")
    assert {_name(p) for p in CODE if makes.search(p.read_text())} == {"mailer/core/templating.py"}


def test_pages_refuse_a_name_they_do_not_know(settings: object) -> None:
    assert create_app().jinja_env.undefined is StrictUndefined


def test_words_are_read_in_one_place() -> None:
    reads = re.compile(r"yaml\.(safe_)?load\(")
    others = {
        "mailer/smtp/providers.py",
        "mailer/rendering/themes.py",
        "mailer/issues/yaml_file.py",
    }  # no words
    assert {_name(p) for p in CODE if reads.search(p.read_text())} == {"mailer/core/i18n.py", *others}


def test_word_files_stand_in_one_folder() -> None:
    found = {each.parent.name for each in templates_dir().rglob("*.yaml")}
    assert found == {"words", "themes", "lettre", "letter-en"}


def _shape(of: Any) -> Any:
    """The same for two languages that say the same things: keys, lengths, and the facts named."""
    if isinstance(of, dict):
        return {name: _shape(each) for name, each in of.items()}
    if isinstance(of, list):
        return [_shape(each) for each in of]
    assert of is not None
    return sorted(set(re.findall(r"\{(\w+)", str(of))))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_words_file_says_the_same_in_both_languages(path: Path) -> None:
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert tuple(said) == LOCALES
    if path.stem in OWN_LISTS:
        assert len({frozenset(said[locale]) for locale in LOCALES}) == 1
        return
    shapes = [_shape(said[locale]) for locale in LOCALES]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("locale", LOCALES)
def test_every_member_somebody_sees_has_a_label(locale: str) -> None:
    known = _subclasses(StrEnum)
    named = {key.partition(" ")[0] for key in LABELS}
    assert named | UNSEEN == set(known)
    assert named & UNSEEN == set()
    for key in LABELS:
        name, _, use = key.partition(" ")
        found = labels(known[name], locale, use)
        assert set(found) == set(known[name]), key
        assert all(found.values()), key
        assert set(words("labels", locale)[key]) <= set(known[name]), key


def test_every_error_a_door_says_has_its_sentences() -> None:
    for name, error in _subclasses(Explained).items():
        if error is not Explained:
            file, part = error.sentences
            assert words(file, LOCALES[0])[part], name


def test_the_codes_of_errors_have_sentences() -> None:
    raised = {code for path in CODE for code in _codes(path)}
    assert {name for name, _ in raised} >= {"BadTime", "NoMapping", "UnreadableFile", "AccountRefused"}
    known = _subclasses(Explained)
    for name, code in raised:
        file, part = known[name].sentences
        assert code in words(file, LOCALES[0])[part], (name, code)


def _codes(path: Path) -> Iterator[tuple[str, str]]:
    """The class and the code of each error raised with one written out."""
    known = set(_subclasses(Explained))
    for node in ast.walk(_tree(path)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in known
            and node.args
        ):
            for said in ast.walk(node.args[0]):
                if isinstance(said, ast.Constant) and isinstance(said.value, str):
                    yield node.func.id, said.value


def _is_french(text: str) -> bool:
    return len(FRENCH.findall(text)) > 1


def test_the_terminal_speaks_english() -> None:
    said = {(_name(path), text) for path in CODE if "/cli/" in str(path) for text in _strings(path)}
    assert {each for each in said if _is_french(each[1]) or set(each[1]) & set("éèàêç«»’")} == set()


def test_no_room_below_the_doors_says_a_french_sentence() -> None:
    """In the doors they go through gettext."""
    rooms = [p for p in CODE if p.parts[len(ROOT.parts) + 1] not in {"web", "cli", "demo"}]
    at = {_name(p) for p in rooms for text in _strings(p) if _is_french(text)}
    # The others read what mails and database servers say, and know how French is set.
    reads = {"mailer/privacy/mailbox/parse.py", "mailer/core/postgres.py", "mailer/rendering/spelling.py"}
    assert at == {EVIDENCE, *reads}

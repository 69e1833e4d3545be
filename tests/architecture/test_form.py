"""The form of the code: small functions, files without a table of contents, pure files that stay so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for room in ("mailer", "bench") for path in (ROOT / room).rglob("*.py"))
MAX_FILE, MAX_FUNCTION = 400, 45  # lines; most are far below
USUAL_FILE, USUAL_FUNCTION, USUALLY = 250, 20, 0.85
PURE = ("core/address", "core/hmac", "rendering/merge_fields", "rendering/markdown", "rendering/local_time",
        "smtp/replies", "smtp/encoding", "smtp/providers", "subscribers/eligibility", "issues/blocks",
        "issues/states", "issues/render", "delivery/message", "privacy/cases/deadlines",
        "privacy/mailbox/parse")  # fmt: skip
IMPURE = {"sqlalchemy", "flask", "celery", "redis", "psycopg", "mailer.core.db", "mailer.core.settings"}


def _functions() -> Iterator[tuple[str, int]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_files_are_small() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: n for name, n in lines.items() if n > MAX_FILE} == {}
    assert sum(n <= USUAL_FILE for n in lines.values()) / len(lines) >= USUALLY


def test_functions_are_small() -> None:
    lengths = dict(_functions())
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION} == {}
    assert sum(n <= USUAL_FUNCTION for n in lengths.values()) / len(lengths) >= USUALLY


@pytest.mark.parametrize("name", PURE)
def test_pure_files_import_no_database_and_no_framework(name: str) -> None:
    found = set(_imports(ROOT / "mailer" / f"{name}.py"))
    assert {module for module in found if module in IMPURE or module.split(".")[0] in IMPURE} == set()

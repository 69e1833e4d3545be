"""The form of the code: simple functions, files that do one thing, pure files that stay so."""

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_FILE = 73  # the complexity (McCabe) of its functions together: a dialogue of SMTP is the largest
SIMPLE, MOSTLY = 3, 0.9  # of a function; ruff's own bound is in pyproject.toml
PURE = ("core/address", "core/hmac", "rendering/merge_fields", "rendering/markdown", "rendering/local_time",
        "smtp/replies", "smtp/encoding", "smtp/providers", "subscribers/eligibility", "issues/blocks",
        "issues/state_machine", "issues/render", "delivery/message", "privacy/cases/deadlines",
        "privacy/mailbox/parse", "rendering/plain_text", "outcomes/report", "outcomes/phrases",
        "outcomes/addresses", "outcomes/mime", "outcomes/signs", "outcomes/delivery_status",
        "outcomes/returned", "outcomes/free_text", "outcomes/classify", "outcomes/incoming",
        "outcomes/feedback", "outcomes/bounce")  # fmt: skip
IMPURE = {"sqlalchemy", "flask", "celery", "redis", "psycopg", "mailer.core.db", "mailer.core.settings"}


@pytest.fixture(scope="module")
def complexities() -> list[tuple[str, int]]:
    """Count the complexity of each function, by file, as ruff does."""
    ruff = (sys.executable, "-m", "ruff", "check", "--select=C901", "--config=lint.mccabe.max-complexity=0",
            "--output-format=json", "mailer", "bench")  # fmt: skip
    told = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return [(each["filename"], _count(each["message"])) for each in json.loads(told)]


def _count(message: str) -> int:
    found = re.search(r"\((\d+) > 0\)", message)
    assert found, message
    return int(found[1])


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_no_file_does_too_much(complexities: list[tuple[str, int]]) -> None:
    together: Counter[str] = Counter()
    for file, complexity in complexities:
        together[file] += complexity
    assert {file: total for file, total in together.items() if total > MAX_FILE} == {}


def test_most_functions_are_simple(complexities: list[tuple[str, int]]) -> None:
    assert len(complexities) > 1000
    assert sum(complexity <= SIMPLE for _, complexity in complexities) / len(complexities) >= MOSTLY


def test_every_csv_is_written_in_one_place() -> None:
    """There a spreadsheet runs no cell of it."""
    writes = re.compile(r"csv\.(writer|DictWriter)|from csv import")
    found = {
        str(p.relative_to(ROOT)) for p in (ROOT / "mailer").rglob("*.py") if writes.search(p.read_text())
    }
    assert found == {"mailer/core/export_file.py"}


@pytest.mark.parametrize("name", PURE)
def test_pure_files_import_no_database_and_no_framework(name: str) -> None:
    found = set(_imports(ROOT / "mailer" / f"{name}.py"))
    assert {module for module in found if module in IMPURE or module.split(".")[0] in IMPURE} == set()

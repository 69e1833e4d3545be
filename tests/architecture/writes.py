"""Find which tables a source file writes: by statements, rows added or deleted, attributes set, and SQL.

Types are followed as far as annotations tell: of parameters, of results, of fields, and `select(Model)`.  A
value whose type nobody can tell counts as a row of any table that has such a column.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mailer.core.db import Base
from mailer.models import metadata

ROOT = Path(__file__).parents[2]
UNKNOWN = "?"  # a table that only the run tells
Types = frozenset[str]  # qualified names of classes; a list of rows counts as a row
_NOTHING: Types = frozenset()
_SESSION = "sqlalchemy.orm.Session"
_BINDING = (ast.arg, ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For, ast.comprehension, ast.withitem)
_STATEMENTS = frozenset({"insert", "update", "delete"})
_ROWS = frozenset({"add", "add_all", "delete", "merge"})  # of a session
_SQL = re.compile(
    r"\b(?:INSERT INTO|(?<!FOR )(?<!KEY )(?<!DO )UPDATE|DELETE FROM|MERGE INTO|TRUNCATE(?: TABLE)?|COPY)"
    r"(?: ONLY)? (\w+|\?)"
)  # fmt: skip


class Write(NamedTuple):
    """A line that changes a table; one of several where the source alone does not tell which."""

    path: str
    line: int
    tables: frozenset[str]


def _models() -> dict[str, tuple[str, frozenset[str]]]:
    """Each model with its table, and its attributes."""
    return {
        f"{mapper.class_.__module__}.{mapper.class_.__name__}": (
            str(mapper.local_table.description), frozenset(mapper.attrs.keys())
        )
        for mapper in Base.registry.mappers
    }  # fmt: skip


MODELS = _models()
FILES = {table: model.rpartition(".")[0] for model, (table, _) in MODELS.items()}


@dataclass
class Source:
    """A file: what its names stand for, what its functions return, what its classes hold."""

    module: str
    path: str
    tree: ast.Module
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                self.names |= {alias.asname or alias.name: alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                self.names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                self.names[node.name] = f"{self.module}.{node.name}"

    def qualified(self, node: ast.AST | None) -> str:
        """Return the full name of `name` or `module.name`; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, "")
        if isinstance(node, ast.Attribute) and (of := self.qualified(node.value)):
            return f"{of}.{node.attr}"
        return ""

    def annotated(self, node: ast.AST | None) -> Types:
        """Return every class that an annotation names."""
        return frozenset(filter(None, map(self.qualified, ast.walk(node)))) if node else _NOTHING

    def declared(self) -> Iterator[tuple[str, Types]]:
        """Give what each function returns, and what each field of a class holds."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef):
                yield f"{self.module}.{node.name}", self.annotated(node.returns)
            elif isinstance(node, ast.ClassDef):
                yield from self._members(f"{self.module}.{node.name}", node)

    def _members(self, name: str, of: ast.ClassDef) -> Iterator[tuple[str, Types]]:
        for node in of.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield f"{name}.{node.target.id}", self.annotated(node.annotation)
            elif isinstance(node, ast.FunctionDef):
                yield f"{name}.{node.name}", self.annotated(node.returns)
                yield from self._kept(name, node)

    def _kept(self, name: str, method: ast.FunctionDef) -> Iterator[tuple[str, Types]]:
        """Give the fields that a method sets to what it was given, or makes."""
        given = {
            each.arg: self.annotated(each.annotation)
            for each in ast.walk(method)
            if isinstance(each, ast.arg)
        }
        for node in ast.walk(method):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                        made = node.value.func if isinstance(node.value, ast.Call) else node.value
                        known = given.get(made.id) if isinstance(made, ast.Name) else None
                        yield f"{name}.{target.attr}", known or self.annotated(made)


def read(text: str, path: str) -> Source:
    """Parse a file that stands, or would stand, at that path of the repository."""
    return Source(path.removesuffix(".py").replace("/", "."), path, ast.parse(text))


@lru_cache(maxsize=1)
def sources() -> list[Source]:
    """Return every file of mailer/."""
    files = sorted((ROOT / "mailer").rglob("*.py"))
    return [read(file.read_text(), str(file.relative_to(ROOT))) for file in files]


@lru_cache(maxsize=1)
def _declared() -> dict[str, Types]:
    declared: dict[str, Types] = {}
    for name, types in (pair for source in sources() for pair in source.declared()):
        declared[name] = declared.get(name, _NOTHING) | types
    return declared


def writes(source: Source) -> Iterator[Write]:
    """Give every write of a file."""
    prose = {id(text) for text in _docstrings(source.tree)}
    for text in ast.walk(source.tree):
        if isinstance(text, ast.Constant | ast.JoinedStr) and id(text) not in prose:
            for table in _written_by(_text(text)):
                yield Write(source.path, text.lineno, frozenset({table}))
    for function, of in _functions(source.tree):
        scope = Scope(source, function, of and f"{source.module}.{of}")
        for node in scope.nodes:
            yield from scope.writes(node)


def session_calls(source: Source) -> Iterator[ast.Call]:
    """Give every call of a session's methods."""
    for function, of in _functions(source.tree):
        scope = Scope(source, function, of and f"{source.module}.{of}")
        for node in scope.nodes:
            if isinstance(node, ast.Call) and scope.is_of_a_session(node):
                yield node


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    """Give what is said to people: a text that is a statement by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from (each for each in node.values if isinstance(each, ast.Constant))


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(_text(each) if isinstance(each, ast.Constant) else UNKNOWN for each in node.values)


def _written_by(sql: str) -> list[str]:
    found = _SQL.findall(re.sub(r"\s+", " ", sql))
    return [table for table in found if table in metadata.tables or table == UNKNOWN]


def _functions(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Give each function that is in no other one, with its class; and the module, for what is in none."""
    owners: list[ast.Module | ast.ClassDef] = [tree]
    owners += [each for each in ast.walk(tree) if isinstance(each, ast.ClassDef)]
    for of in owners:
        for node in of.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node, of.name if isinstance(of, ast.ClassDef) else ""
    yield (
        ast.Module([each for each in tree.body if not isinstance(each, ast.ClassDef | ast.FunctionDef)], []),
        "",
    )


class Scope:
    """A function, with those inside it: what its names hold."""

    def __init__(self, source: Source, function: ast.AST, of: str) -> None:
        """`of`: the class whose method it is."""
        self._source = source
        self._held: dict[str, Types] = {"self": frozenset({of})} if of else {}
        self.nodes = list(ast.walk(function))
        binding = [node for node in self.nodes if isinstance(node, _BINDING)]
        for _ in range(3):  # a name may be bound below where it is read
            for node in binding:
                for target, types in self.bound(node):
                    self._bind(target, types)

    def writes(self, node: ast.AST) -> Iterator[Write]:
        """Give what a node of it changes."""
        if isinstance(node, ast.Call):
            yield from self._at(node, self._called(node))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield from self._at(node, self._set(node))

    def _at(self, node: ast.expr, tables: frozenset[str]) -> Iterator[Write]:
        if tables:
            yield Write(self._source.path, node.lineno, tables)

    def _called(self, node: ast.Call) -> frozenset[str]:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        first = node.args[0] if node.args else node
        if name in _STATEMENTS and isinstance(node.func, ast.Attribute) and _is_table(node.func.value):
            return _tables(self._of(node.func.value))
        function = self._source.qualified(node.func)
        if function.startswith("sqlalchemy.") and function.rpartition(".")[2] in _STATEMENTS:
            return _tables(self._of(first)) or frozenset({UNKNOWN})
        if name == "setattr":
            return _tables(self._of(first))
        if name in _ROWS and isinstance(node.func, ast.Attribute):
            told = _tables(self._of(first))
            return told or (frozenset({UNKNOWN}) if self.is_of_a_session(node) else told)
        return frozenset()

    def _set(self, node: ast.Attribute) -> frozenset[str]:
        of = self._of(node.value)
        return _tables(model for model in of or MODELS if model in MODELS and node.attr in MODELS[model][1])

    def is_of_a_session(self, node: ast.Call) -> bool:
        """Whether it calls a method of a session."""
        return isinstance(node.func, ast.Attribute) and _SESSION in self._of(node.func.value)

    def bound(self, node: ast.AST) -> Iterator[tuple[ast.AST, Types]]:
        """Give what a node binds, with what that holds from then on."""
        if isinstance(node, ast.arg):
            yield ast.Name(node.arg), self._source.annotated(node.annotation)
        elif isinstance(node, ast.Assign):
            yield from ((target, self._of(node.value)) for target in node.targets)
        elif isinstance(node, ast.AnnAssign):
            yield node.target, self._source.annotated(node.annotation)
        elif isinstance(node, ast.NamedExpr):
            yield node.target, self._of(node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            yield node.target, self._of(node.iter)
        elif isinstance(node, ast.withitem) and node.optional_vars:
            yield node.optional_vars, self._of(node.context_expr)

    def _bind(self, target: ast.AST, types: Types) -> None:
        for name in ast.walk(target):
            if isinstance(name, ast.Name) and not isinstance(target, ast.Attribute):
                self._held[name.id] = self._held.get(name.id, _NOTHING) | types

    def _of(self, node: ast.AST) -> Types:
        """Return the classes that a value may be of, or hold rows of."""
        if isinstance(node, ast.Name):
            return self._held.get(node.id) or frozenset({self._source.qualified(node)} - {""})
        if isinstance(node, ast.Attribute):
            return self._field(node)
        if isinstance(node, ast.Call):
            return self._result(node)
        inside = (self._of(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr))
        return frozenset().union(*inside)

    def _field(self, node: ast.Attribute) -> Types:
        if _is_table(node):
            return self._of(node.value)
        if qualified := self._source.qualified(node):
            return frozenset({qualified} - {f"{of}.{node.attr}" for of in MODELS})
        fields = (_declared().get(f"{of}.{node.attr}", _NOTHING) for of in self._of(node.value))
        return frozenset().union(*fields)

    def _result(self, node: ast.Call) -> Types:
        """Return what a function of ours gives; of others, what they were given: `db.scalars(query)`."""
        functions = self._of(node.func)
        if ours := [_declared()[each] for each in functions if each in _declared()]:
            return frozenset().union(*ours)
        if functions & MODELS.keys():
            return functions
        given = (self._of(each) for each in node.args)
        receiver = self._of(node.func.value) if isinstance(node.func, ast.Attribute) else _NOTHING
        return frozenset().union(receiver, *given) - {_SESSION}


def _is_table(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "__table__"


def _tables(types: "Iterator[str] | Types") -> frozenset[str]:
    return frozenset(MODELS[each][0] for each in types if each in MODELS)

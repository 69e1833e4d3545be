"""Find the files that are not Python: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def templates_dir() -> Path:
    """Return the folder of templates."""
    return _folder("templates")


def migrations_dir() -> Path:
    """Return Alembic's script location."""
    return _folder("migrations")


def translations_dir() -> Path:
    """Return the catalogues of the pages."""
    return _PACKAGE / "translations"


def _folder(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name

"""Load the colours and fonts of a theme."""

from functools import cache

import yaml

from mailer.core.paths import templates_dir


@cache
def theme(name: str) -> dict[str, str]:
    """Return the colours and the font of a theme."""
    text = (templates_dir() / "issue" / "themes" / f"{name}.yaml").read_text(encoding="utf-8")
    tokens: dict[str, str] = yaml.safe_load(text)
    return tokens

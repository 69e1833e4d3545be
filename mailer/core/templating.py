"""Make every Jinja environment of the service: a name a template does not know is an error, never a blank."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

# Flask makes its own environment, and takes these.
OPTIONS: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}


def environment(
    folder: Path, *, escape: bool = True, finalize: Callable[[Any], Any] | None = None
) -> Environment:
    """Return the environment of a folder of templates, whose values are escaped unless it makes no markup.

    Filters and globals are the caller's to add: typography and the like are known to the rooms above.
    """
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=escape,  # noqa: S701 -- what makes no markup says so
        finalize=finalize,
        **OPTIONS,
    )

"""Say why a row was refused, to whoever reads the report.  No sentence quotes an address."""

from mailer.core.i18n import LOCALES, label
from mailer.imports.rows import MAX_SOURCE, Refused

_LIMITS = {"max_source": MAX_SOURCE, "locales": ", ".join(LOCALES)}


def sentence(reason: str, locale: str) -> str:
    """Return what is wrong with a row, in words.  Raises ValueError on what is no reason."""
    return label(Refused(reason), locale).format(**_LIMITS)

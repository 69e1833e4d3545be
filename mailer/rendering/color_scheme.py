"""Show a mail as one colour scheme has it, whatever the browser around it prefers.  Pure.

A mail says its dark colours in @media (prefers-color-scheme: dark), and no page can set that for a frame.
"""

import re

_STYLE = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)  # no author's text is in one
_DARK = "@media (prefers-color-scheme: dark)"
_BOTH = "color-scheme: light dark; supported-color-schemes: light dark;"


def fixed(page: str, *, dark: bool) -> str:
    """Return the page with its dark rules always on, or always off."""
    return _STYLE.sub(lambda style: _fixed(style[0], dark), page)


def _fixed(style: str, dark: bool) -> str:
    scheme = "dark" if dark else "light"
    ruled = style.replace(_DARK, "@media all" if dark else "@media not all")
    return ruled.replace(_BOTH, f"color-scheme: {scheme};")

"""Name the reason of each finding: several codes may share one.  Pure."""

from collections.abc import Container

_SHARED = {
    "audience": "audience_empty audience_fell introductions_wait",
    "greeting": "greets_twice salutation",
    "picture": "picture_too_small picture_width",
    "hours": "hour_skipped hour_twice ends_before_start ends_next_day",
    "link_words": "vague_link same_label address_as_words",
    "alt": "long_alt alt_is_name alt_useless alt_opening alt_repeats alt_and_decorative",
    "past": "past_deadline past_event past_day",
    "wrong_day": "wrong_weekday no_such_day",
    "colophon": "no_colophon no_director",
    "headings": "no_main_title heading_skipped",
    "remote": "remote_font remote_image pixel",
    "text_part": "text_lacks_link text_lacks_words",
    "contrast": "contrast_light contrast_dark",
    "visit": "link_dead link_guarded visit_private visit_unknown_host visit_timeout visit_unreachable "
    "visit_certificate visit_redirects",
    "language": "text_in_fr text_in_en",
    "typography": "typo_space typo_quotes typo_apostrophe typo_ellipsis typo_comma typo_accent typo_ligature "
    "typo_ordinal typo_hour typo_short",
}  # fmt: skip
_REASON = {code: reason for reason, codes in _SHARED.items() for code in codes.split()}


def reason(code: str, written: Container[str]) -> str:
    """Return the key of `why` in templates/words/checks.yaml; `written`: the keys that are there."""
    own = _REASON.get(code, code)
    if own in written:
        return own
    if code.startswith("md_"):
        return "markdown"
    return "bad_link" if code.startswith("link_") else "unfinished"

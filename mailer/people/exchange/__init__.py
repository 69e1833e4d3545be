"""Consents given elsewhere, taken over from a file; and the file one gives away.

form (how it is written) -> mapping (which column says what) -> rows (what each row says) -> facts (what is
known of the person) -> taking (a chunk, in one transaction) -> intake (the whole file) -> jobs (as rows).
"""

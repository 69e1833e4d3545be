"""Take people over from a file, and give files of people away.

file_format (how it is written) -> columns (which column says what) -> rows (what each row says) -> decide
(what is known of the person) -> apply (a chunk, in one transaction) -> pipeline (the whole file) -> jobs (as
rows).
"""

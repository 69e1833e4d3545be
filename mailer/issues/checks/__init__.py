"""Check an issue before it may be sent, one thought a file.  Pure.

`check.py` runs them all, and is what others call; `letter.py` is what they look at. A new check is a file
with `findings(letter)`, a line in `check.py`, and its sentence and its reason in
templates/words/checks.yaml. An error stops the send; a warning is acknowledged, by name, by whoever
approves (`approval.py`); advice is shown. `mending.py` holds the corrections that a button can make.
"""

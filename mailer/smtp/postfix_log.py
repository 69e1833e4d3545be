"""A relay's own log, read for what it took.  Pure.

Postfix's cleanup names a Message-ID while the message is still coming in; only its queue manager's line says
that the message was taken: `qmgr[1]: 4Xy: from=<…>, size=…, nrcpt=1 (queue active)`.
"""

import re
from collections.abc import Iterable, Iterator

_CLEANUP = re.compile(r"postfix(?:/[\w-]+)*/cleanup\[\d+\]: (\w+): message-id=<([^<>\s]+)>")
_TAKEN = re.compile(r"postfix(?:/[\w-]+)*/qmgr\[\d+\]: (\w+): from=.*\(queue active\)")


def taken(lines: Iterable[str]) -> Iterator[str]:
    """Yield the Message-IDs, without brackets, of what a Postfix log shows as queued."""
    coming: dict[str, str] = {}
    for line in lines:
        if found := _CLEANUP.search(line):
            coming[found[1]] = found[2]
        elif (found := _TAKEN.search(line)) and (message_id := coming.pop(found[1], None)):
            yield message_id

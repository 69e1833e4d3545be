"""Run a command that must not outlive the process that started it.

python -m mailer.demo.child COMMAND…: standard input is a pipe whose other end the parent holds.  When it
closes, even by a kill -9 of the parent, the command and all it started are ended.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

STOP_TIMEOUT = 10.0  # seconds between asking and killing


def main() -> int:
    """Return the command's exit code."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_parent, args=(child,), daemon=True).start()
    code = child.wait()
    _signal(child.pid, signal.SIGKILL)  # whatever the command left behind
    return code


def _end_with_parent(child: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()
    child.send_signal(signal.SIGTERM)  # the command tells its own children
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_TIMEOUT)
        return
    _signal(child.pid, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main())

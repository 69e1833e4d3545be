"""Keep one MJML compiler at hand: a child process that starts once, and again when it has died.

To start a Python takes a hundred times as long as to compile a letter (docs/decisions/compiled-once.md).
The compiler is a process of its own because a few inputs crash the whole process it runs in.
"""

import atexit
import os
import subprocess
import sys
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Lock

from mailer.rendering.mjml_child import OK

TIMEOUT = 30.0  # seconds for one source
TRIES = 2  # a compiler that has died since it was last asked is started again, once


class CompilerFailed(Exception):
    """Say that there is no HTML, and why; the message is the compiler's."""


class Compiler:
    """Hold the child process: it serves one thread at a time, of the process that started it alone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._child: tuple[subprocess.Popen[bytes], Connection] | None = None

    def compile(self, source: str) -> str:
        """Return the HTML of a source.  Raises CompilerFailed."""
        with self._lock:
            answer = self._asked(source.encode())
        if answer[:1] != OK:
            raise CompilerFailed(answer[1:].decode(errors="replace"))
        return answer[1:].decode()

    def stop(self) -> None:
        """End the child process; the next source starts another."""
        if self._child:
            process, connection = self._child
            self._child = None
            connection.close()
            process.kill()
            process.wait()

    def forget(self) -> None:
        """Leave the child to the process that started it: this one was forked from it."""
        self._lock = Lock()
        if self._child:
            process, connection = self._child
            self._child = None
            process.returncode = 0  # nobody here waits for it
            connection.close()

    def _asked(self, source: bytes) -> bytes:
        for _ in range(TRIES):
            _process, connection = self._child or self._started()
            with suppress(EOFError, OSError):
                connection.send_bytes(source)
                if connection.poll(TIMEOUT):
                    return connection.recv_bytes()
                self.stop()
                raise CompilerFailed(f"no answer within {TIMEOUT:.0f} s")
            self.stop()
        raise CompilerFailed("the compiler died of it")

    def _started(self) -> tuple[subprocess.Popen[bytes], Connection]:
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "mailer.rendering.mjml_child", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self._child = process, ours
        return self._child


COMPILER = Compiler()
os.register_at_fork(after_in_child=COMPILER.forget)
atexit.register(COMPILER.stop)

"""The `mailer` command, in a process of its own each time; forked from one that has imported the product."""

import atexit
import gc
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

STREAMS = {"stdin": os.O_RDONLY, "stdout": os.O_WRONLY, "stderr": os.O_WRONLY}


def mailer(
    *arguments: str, input: str = "", env: Mapping[str, str] = os.environ, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    with TemporaryDirectory() as folder:
        files = {name: Path(folder, name) for name in STREAMS}
        for file in files.values():
            file.touch()
        files["stdin"].write_text(input)
        order = {"arguments": arguments, "env": dict(env), "cwd": str(cwd or Path.cwd()), "folder": folder}
        code = _forker(order)
        return subprocess.CompletedProcess(
            arguments, code, files["stdout"].read_text(), files["stderr"].read_text()
        )


def facts(*arguments: str, input: str = "") -> Any:
    """Run the command, and return the facts that it tells a program."""
    done = mailer(*arguments, "--json", input=input)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _forker(order: dict[str, Any]) -> int:
    """Have the order carried out; its exit code."""
    process = _started()
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    return int(process.stdout.readline())


@cache
def _started() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.commands"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    atexit.register(process.communicate)
    return process


def _become(order: dict[str, Any]) -> None:
    """Be as a process that was just started with these words, this environment and these files."""
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    for number, (name, flags) in enumerate(STREAMS.items()):
        os.dup2(os.open(Path(order["folder"], name), flags), number)
        setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
    sys.argv = ["mailer", *order["arguments"]]


def _live(order: dict[str, Any]) -> NoReturn:
    """Do what the command does, to its end; a whole interpreter is not taken down for it: that is slow."""
    code = 1
    try:
        _become(order)
        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _serve() -> None:
    """Fork for each order, a line each; say how it ended."""
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _live(json.loads(line))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    from mailer.cli import main

    _serve()

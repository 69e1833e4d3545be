"""One compiler stays at hand; it may die, and it belongs to the process that started it."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mailer.rendering.mjml_process import COMPILER, Compiler, CompilerFailed

LETTER = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"
)
FATAL = "<mjml><mj-body>" + "<mj-section>" * 50_000 + "</mj-section>" * 50_000 + "</mj-body></mjml>"


@pytest.fixture
def compiler() -> Iterator[Compiler]:
    made = Compiler()
    yield made
    made.stop()


def _process_of(compiler: Compiler) -> int:
    assert compiler._child
    return compiler._child[0].pid


def test_it_starts_once(compiler: Compiler) -> None:
    compiler.compile(LETTER.format("un"))
    first = _process_of(compiler)
    assert "deux" in compiler.compile(LETTER.format("deux"))
    assert _process_of(compiler) == first


def test_what_kills_it_is_an_error_and_the_next_letter_is_compiled(compiler: Compiler) -> None:
    with pytest.raises(CompilerFailed, match="died"):
        compiler.compile(FATAL)
    assert "après" in compiler.compile(LETTER.format("après"))


def test_what_it_refuses_does_not_end_it(compiler: Compiler) -> None:
    compiler.compile(LETTER.format("un"))
    first = _process_of(compiler)
    with pytest.raises(CompilerFailed):
        compiler.compile("<mjml><mj-body>")
    assert _process_of(compiler) == first


def test_one_that_was_killed_meanwhile_is_not_missed(compiler: Compiler) -> None:
    compiler.compile(LETTER.format("un"))
    os.kill(_process_of(compiler), signal.SIGKILL)
    assert "deux" in compiler.compile(LETTER.format("deux"))


def test_threads_get_their_own_letters(compiler: Compiler) -> None:
    with ThreadPoolExecutor(8) as threads:
        pages = list(threads.map(lambda n: compiler.compile(LETTER.format(f"numéro-{n};")), range(60)))
    assert all(f"numéro-{n};" in page for n, page in enumerate(pages))


def _compile_apart(results: "multiprocessing.SimpleQueue[tuple[bool, int]]") -> None:
    whole = all(f"apart-{n};" in COMPILER.compile(LETTER.format(f"apart-{n};")) for n in range(50))
    results.put((whole, _process_of(COMPILER)))


def test_a_forked_process_starts_its_own() -> None:
    COMPILER.compile(LETTER.format("before"))
    forking = multiprocessing.get_context("fork")
    results = forking.SimpleQueue()
    apart = forking.Process(target=_compile_apart, args=(results,))
    apart.start()
    assert all(f"here-{n};" in COMPILER.compile(LETTER.format(f"here-{n};")) for n in range(50))
    whole, theirs = results.get()
    apart.join()
    assert whole
    assert theirs != _process_of(COMPILER)

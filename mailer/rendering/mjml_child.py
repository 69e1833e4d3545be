"""Compile what comes over a connection, one source after the other, until its other end is closed.

python -m mailer.rendering.mjml_child FD.  It imports nothing of ours, so that it is ready early.
"""

import sys
from multiprocessing.connection import Connection

OK, FAILED = b"\0", b"\1"  # the first byte of an answer; after it the HTML, or why there is none


def _main(connection: Connection) -> None:
    import mjml  # noqa: PLC0415 -- only the child pays for it

    while True:
        try:
            source = connection.recv_bytes().decode()
        except EOFError:
            return
        try:
            answer = OK + mjml.mjml2html(source, fonts={}).encode()
        except BaseException as error:  # PanicException is no Exception
            answer = FAILED + f"{type(error).__name__}: {error}".encode()
        connection.send_bytes(answer)


if __name__ == "__main__":
    _main(Connection(int(sys.argv[1])))

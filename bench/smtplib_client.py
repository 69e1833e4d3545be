"""Send one message again and again by smtplib: python -m bench.smtplib_client PORT FILE COUNT THREADS.

Prints seconds and CPU as JSON.
"""

import json
import smtplib
import sys
import threading
import time
from pathlib import Path


def main() -> None:
    port, file, count, threads = sys.argv[1:]
    message = Path(file).read_text(encoding="ascii")  # smtplib makes the line ends CRLF
    shares = [len(range(start, int(count), int(threads))) for start in range(int(threads))]
    workers = [threading.Thread(target=_send, args=(int(port), message, share)) for share in shares]
    started, used = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.stdout.write(
        json.dumps({"seconds": time.perf_counter() - started, "cpu": time.process_time() - used})
    )


def _send(port: int, message: str, share: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        for _ in range(share):
            client.sendmail("lettre@example.org", ["someone@example.org"], message)


if __name__ == "__main__":
    main()

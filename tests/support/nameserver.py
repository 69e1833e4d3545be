"""A real little DNS server on loopback, over UDP: it answers what it is told, or stays silent."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Records = Mapping[tuple[str, str], Sequence[str]]  # (name, "MX") → records, in zone-file form


@contextmanager
def running_nameserver(records: Records, silent: Sequence[str] = ()) -> Iterator[str]:
    """Its IP:PORT; about names in `silent` it says nothing at all."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(udp, records, silent))
        thread.start()
        try:
            yield "{}:{}".format(*udp.getsockname())
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
                waker.sendto(b"", udp.getsockname())
            thread.join()


def _serve(udp: socket.socket, records: Records, silent: Sequence[str]) -> None:
    while True:
        wire, client = udp.recvfrom(65535)
        if not wire:
            return
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text(omit_final_dot=True)
        if name not in silent:
            udp.sendto(_answer(query, name, records).to_wire(), client)


def _answer(query: dns.message.Message, name: str, records: Records) -> dns.message.Message:
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.RA
    kind = query.question[0].rdtype.name
    if found := records.get((name, kind)):
        answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *found))
    elif all(known != name for known, _ in records):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer

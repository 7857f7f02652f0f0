"""Carries a jailed proof's connections to a PostgreSQL server that is elsewhere; it reads nothing of what it carries.

A proof has no network. What it has is a socket in a folder, and this process at the other end of it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

CHUNK = 65536
CONNECT_SECONDS = 10.0
MOST_CONNECTIONS = 32
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)


@contextlib.contextmanager
def relayed(folder: Path, to: Mapping[str, str]) -> Iterator[None]:
    """Until the block ends, a server socket in `folder` leads to the server of `to` (libpq's words for it)."""
    path = folder / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o777)  # the folder says who may come here
        listener.listen(MOST_CONNECTIONS)
        threading.Thread(target=_accept, args=(listener, to), daemon=True).start()
        try:
            yield
        finally:
            # Closing a socket does not wake who waits on it; this does.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, to: Mapping[str, str]) -> None:
    room = threading.BoundedSemaphore(MOST_CONNECTIONS)
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        if room.acquire(blocking=False):
            threading.Thread(target=_carry, args=(near, to, room), daemon=True).start()
        else:
            near.close()


def _carry(near: socket.socket, to: Mapping[str, str], room: threading.BoundedSemaphore) -> None:
    try:
        with near, _dial(to) as far:
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()
    except OSError:
        return
    finally:
        room.release()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _dial(to: Mapping[str, str]) -> socket.socket:
    host, port = to.get("host") or "localhost", int(to.get("port") or 5432)
    if host.startswith("/"):
        near = socket.socket(socket.AF_UNIX)
        near.connect(f"{host}/.s.PGSQL.{port}")
        return near
    plain = socket.create_connection((host, port), timeout=CONNECT_SECONDS)
    plain.settimeout(None)
    mode = to.get("sslmode") or "prefer"
    if mode in ("disable", "allow"):
        return plain
    plain.sendall(_SSL_REQUEST)
    if plain.recv(1) != b"S":
        if mode == "prefer":
            return plain
        plain.close()
        raise ConnectionError("the server has no TLS")
    return _context(to).wrap_socket(plain, server_hostname=host)


def _context(to: Mapping[str, str]) -> ssl.SSLContext:
    """As libpq: `prefer` and `require` ask for secrecy only, `verify-ca` for the issuer too, `verify-full` for the
    name too."""
    context = ssl.create_default_context(cafile=to.get("sslrootcert"))
    mode = to.get("sslmode")
    context.check_hostname = mode == "verify-full"
    if mode not in ("verify-ca", "verify-full"):
        context.verify_mode = ssl.CERT_NONE
    return context

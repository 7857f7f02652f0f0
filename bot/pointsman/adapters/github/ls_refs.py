"""Asks for some refs of a repository and no others; `git ls-remote` would have all of them sent each time.

It speaks the command `ls-refs` of git's protocol version 2 (gitprotocol-v2(5)) through git's own transport
(`stateless-connect`, gitremote-helpers(7)); it runs nothing itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pointsman.core.model import Sha

CONNECT = b"stateless-connect git-upload-pack\n"
"""What to write to `git remote-https` first. The request has to wait for its answer: git reads ahead on that line."""
REFUSED = b"fallback"
"""What it answers for a server that does not speak version 2."""
LONGEST_REQUEST = 32 * 1024
"""Bytes of a request; a pipe takes so much at once (and servers ignore prefixes from 65,536 on)."""
_FLUSH, _DELIMITER, _END = b"0000", b"0001", b"0002"


def request(prefixes: Collection[str]) -> bytes:
    """What to write to it then; needs nothing from what the server tells of itself."""
    words = ["command=ls-refs", "object-format=sha1"]
    listing = [f"ref-prefix {prefix}" for prefix in prefixes]
    return b"".join(
        (
            *map(_packet, words),
            _DELIMITER,
            *map(_packet, listing),
            _FLUSH,
        )
    )


def answered(output: bytes) -> dict[str, Sha] | None:
    """The refs by name; None where it is no whole answer, as of a server that only speaks an older version."""
    if not output.startswith(b"\n"):
        return None
    sections: list[list[bytes]] = [[]]
    try:
        for packet in _packets(output[1:]):
            if packet is None:
                sections.append([])
            else:
                sections[-1].append(packet)
    except ValueError:
        return None
    # What the server can do, what it answers, and nothing after the mark that the answer has ended.
    if len(sections) < 3 or not sections[0] or not sections[0][0].startswith(b"version 2"):
        return None
    refs: dict[str, Sha] = {}
    for line in sections[1]:
        oid, _, rest = line.rstrip(b"\n").partition(b" ")
        name = rest.split(b" ")[0].decode("utf-8", "surrogateescape")
        if oid != b"unborn" and name:
            refs[name] = Sha(oid.decode("ascii", "replace"))
    return refs


def _packet(line: str) -> bytes:
    data = line.encode("utf-8", "surrogateescape") + b"\n"
    return b"%04x" % (len(data) + 4) + data


def _packets(data: bytes) -> Iterator[bytes | None]:
    """The lines; None for the mark at the end of a section. ValueError where it is cut off."""
    at = 0
    while at < len(data):
        head = data[at : at + 4]
        if head in (_FLUSH, _DELIMITER, _END):
            yield None
            at += 4
            continue
        size = int(head, 16)
        if size < 4 or at + size > len(data):
            raise ValueError("cut off")
        yield data[at + 4 : at + size]
        at += size

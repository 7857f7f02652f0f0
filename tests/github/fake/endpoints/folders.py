"""What GitHub's contents endpoint says of a folder; it registers no endpoint."""

from __future__ import annotations

from urllib.parse import quote

from tests.github.fake.calls import Call
from tests.github.fake.state import Json

KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}


def folder(call: Call, sha: str, path: str, ref: str) -> list[Json] | None:
    """One item per entry; None where there is no such folder."""
    bare = call.repo.bare
    code, kind = bare.run("cat-file", "-t", f"{sha}:{path}", ok=(0, 128))
    if code != 0 or kind.strip() != b"tree":
        return None
    listed = bare.git("ls-tree", "-l", "-z", f"{sha}:{path}").split("\0")
    return [_item(call, path, ref, line) for line in listed if line]


def _item(call: Call, path: str, ref: str, line: str) -> Json:
    facts, name = line.split("\t", 1)
    _, kind, oid, size = facts.split()
    full = f"{path}/{name}"
    url = f"{call.repo.api_url}/contents/{quote(full)}?ref={quote(ref)}"
    page = f"{call.hub.url}/{call.repo.full_name}/blob/{ref}/{full}"
    git = f"{call.repo.api_url}/git/{kind}s/{oid}"
    return {
        "type": KINDS[kind],
        "size": 0 if size == "-" else int(size),
        "name": name,
        "path": full,
        "sha": oid,
        "url": url,
        "git_url": git,
        "html_url": page,
        "download_url": f"{call.hub.url}/raw/{call.repo.full_name}/{ref}/{full}" if kind == "blob" else None,
        "_links": {"self": url, "git": git, "html": page},
    }

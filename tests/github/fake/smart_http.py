"""git over HTTP: lets in, asks the branch rules, hands on to the real `git http-backend`; it keeps no objects."""

from __future__ import annotations

import gzip
import re
import subprocess
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from tests.github.fake import access, rules, updates
from tests.github.fake.bare import environment
from tests.github.fake.calls import Refused
from tests.github.fake.rules import Change
from tests.github.fake.state import ZERO, Credential

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub
    from tests.github.fake.repository import FakeRepository

ADDRESS = re.compile(r"/([\w.-]+)/([\w.-]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
COMMAND = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([^\0\n]+)")


def serve(hub: FakeGitHub, request: Request, path: str, body: bytes) -> Response:
    """Answers one request for git; 404 for pages."""
    found = ADDRESS.fullmatch(path)
    repo = hub.find(found[1], found[2]) if found else None
    if found is None or repo is None:
        return _text(404, "Not Found")
    service = request.query_params.get("service", found[3])
    writes = service == "git-receive-pack"
    try:
        who = access.identify(hub, request.headers.get("authorization"))
    except Refused:
        return _ask()
    if (answer := _gate(repo, who, writes)) is not None:
        return answer
    if repo.full_name.lower() != f"{found[1]}/{found[2]}".lower():
        query = f"?{request.url.query}" if request.url.query else ""
        return Response(status_code=301, headers={"Location": f"{repo.clone_url}/{found[3]}{query}"})
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    if found[3] != "git-receive-pack":
        return _backend(repo, request, found[3], body, who)
    with hub.lock:
        return _receive(repo, request, body, who)


def _text(status: int, text: str, **headers: str) -> Response:
    return Response(text + "\n", status, headers, "text/plain")


def _ask() -> Response:
    return Response(
        "Invalid username or token.\n", 401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, "text/plain"
    )


def _gate(repo: FakeRepository, who: Credential, writes: bool) -> Response | None:
    need = "contents:write" if writes else "contents:read"
    if access.allowed(who, repo, need):
        return None
    if who.account is None:
        return _ask()
    if not access.allowed(who, repo, "metadata:read"):
        return _text(404, "Repository not found.")
    if writes:
        return _text(403, f"Permission to {repo.full_name}.git denied to {who.name}.")
    return _text(403, "Write access to repository not granted.")


def _receive(repo: FakeRepository, request: Request, body: bytes, who: Credential) -> Response:
    commands, rest = parse_commands(body)
    refused = _refused(repo, commands, rest, who)
    if refused:
        return _report(body, commands, refused)
    response = _backend(repo, request, "git-receive-pack", body, who)
    for old, new, ref in commands:
        if (repo.bare.resolve(ref) or ZERO) == new and old != new:
            updates.moved(repo, ref, old, new, who, "git")
    return response


def parse_commands(body: bytes) -> tuple[list[tuple[str, str, str]], bytes]:
    """The ref updates asked for (old, new, ref), and what follows them: the pack."""
    found, at = [], 0
    while (size := int(body[at : at + 4] or b"0", 16)) != 0:
        if match := COMMAND.match(body[at + 4 : at + size]):
            found.append((match[1].decode(), match[2].decode(), match[3].decode(errors="replace")))
        at += size
    return found, body[at + 4 :]


Refusal = tuple[str, list[str]]
"""The short reason that stands beside the ref, and lines of explanation."""

RULES = "push declined due to repository rule violations"


def _refused(
    repo: FakeRepository, commands: list[tuple[str, str, str]], pack: bytes, who: Credential
) -> dict[str, Refusal]:
    """Refs that the branch rules, or the lack of `workflows` permission, do not let move."""
    branches = [(old, new, ref) for old, new, ref in commands if ref.startswith("refs/heads/")]
    ruled = {ref for _, _, ref in branches if rules.active(repo, ref.removeprefix("refs/heads/"))}
    narrow = who.kind != "user" and who.permissions.get("workflows") != "write"
    if (ruled or narrow) and pack.startswith(b"PACK"):
        # Both look at history: the objects must be there first. Refused ones stay behind, unreachable.
        repo.bare.run("unpack-objects", "-q", stdin=pack, ok=(0, 1, 128))
    found: dict[str, Refusal] = {}
    for old, new, ref in branches:
        change = Change(branch=ref.removeprefix("refs/heads/"), old=old, new=new)
        if ref in ruled and (why := rules.objections(repo, change, who)):
            text = [f"error: GH013: Repository rule violations found for {ref}.", ""]
            found[ref] = RULES, text + [f"- {reason}" for reason in why]
        elif narrow and new != ZERO and (file := _new_workflow(repo, new)):
            end = f"create or update workflow `{file}` without `workflows` permission"
            found[ref] = f"refusing to allow a GitHub App to {end}", []
    return found


def _new_workflow(repo: FakeRepository, new: str) -> str | None:
    """A workflow file that commits change which no ref of the repository has yet."""
    folder = ("--", ".github/workflows")
    code, out = repo.bare.run("log", "--format=", "--name-only", new, "--not", "--all", *folder, ok=(0, 128))
    names = out.decode(errors="replace").split("\n")
    return names[0] if code == 0 and names[0] else None


def _packet(data: bytes) -> bytes:
    return b"%04x" % (len(data) + 4) + data


def _report(body: bytes, commands: list[tuple[str, str, str]], refused: dict[str, Refusal]) -> Response:
    """A report-status that declines the push, worded as GitHub does; nothing of the push is taken."""
    report = _packet(b"unpack ok\n")
    for _, _, ref in commands:
        why = refused[ref][0] if ref in refused else "atomic push failure"
        report += _packet(f"ng {ref} {why}\n".encode())
    report += b"0000"
    if b"side-band-64k" in body[:2000]:
        text = "".join(line + "\n" for _, lines in refused.values() for line in lines).encode()
        said = _packet(b"\2" + text) if text else b""
        report = said + _packet(b"\1" + report) + b"0000"
    return Response(report, 200, media_type="application/x-git-receive-pack-result")


def _backend(repo: FakeRepository, request: Request, service: str, body: bytes, who: Credential) -> Response:
    cgi = {
        "GIT_PROJECT_ROOT": str(repo.bare.path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repo.bare.path.name}/{service}",
        "QUERY_STRING": request.url.query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_USER": who.name if who.account else "",
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
    }
    done = subprocess.run(
        ["git", "http-backend"], input=body, env=environment(cgi), capture_output=True, check=False
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(headers.pop("Status", "200 OK" if done.returncode == 0 else "500 failed").split(" ")[0])
    return Response(content, status, headers)

"""Runs one git command against another machine, bounded in time and output, its token in a pipe of its own; it knows
nothing of refs or of what the answers mean."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pointsman.adapters.git.process import sterile_environment
from pointsman.core.errors import EnvironmentProblem

LARGEST_OUTPUT = 64 * 1024 * 1024
"""Bytes of one command's answer: half a million refs."""
LARGEST_COMPLAINT = 64 * 1024
USER = "x-access-token"

_NETWORK = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH")
# A shell's `read` takes single bytes from a pipe, so one line goes out each time that git asks; nothing but the
# number of the descriptor is in the environment, and git asks only for the host and scheme the helper is bound to.
_HELPER = (
    '!f() { test "$1" = get || return 0; read -r token <"$POINTSMAN_CREDENTIAL" &&'
    rf' printf "username={USER}\npassword=%s\n" "$token"; }}; f'
)
_ASKED_AT_MOST = 4
_LONGEST_TOKEN = 1000
_SECRETS = re.compile(
    r"(?<=://)[^/@\s]+(?=@)|\b(?:gh[a-z]_|github_pat_)\w+|\bv1\.[0-9a-f]{40}\b|(?i:(?<=basic )|(?<=bearer ))\S+"
)
_UNPRINTABLE = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\u202a-\u202e\u2066-\u2069]"
)


class GitTokens(Protocol):
    """Where the token comes from: those of auth are such, and loading them is left to who needs PyGithub."""

    def token(self) -> str:
        """One that lasts a while yet. Errors: `ForgeUnavailable`, `ForgeRefused`."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How a command ended. `code` is None where it was cut off: by the time limit, or for writing too much."""

    code: int | None
    stdout: bytes
    stderr: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GitProcess:
    """git in one bare repository, speaking to one host. `address` is any URL there; a path of this machine only
    where `local` allows it, which is for tests."""

    git_dir: Path
    address: str
    local: bool = False
    stall: int = 60

    def run(
        self, *args: str, token: str | None, seconds: float, input: bytes = b"", then: bytes = b""
    ) -> Answer:
        """Run `git ARGS` to its end, `input` on its stdin and, once it has answered something, `then` (no more than a
        pipe holds); every process of it is gone when this returns.

        `stderr` holds no token. Errors: `EnvironmentProblem` when git can't be started."""
        with contextlib.ExitStack() as stack:
            env, passed = self._environment(), list[int]()
            if token is not None:
                passed.append(stack.enter_context(_piped(token)))
                env["POINTSMAN_CREDENTIAL"] = f"/dev/fd/{passed[0]}"
            stdin, rest = stack.enter_context(_talking(input, then) if then else _told(input))
            process = self._start(args, stdin, env, passed, credential=token is not None)
            try:
                stdout, stderr, whole = _collect(process, time.monotonic() + seconds, rest)
            finally:
                _end(process)
            said = without_secrets(stderr.decode(errors="replace"), token)
            return Answer(code=process.returncode if whole else None, stdout=stdout, stderr=said)

    def _start(
        self, args: Sequence[str], stdin: int, env: dict[str, str], passed: list[int], *, credential: bool
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                ["git", *self._options(credential), *args],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=env,
                cwd=self.git_dir,
                pass_fds=passed,
                process_group=0,
            )
        except OSError as problem:
            why = f"git can't be started in {self.git_dir}: {problem.strerror}"
            raise EnvironmentProblem(why) from problem

    def _options(self, credential: bool) -> list[str]:
        scheme = urlsplit(self.address).scheme
        settings = [
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "credential.helper=",
            "credential.useHttpPath=false",
            "gc.auto=0",
            "maintenance.auto=false",
            "protocol.version=2",
            "protocol.allow=never",
            "http.followRedirects=initial",
            "http.extraHeader=",
            f"http.lowSpeedLimit={1 if self.stall else 0}",
            f"http.lowSpeedTime={self.stall}",
            "transfer.fsckObjects=true",
            # Faults of old tools that many honest histories carry; nothing is ever checked out by them.
            *(f"fetch.fsck.{fault}=ignore" for fault in _OLD_FAULTS),
        ]
        if scheme in ("http", "https"):
            settings.append(f"protocol.{scheme}.allow=always")
        elif self.local:
            settings.append("protocol.file.allow=always")
        if credential:
            settings += [f"credential.{origin(self.address)}.helper={_HELPER}", "http.proactiveAuth=basic"]
        return [part for setting in settings for part in ("-c", setting)]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in (*_NETWORK, *_TRUST) if name in os.environ}
        return sterile_environment() | kept | {"GIT_DIR": str(self.git_dir)}


_OLD_FAULTS = (
    "badEmail",
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "multipleAuthors",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
)


def origin(address: str) -> str:
    """Scheme and host of a URL; '' for a path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def without_secrets(text: str, token: str | None) -> str:
    """The text without the token in any of its forms, and without what would steer a terminal."""
    if token:
        for secret in (token, b64encode(f"{USER}:{token}".encode()).decode()):
            text = text.replace(secret, "***")
    return _SECRETS.sub("***", _UNPRINTABLE.sub("", text))


@contextlib.contextmanager
def _piped(token: str) -> Iterator[int]:
    """A descriptor from which each line is the token. All of it fits into the smallest pipe there is (4,096 bytes),
    so writing can't wait for a reader."""
    if "\n" in token or len(token) > _LONGEST_TOKEN:
        raise EnvironmentProblem(
            "the token that GitHub gave can't be one: it has several lines or is too long"
        )
    source, sink = os.pipe()
    try:
        os.write(sink, f"{token}\n".encode() * _ASKED_AT_MOST)
        os.close(sink)
        yield source
    finally:
        os.close(source)


Rest = Callable[[], None]
"""Writes what is still to be said to the command, if anything, and no more than once."""


@contextlib.contextmanager
def _told(text: bytes) -> Iterator[tuple[int, Rest]]:
    """A stdin of any size that needs nobody to write it."""
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        yield file.fileno(), lambda: None


@contextlib.contextmanager
def _talking(text: bytes, then: bytes) -> Iterator[tuple[int, Rest]]:
    """A stdin on which `then` follows later; both are short enough for the pipe to take them at once."""
    source, sink = os.pipe()
    waiting = [then]
    with open(sink, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor has no path
        try:
            file.write(text)

            def rest() -> None:
                if waiting:
                    with contextlib.suppress(BrokenPipeError):
                        file.write(waiting.pop())
                    file.close()

            yield source, rest
        finally:
            os.close(source)


def _collect(process: subprocess.Popen[bytes], deadline: float, rest: Rest) -> tuple[bytes, bytes, bool]:
    """What it wrote to stdout and stderr, and whether it ended by itself. Complaints beyond the limit are dropped."""
    kept = {"stdout": bytearray(), "stderr": bytearray()}
    with selectors.DefaultSelector() as selector:
        for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, name)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(max(left, 0))
            if left <= 0:
                return bytes(kept["stdout"]), bytes(kept["stderr"]), False
            for key, _ in ready:
                piece = os.read(key.fd, 1 << 16)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.data == "stderr":
                    kept["stderr"] += piece if len(kept["stderr"]) < LARGEST_COMPLAINT else b""
                elif len(kept["stdout"]) + len(piece) > LARGEST_OUTPUT:
                    return b"", b"it answered more than this reads", False
                else:
                    kept["stdout"] += piece
                    rest()
    try:
        process.wait(max(deadline - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        return bytes(kept["stdout"]), bytes(kept["stderr"]), False
    return bytes(kept["stdout"]), bytes(kept["stderr"]), True


def _end(process: subprocess.Popen[bytes]) -> None:
    """No process of the group outlives the command: a push must not go on after its caller has looked."""
    if process.returncode is None:  # not waited for yet, so its number can't be another's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()

"""R12: a healer command in the jail: what it may see, write and say, and what becomes of one that misbehaves."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.healer import SandboxHealer
from pointsman.adapters.jail import Protection
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.contract.model import Healer
from pointsman.core.contract.model import Sandbox as Policy
from pointsman.core.healer.model import Answer, Outcome, Question
from pointsman.core.model import Sha
from tests.support.repo import Repo

SECRETS = {
    "MODEL_KEY": "key-7319-model",
    "FORGE_TOKEN": "token-5521-forge",
    "POINTSMAN_PRIVATE_KEY": "pem-8812",
}
REQUEST = b'{"version": 1}\n'

LOOK = """\
import json, os, socket, subprocess, sys
merged, state, outside = os.environ["POINTSMAN_MERGED"], sys.argv[1], sys.argv[2]
seen = {"request": sys.stdin.read(), "file": open(os.environ["POINTSMAN_REQUEST"]).read(), "env": dict(os.environ)}

def tried(what):
    try:
        return repr(what())
    except OSError as problem:
        return f"no: {type(problem).__name__}"

seen["theirs"] = open(merged + "/tools/look.py").read()
seen["state"] = tried(lambda: os.listdir(state))
seen["outside"] = tried(lambda: open(outside, "w"))
seen["network"] = tried(lambda: socket.create_connection(("192.0.2.1", 80), timeout=0.2))
with open(merged + "/m/c.py", "a") as file:
    file.write("more\\n")
seen["diff"] = subprocess.run(["git", "diff"], cwd=merged, capture_output=True, text=True).stdout
json.dump(seen, sys.stdout)
"""


@dataclass(frozen=True)
class Place:
    """A repository whose change brings a `tools/look.py` of its own."""

    folder: Path
    git: GitRepository
    base: Sha
    merged: Sha

    def ask(self, run: str, *, timeout: float = 20.0, **how: object) -> Answer:
        rule = Healer(run=run, timeout=timeout, **how)  # type: ignore[arg-type]
        healer = SandboxHealer(
            self.git,
            Sandbox(),
            folder=self.folder / "scratch",
            state=self.folder / "state",
            surroundings=SECRETS,
            allowed=("MODEL_KEY", "POINTSMAN_PRIVATE_KEY"),
        )
        answer = healer.ask(
            Question(base=self.base, merged=self.merged, request=REQUEST, healer=rule, policy=Policy())
        )
        assert not list((self.folder / "scratch").iterdir()), "something was left behind"
        return answer


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("healer")
    (folder / "state").mkdir()
    (folder / "state" / "queue.db").write_text("secret")
    repo = Repo(folder / "repo").init()
    base = repo.commit("base", files={"tools/look.py": LOOK, "m/b.py": "b\n"})
    repo.commit("change", files={"tools/look.py": "print('the change ran')\n", "m/c.py": "c\n"})
    with GitRepository.open(repo.path) as git:
        yield Place(folder, git, Sha(base), git.tree_of(Sha(repo.rev("HEAD"))))


@pytest.fixture(scope="module")
def walls() -> frozenset[Protection]:
    return Sandbox().capabilities().in_force


needs_walls = pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")


@needs_walls
def test_R12_what_a_command_sees_and_what_it_does_not(place: Place, walls: frozenset[Protection]) -> None:
    outside = place.folder / "written"
    names = ("MODEL_KEY", "FORGE_TOKEN", "POINTSMAN_PRIVATE_KEY")
    run = f"python3 tools/look.py {place.folder / 'state'} {outside}"
    if Protection.NETWORK not in walls:
        answer = place.ask(run, env=names)
        assert answer.outcome is Outcome.FAILED and "network" in answer.detail
        return
    answer = place.ask(f"{run} | sed s/{SECRETS['MODEL_KEY']}/the-key/", env=names)
    assert answer.outcome is None, answer
    seen = json.loads(answer.patch)
    assert seen["request"] == seen["file"] == REQUEST.decode()
    assert "the change ran" in seen["theirs"], "what ran was the base's, the change's copy lies beside it"
    assert seen["env"]["MODEL_KEY"] == "the-key", "named by the contract and allowed here"
    assert "FORGE_TOKEN" not in seen["env"], "not allowed by this machine's owner"
    assert "POINTSMAN_PRIVATE_KEY" not in seen["env"], "ours, whatever anybody allows"
    assert not set(os.environ) & set(seen["env"]) - {
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "HOME",
        "CI",
    } - {
        "PWD",
        "TMPDIR",
        "PYTHONDONTWRITEBYTECODE",
        "GIT_TERMINAL_PROMPT",
    }
    assert "+more" in seen["diff"], "git works in the merged tree"
    assert seen["network"].startswith("no: ")
    assert "queue.db" not in seen["state"]
    assert seen["outside"].startswith("no: ") and not outside.exists()


@pytest.mark.parametrize(
    ("run", "how", "outcome", "detail"),
    [
        pytest.param("exec sleep 60", {"timeout": 0.3}, Outcome.TIMED_OUT, "0.3 s", id="hangs"),
        pytest.param("exec yes", {"max_patch": 100}, Outcome.TOO_LARGE, "100 bytes", id="prints for ever"),
        pytest.param(
            "echo 'no such model' >&2; exit 3",
            {},
            Outcome.FAILED,
            "exit code 3; no such model",
            id="fails",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            "./tools/none.sh", {}, Outcome.FAILED, "exit code 127", id="is not there", marks=pytest.mark.soak
        ),
        pytest.param("echo +$MODEL_KEY", {"env": ("MODEL_KEY",)}, Outcome.LEAKS, "", id="prints its secret"),
        pytest.param(
            "echo $MODEL_KEY is wrong >&2; false",
            {"env": ("MODEL_KEY",)},
            Outcome.FAILED,
            "*** is wrong",
            id="logs it",
        ),
        pytest.param("rm ../answer; ln -s /etc/passwd ../answer", {}, None, "", id="a link for an answer"),
        pytest.param(
            "rm ../answer; mkfifo ../answer", {}, None, "", id="a pipe for an answer", marks=pytest.mark.soak
        ),
        pytest.param("true", {}, None, "", id="says nothing", marks=pytest.mark.soak),
    ],
)
def test_R12_a_command_that_misbehaves(
    place: Place,
    walls: frozenset[Protection],
    run: str,
    how: dict[str, object],
    outcome: Outcome | None,
    detail: str,
) -> None:
    network = "none" if Protection.NETWORK in walls else "host"
    answer = place.ask(run, network=network, **how)  # type: ignore[arg-type]
    assert (answer.outcome, answer.patch) == (outcome, b"")
    assert detail in answer.detail
    assert SECRETS["MODEL_KEY"] not in repr(answer)


def test_R12_a_server_that_gives_no_network_asks_nobody_who_needs_it(place: Place) -> None:
    healer = SandboxHealer(place.git, Sandbox(), folder=place.folder / "scratch", network=False)
    rule = Healer(run="echo x", network="host")
    answer = healer.ask(
        Question(base=place.base, merged=place.merged, request=REQUEST, healer=rule, policy=Policy())
    )
    assert answer.outcome is Outcome.FAILED and "network" in answer.detail

"""Reads what git and GitHub say to a push or a fetch, and names it; it runs nothing."""

from __future__ import annotations

import re
from typing import Literal

from pointsman.adapters.github.git_process import Answer
from pointsman.ports import PushRefused

Code = Literal["moved", "forbidden", "rules", "workflow", "other"]

_STATUS = re.compile(r"(?:returned error: |RPC failed; HTTP )(\d{3})")
_REFUSED = re.compile(rb"^!\t[^\t\n]*\t\[(?:remote )?rejected\] ?(?:\((?P<why>.*)\))?", re.MULTILINE)
_WORKFLOW = re.compile(r"refusing to allow .{1,80} to create or update workflow")
_RULES = re.compile(r"\bGH(?:006|013)\b|protected branch hook declined|repository rule violations")
_MOVED = re.compile(
    r"stale info|fetch first|non-fast-forward|needs force|cannot lock ref|reference already exists"
    r"|is at [0-9a-f]{40,64} but expected|remote ref updated since checkout|incorrect old value"
)
_FORBIDDEN = re.compile(
    r"Permission to \S+ denied|Write access to repository not granted|was archived so it is read-only"
    r"|[Rr]epository not found|Resource not accessible by integration|Invalid username or (?:password|token)"
    r"|Authentication failed|repository '[^']*' not found"
)
_GONE = re.compile(r"not our ref ([0-9a-f]{40,64})|Server does not allow request for unadvertised object")
_ABSENT = re.compile(r"couldn't find remote ref (\S+)")
_UNFIT = re.compile(r"fsck error|error in object: |error: object [0-9a-f]{40,64}: ")
LONGEST = 2000


def http_status(answer: Answer) -> int:
    """The HTTP status that git failed on; 0 where it names none."""
    found = _STATUS.search(answer.stderr)
    if found is not None:
        return int(found[1])
    if re.search(
        r"Authentication failed|could not read (?:Username|Password)|Invalid username", answer.stderr
    ):
        return 401
    return 404 if re.search(r"[Rr]epository not found|repository '[^']*' not found", answer.stderr) else 0


def refusal(answer: Answer) -> PushRefused | None:
    """What a push that ended was refused for; None where it went through, or where nobody refused anything: the
    connection broke, the server failed."""
    if answer.code == 0:
        return None
    found = _REFUSED.search(answer.stdout)
    why = found["why"].decode(errors="replace") if found and found["why"] else ""
    text = f"{why}\n{answer.stderr}"
    status = http_status(answer)
    code: Code
    if _WORKFLOW.search(text):
        code = "workflow"
    elif _RULES.search(text):
        code = "rules"
    elif _FORBIDDEN.search(text) or status in (401, 403, 404):
        code = "forbidden"
    elif found is None:
        return None
    else:
        code = "moved" if _MOVED.search(text) else "other"
    return PushRefused(code=code, why=said(answer, why))


def said(answer: Answer, why: str = "") -> str:
    """The other side's own words on one line: what it says of the ref, then what it printed."""
    lines = [why.strip()]
    for line in answer.stderr.splitlines():
        words = line.removeprefix("remote:").removeprefix("error:").removeprefix("fatal:").strip(" -")
        if words and not words.startswith(("failed to push some refs", "hint:", "the remote end hung up")):
            lines.append(words)
    return "; ".join(dict.fromkeys(line for line in lines if line))[:LONGEST]


def gone(answer: Answer) -> bool:
    """A fetch by id that the other side does not serve any more (or never did)."""
    return _GONE.search(answer.stderr) is not None


def absent(answer: Answer) -> str | None:
    """The ref name that a fetch asked for and that is not there."""
    found = _ABSENT.search(answer.stderr)
    return found[1] if found else None


def unfit(answer: Answer) -> bool:
    """A fetch of objects that git takes for broken or hostile: asking again brings the same."""
    return answer.code not in (0, None) and _UNFIT.search(answer.stderr) is not None

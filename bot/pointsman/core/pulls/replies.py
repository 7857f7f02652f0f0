"""Composes the answers to commands: help, explanations, refusals, patches; each is one short comment."""

from __future__ import annotations

from pointsman.core.contract import Explanation
from pointsman.core.contract.explanation import RoleExplanation
from pointsman.core.pulls.commands import WORDS
from pointsman.core.pulls.comment import MAX_BYTES, box
from pointsman.core.pulls.markdown import code, fence, fold

PATCH_BYTES = MAX_BYTES - 8_000


def compose_help() -> str:
    """The commands, each with what it does."""
    rows = "\n".join(f"- `{word.usage}`: {word.help}" for word in WORDS.values())
    return (
        "A command stands on a line of its own, in a new comment (an edited one does not count):\n\n"
        f"{rows}\n\nWho may use which is in the contract, `.pointsman.yml` on the base branch."
    )


def compose_explain(path: str, verdict: Explanation, *, role: str | None = None) -> str:
    """What the contract says of a path: for `role` first, every rule that was looked at, with its line."""
    roles = sorted(verdict.roles, key=lambda one: one.role != role)
    head = f"The contract on {code(path)}:\n\n"
    rows = "\n".join(f"- role {code(one.role)}: {code(one.verdict.reason)}" for one in roles[:10])
    more = f"\n- and {len(roles) - 10} more roles" if len(roles) > 10 else ""
    rules = "\n".join(line for one in roles[:10] for line in _rules(one))
    return f"{head}{rows}{more}\n\n{fold('Every rule that was looked at', fence(rules))}\n"


def _rules(explanation: RoleExplanation) -> list[str]:
    lines = [f"role {explanation.role}: {explanation.verdict.status.value}"]
    for rule in explanation.considered:
        where = f".pointsman.yml:{rule.line}" if rule.line else "built in"
        lines.append(
            f"  {'matches' if rule.matched else '-':8}{rule.effect:13}{rule.pattern}  ({rule.rule}, {where})"
        )
    return lines


def compose_refusal(command: str, why: str) -> str:
    """Why a command was not obeyed. `command` is as it was written, `why` the sentence."""
    return f"{code(command)} was not done:\n\n{box(why)}\n"


def compose_patch(patch: bytes, why: str, *, base: str = "", head: str = "") -> str:
    """A patch that `git apply` takes, folded, with the commands; one that is too long, or no text, is to be made
    locally. `why` says why it is not pushed. `base` and `head` are what `pointsman heal` would be asked for."""
    text = _as_text(patch)
    local = (
        f"git fetch origin && pointsman heal --base {base or 'origin/BASE'} --head {head or 'HEAD'} --patch"
    )
    if text is None:
        return (
            f"The repair could not be pushed to this branch:\n\n{box(why)}\n\nIts patch can't stand in a comment. "
            f"Make it on the branch:\n\n{fence(f'{local} | git apply', 'sh')}\n"
        )
    apply = fence("git apply heal.patch", "sh")
    body = f"Save it as `heal.patch`, then on the branch, after merging the base into it:\n\n{apply}"
    shown = f"{_patch_fence(text)}\n\nThe same, made locally:\n\n{fence(f'{local} | git apply', 'sh')}"
    return (
        f"The repair could not be pushed to this branch:\n\n{box(why)}\n\n{body}\n\n"
        f"{fold('The patch', shown)}\n"
    )


def _as_text(patch: bytes) -> str | None:
    """The patch as text that comes out of a comment as it went in; None where that can't be: GitHub normalises line
    ends, and what is not printable would have to be escaped."""
    try:
        text = patch.decode("utf-8")
    except UnicodeDecodeError:
        return None
    fits = len(patch) <= PATCH_BYTES and bool(patch)
    return text if fits and all(each.isprintable() or each in "\n\t" for each in text) else None


def _patch_fence(text: str) -> str:
    """A fence around text whose every byte counts."""
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}diff\n{text if text.endswith(chr(10)) else text + chr(10)}{ticks}"

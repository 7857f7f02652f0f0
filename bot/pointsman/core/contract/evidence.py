"""What a change's text says was run and what could still go wrong; a claim is never a result (R46)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.core.contract.model import Contract, EvidencePolicy

COMMANDS_RUN = "Commands run"
REMAINING_RISK = "Remaining risk"
COST = "Cost"

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_BULLET = re.compile(r"^(?:[-*+][ \t]+(?:\[[ xX]\][ \t]+)?|[0-9]{1,3}[.)][ \t]+|\$[ \t]+)")
_FAILED = re.compile(
    r"\b(?:fail(?:s|ed|ing|ure)?|red|error(?:s|ed)?|not run|skipped|didn't run)\b", re.IGNORECASE
)
_NOTHING = re.compile(r"(?:todo|tbd|fill (?:me )?in|\.\.\.|…|-|n/?a)?[.!]?", re.IGNORECASE)
MAX_BODY = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One line under *Commands run*: the command as written there, and whether it is said to have passed."""

    command: str
    passed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceVerdict:
    """`missing` says what the text still needs, one sentence each; `template` is a text that would do."""

    ok: bool
    missing: tuple[str, ...]
    claims: tuple[Claim, ...]
    risk: str
    template: str


def read_evidence(body: str, contract: Contract, role: str) -> EvidenceVerdict:
    """Does `body` carry what the contract asks of `role`? Without an `evidence` section nothing is asked."""
    policy = contract.evidence
    template = evidence_template(contract, role)
    if policy is None:
        return EvidenceVerdict(ok=True, missing=(), claims=(), risk="", template=template)
    sections = _sections(body[:MAX_BODY])
    claims = tuple(_claim(line) for line in sections.get(COMMANDS_RUN.lower(), ()))
    risk = "\n".join(sections.get(REMAINING_RISK.lower(), ()))
    missing = (*_missing_commands(policy, contract, role, claims), *_missing_rest(policy, risk, sections))
    return EvidenceVerdict(ok=not missing, missing=missing, claims=claims, risk=risk, template=template)


def evidence_template(contract: Contract, role: str) -> str:
    """The sections to fill in, with the commands of the role's row."""
    commands = "\n".join(f"- `{command}`: passed" for command in _commands(contract, role).values())
    parts = [f"## {COMMANDS_RUN}\n{commands or '- `your command`: passed'}"]
    parts.append(f"## {REMAINING_RISK}\nWhat could still go wrong, or: none known, because ...")
    policy = contract.evidence
    wanted = [name for name, need in policy.cost.items() if need == "required"] if policy else []
    if wanted:
        parts.append(f"## {COST}\n" + "\n".join(f"- {name}: 0" for name in wanted))
    return "\n\n".join(parts) + "\n"


def contradicted_claims(
    verdict: EvidenceVerdict, contract: Contract, role: str, passed: Mapping[str, bool]
) -> tuple[str, ...]:
    """Checks, by name, that the text says passed and the gate (`passed`, by check name) says did not."""
    claimed = {_normal(claim.command) for claim in verdict.claims if claim.passed}
    commands = _commands(contract, role)
    return tuple(
        name
        for name, command in commands.items()
        if not passed.get(name, True) and any(_normal(command) in claim for claim in claimed)
    )


def _commands(contract: Contract, role: str) -> dict[str, str]:
    return {check.name: check.run for check in contract.required_checks(role) if check.run is not None}


def _sections(body: str) -> dict[str, list[str]]:
    """Heading (lower case) -> its lines that say something; HTML comments, as in a template, say nothing."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    fenced = False
    for line in _COMMENT.sub("", body).splitlines():
        if _FENCE.match(line):
            fenced = not fenced
            continue
        title = "" if fenced else _title(line.strip())
        if title:
            current = found.setdefault(title, [])
        elif not _NOTHING.fullmatch(line.strip()):
            current.append(line.strip())
    return found


def _title(line: str) -> str:
    """The text of a heading (`## Text`) or of a line that is bold throughout, in lower case; else ''."""
    text = line.lstrip("#")
    if len(line) - len(text) in range(1, 7) and text[:1] in (" ", "\t"):
        return text.rstrip("# \t").strip().rstrip(":").lower()
    bold = line.rstrip(": \t")
    if len(bold) > 4 and bold.startswith("**") and bold.endswith("**"):
        return bold[2:-2].strip().rstrip(":").lower()
    return ""


def _claim(line: str) -> Claim:
    text = _BULLET.sub("", line)
    quoted = re.search(r"`([^`]+)`", text)
    command = quoted.group(1) if quoted else text
    rest = text.replace(quoted.group(0), "") if quoted else text
    return Claim(command=command.strip(), passed=_FAILED.search(rest) is None)


def _normal(command: str) -> str:
    return " ".join(command.split())


def _missing_commands(
    policy: EvidencePolicy, contract: Contract, role: str, claims: tuple[Claim, ...]
) -> list[str]:
    if policy.commands_run == "optional":
        return []
    if not claims:
        return [f"the section '{COMMANDS_RUN}' is missing or empty"]
    if policy.commands_run == "any":
        return []
    named = [_normal(claim.command) for claim in claims]
    return [
        f"'{COMMANDS_RUN}' does not name `{command}` (check {name})"
        for name, command in _commands(contract, role).items()
        if not any(_normal(command) in text for text in named)
    ]


def _missing_rest(policy: EvidencePolicy, risk: str, sections: Mapping[str, list[str]]) -> list[str]:
    missing = []
    if policy.remaining_risk == "required" and not risk:
        missing.append(f"the section '{REMAINING_RISK}' is missing or empty")
    figures = "\n".join(sections.get(COST.lower(), ())).lower()
    for name, need in policy.cost.items():
        if need == "required" and not re.search(rf"\b{re.escape(name)}\b\W+\d", figures):
            missing.append(f"'{COST}' does not give {name}")
    return missing

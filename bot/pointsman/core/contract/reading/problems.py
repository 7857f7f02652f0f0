"""What is wrong with a contract and where, all of it at once; nothing here raises."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.core.contract.names import shown


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractError:
    """One mistake. `line` and `column` count from 1, in characters; `key` is '' when no key is to blame."""

    source: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}"
        return f"{place} {self.key}: {self.message}" if self.key else f"{place} {self.message}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractErrors:
    """Why bytes are no contract; `errors` is never empty and in the file's order."""

    errors: tuple[ContractError, ...]

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


MAX_SUGGESTIONS = 50
"""A file that is wrong throughout must not cost minutes of looking for what was meant."""


class ErrorLog:
    """Collects the mistakes of one file while it is read to its end."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.suggestions_left = MAX_SUGGESTIONS
        self._found: list[ContractError] = []

    def add(self, line: int, column: int, key: str, message: str) -> None:
        """`key` and `message` may quote the file: what no terminal prints as itself is escaped, and each is cut."""
        self._found.append(
            ContractError(
                source=self.source, line=line, column=column, key=_cut(key, 200), message=_cut(message, 600)
            )
        )

    def errors(self) -> ContractErrors | None:
        """None if nothing was wrong."""
        ordered = sorted(dict.fromkeys(self._found), key=lambda error: (error.line, error.column))
        return ContractErrors(errors=tuple(ordered)) if ordered else None


def _cut(text: str, longest: int) -> str:
    safe = shown(text)
    return safe if len(safe) <= longest else safe[: longest - 3] + "..."

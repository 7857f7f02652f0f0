"""What every part of a repository shares; the parts together are FakeRepository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.github.fake.state import Account

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub
    from tests.github.fake.repository import FakeRepository

Who = str | Account
"""A login, or the account itself."""


class Part:
    """`id` stays whatever the repository is called."""

    def __init__(self, hub: FakeGitHub, number: int) -> None:
        self.hub, self.id = hub, number

    @property
    def whole(self) -> FakeRepository:
        """The repository that this is a part of."""
        from tests.github.fake.repository import FakeRepository

        assert isinstance(self, FakeRepository)
        return self

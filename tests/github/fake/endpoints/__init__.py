"""What answers each path; one file an area, each handler short: state changes are the repository's business."""


def load() -> None:
    """Fills the table of endpoints."""
    from tests.github.fake.endpoints import actions, apps, checks, commits, issues, people, pulls, refs, repos

    assert all((actions, apps, checks, commits, issues, people, pulls, refs, repos))

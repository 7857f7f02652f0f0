"""The fake GitHub's REST side, used by PyGithub and by plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import github
from github import Auth, Github, GithubIntegration
from tests.github.fake import FakeGitHub, FakeRepository, Installation

FAST: dict[str, Any] = {"seconds_between_requests": 0.0, "seconds_between_writes": 0.0}


@contextmanager
def world(folder: Path) -> Iterator[tuple[FakeGitHub, FakeRepository, Installation]]:
    with FakeGitHub(folder) as hub:
        repo = hub.repository("acme/widgets", files={"app.py": "x = 1\n"})
        yield hub, repo, hub.install(hub.app(), repo)


def as_app(hub: FakeGitHub, installation: Installation) -> Github:
    app = installation.app
    auth = Auth.AppAuth(app.id, app.private_key).get_installation_auth(installation.id)
    return Github(auth=auth, base_url=hub.api_url, **FAST)


@contextmanager
def client(hub: FakeGitHub, token: str | None = None) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=hub.api_url, headers=headers, trust_env=False) as made:
        yield made


def test_pygithub_as_an_app_does_a_whole_round(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation):
        repo.permission("ada", "write")
        repo.workflow("ci", ["unit"], on_push=["pointsman/**"])
        head = repo.push("ada", "feature", {"b.py": "y = 2\n"})
        number = repo.open_pull("ada", "feature", "Add b")
        with as_app(hub, installation) as forge:
            remote = forge.get_repo("acme/widgets")
            assert [pull.title for pull in remote.get_pulls()] == ["Add b"]
            pull = remote.get_pull(number)
            assert pull.head.sha == head
            assert pull.raw_data["mergeable"] is None
            assert remote.get_pull(number).mergeable is True
            assert remote.get_collaborator_permission("ada") == "write"
            comment = pull.create_issue_comment("queued")
            comment.edit("testing")
            comment.create_reaction("eyes")
            check = remote.create_check_run("pointsman / queue", head, status="in_progress")
            check.edit(status="completed", conclusion="success", output={"title": "t", "summary": "s"})
            candidate = remote.create_git_ref("refs/heads/pointsman/main/1", head)
            hub.finish_check(repo, head, "unit")
            runs = {run.name: run.conclusion for run in remote.get_commit(head).get_check_runs()}
            assert runs == {"pointsman / queue": "success", "unit": "success"}
            remote.get_git_ref("heads/main").edit(head)
            assert remote.get_pull(number).merged
            candidate.delete()
        assert repo.tip("main") == head
        assert [comment.body for comment in repo.comments(number)] == ["testing"]
        assert [update.ref for update in hub.git_log if update.by == "pointsman[bot]"] == [
            "refs/heads/pointsman/main/1",
            "refs/heads/main",
            "refs/heads/pointsman/main/1",
        ]


def test_an_app_finds_its_installation_and_its_deliveries(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, _, installation):
        auth = Auth.AppAuth(installation.app.id, installation.app.private_key)
        with GithubIntegration(auth=auth, base_url=hub.api_url, **FAST) as app:
            assert app.get_repo_installation("acme", "widgets").id == installation.id
            assert [found.id for found in app.get_installations()] == [installation.id]
            assert app.get_app().slug == "pointsman"


def test_a_token_expires_after_an_hour_of_the_fakes_clock(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, _, installation), client(hub, hub.installation_token(installation)) as http:
        assert http.get("/repos/acme/widgets").status_code == 200
        hub.advance(3599)
        assert http.get("/repos/acme/widgets").status_code == 200
        hub.advance(2)
        assert http.get("/repos/acme/widgets").json()["message"] == "Bad credentials"


def test_an_app_signed_by_somebody_else_is_not_let_in(tmp_path: Path) -> None:
    import jwt
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with world(tmp_path) as (hub, _, installation):
        claims = {"iss": str(installation.app.id), "iat": int(hub.now()) - 5, "exp": int(hub.now()) + 300}
        with client(hub, jwt.encode(claims, key, "RS256")) as http:
            assert http.get("/app").status_code == 401
        far = claims | {"exp": int(hub.now()) + 3600}
        with client(hub, jwt.encode(far, installation.app.private_key, "RS256")) as http:
            assert "too far in the future" in http.get("/app").json()["message"]


def test_what_a_token_lacks_is_refused_and_what_it_may_not_see_is_not_found(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation):
        other = hub.repository("acme/secret", private=True)
        token = hub.installation_token(installation, permissions={"contents": "read"})
        with client(hub, token) as http:
            ref = {"ref": "refs/heads/x", "sha": repo.tip("main")}
            refused = http.post("/repos/acme/widgets/git/refs", json=ref)
            assert refused.status_code == 403
            assert refused.json()["message"] == "Resource not accessible by integration"
            assert http.get(f"/repos/{other.full_name}").status_code == 404
        with client(hub, hub.user_token("eve")) as http:
            assert http.post("/repos/acme/widgets/git/refs", json=ref).status_code == 403
        with client(hub) as http:
            number = _pull(repo)
            said = http.post(f"/repos/acme/widgets/issues/{number}/comments", json={"body": "x"})
            assert said.status_code == 401


def _pull(repo: FakeRepository, branch: str = "feature") -> int:
    repo.push("ada", branch, {f"{branch}.py": "y = 2\n"})
    return repo.open_pull("ada", branch, f"Add {branch}")


def test_a_renamed_repository_keeps_its_id_and_the_old_name_leads_on(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation):
        number = _pull(repo)
        repo.rename("gadgets")
        with client(hub, hub.installation_token(installation)) as http:
            moved = http.get(f"/repos/acme/widgets/pulls/{number}")
            assert moved.status_code == 301
            assert moved.headers["location"] == f"{hub.api_url}/repositories/{repo.id}/pulls/{number}"
            found = http.get(moved.headers["location"]).json()
            assert found["base"]["repo"]["full_name"] == "acme/gadgets"
            assert found["base"]["repo"]["id"] == repo.id
            body = {"ref": "refs/heads/x", "sha": repo.tip("main")}
            assert http.post("/repos/acme/widgets/git/refs", json=body).status_code == 307


def test_lists_come_in_pages_and_an_unchanged_one_is_not_sent_again(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation):
        for at in range(5):
            _pull(repo, f"b{at}")
        with client(hub, hub.installation_token(installation)) as http:
            first = http.get("/repos/acme/widgets/pulls", params={"per_page": 2})
            assert [pull["number"] for pull in first.json()] == [5, 4]
            last = http.get(first.links["last"]["url"])
            assert [pull["number"] for pull in last.json()] == [1]
            assert "next" not in last.links
            left = int(last.headers["x-ratelimit-remaining"])
            again = http.get(
                "/repos/acme/widgets/pulls",
                params={"per_page": 2},
                headers={"If-None-Match": first.headers["etag"]},
            )
            assert (again.status_code, again.content) == (304, b"")
            assert int(again.headers["x-ratelimit-remaining"]) == left
        assert hub.count(installation=installation.id) == 3
        assert hub.count(route="/repos/{owner}/{repo}/pulls", since=2) == 1


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_the_merge_api_really_merges_and_wants_the_right_head(tmp_path: Path, method: str) -> None:
    with world(tmp_path) as (hub, repo, installation):
        number = _pull(repo)
        repo.push("ada", "main", {"other.py": "z\n"})
        url = f"/repos/acme/widgets/pulls/{number}/merge"
        with client(hub, hub.installation_token(installation)) as http:
            assert http.put(url, json={"sha": "0" * 40}).status_code == 409
            head = repo.pull(number).head
            done = http.put(url, json={"sha": head, "merge_method": method})
            assert done.json()["merged"] is True
        assert repo.read("main", "feature.py") == "y = 2\n"
        assert repo.read("main", "other.py") == "z\n"
        assert repo.tip("main") == done.json()["sha"] == repo.pull(number).merge_commit
        parents = repo.record(done.json()["sha"])[2].split()
        assert len(parents) == (2 if method == "merge" else 1)


def test_a_base_that_contains_the_head_closes_the_pull_as_merged(tmp_path: Path) -> None:
    with world(tmp_path) as (_, repo, _):
        number, other = _pull(repo), _pull(repo, "other")
        repo.move("ada", "main", repo.pull(number).head)
        assert repo.pull(number).merged
        assert not repo.pull(other).merged
        assert repo.pull(number).merged_by is repo.hub.user("ada")


def test_a_fork_has_its_own_branches_and_its_head_is_kept_in_the_base(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation):
        first = repo.push("eve", "main-fix", {"c.py": "1\n"}, fork="eve")
        number = repo.open_pull("eve", "main-fix", "Fix", fork="eve")
        second = repo.push("eve", "main-fix", {"c.py": "2\n"}, fork="eve")
        assert repo.tip("main-fix") is None
        assert repo.pull(number).head == second != first
        assert repo.bare.resolve(f"refs/pull/{number}/head") == second
        stale = repo.bare.resolve(f"refs/pull/{number}/merge^2")
        assert stale == first
        with client(hub, hub.installation_token(installation)) as http:
            told = http.get(f"/repos/acme/widgets/pulls/{number}").json()
            assert told["head"]["repo"]["full_name"] == "eve/widgets"
            assert told["head"]["repo"]["fork"] is True


def test_teams_people_and_permissions_are_told(tmp_path: Path) -> None:
    with FakeGitHub(tmp_path) as hub:
        hub.organization("acme")
        repo = hub.repository("acme/widgets")
        installation = hub.install(hub.app(), "acme")
        hub.team("acme", "core", {"ada": "active", "bob": "pending"})
        repo.permission("ada", "maintain")
        with client(hub, hub.installation_token(installation)) as http:
            url = "/orgs/acme/teams/core/memberships"
            states = [http.get(f"{url}/{login}").json().get("state") for login in ("ada", "bob", "eve")]
            assert states == ["active", "pending", None]
            told = http.get("/repos/acme/widgets/collaborators/ada/permission").json()
            assert (told["permission"], told["role_name"]) == ("write", "maintain")
            assert told["user"]["id"] == hub.user("ada").id == http.get("/users/ada").json()["id"]


def test_errors_read_as_githubs_own(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation), as_app(hub, installation) as forge:
        remote = forge.get_repo("acme/widgets")
        with pytest.raises(github.UnknownObjectException):
            remote.get_pull(77)
        lone = repo.push("ada", "lone", {"z": "z"}, base=None)
        with pytest.raises(github.GithubException, match="Update is not a fast forward"):
            remote.get_git_ref("heads/main").edit(lone)
        with pytest.raises(github.GithubException, match="Reference already exists"):
            remote.create_git_ref("refs/heads/main", lone)


def test_a_manifest_becomes_an_app_and_its_code_is_good_once(tmp_path: Path) -> None:
    manifest = {
        "name": "Acme Points",
        "redirect_url": "http://127.0.0.1:9/done",
        "default_permissions": {"checks": "write"},
        "default_events": ["push"],
        "hook_attributes": {"url": "https://example.org/webhook"},
    }
    with FakeGitHub(tmp_path) as hub, client(hub) as http:
        form = {"manifest": json.dumps(manifest)}
        sent = http.post(f"{hub.url}/organizations/acme/settings/apps/new?state=s1", data=form)
        target = httpx.URL(sent.headers["location"])
        assert (target.path, target.params["state"]) == ("/done", "s1")
        url = f"/app-manifests/{target.params['code']}/conversions"
        made = http.post(url).json()
        assert (made["slug"], made["owner"]["login"]) == ("acme-points", "acme")
        assert made["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
        assert made["webhook_secret"] == hub.apps[made["id"]].webhook_secret
        assert http.post(url).status_code == 404


def test_labels_reviews_and_closing_through_the_api(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation), as_app(hub, installation) as forge:
        number = _pull(repo)
        repo.review(number, "bob", "APPROVED")
        pull = forge.get_repo("acme/widgets").get_pull(number)
        pull.add_to_labels("queue")
        assert [label.name for label in pull.get_labels()] == ["queue"]
        assert [label.name for label in forge.get_repo("acme/widgets").get_pulls()[0].labels] == ["queue"]
        pull.remove_from_labels("queue")
        assert repo.pull(number).labels == []
        assert [(review.state, review.commit_id) for review in pull.get_reviews()] == [
            ("APPROVED", repo.pull(number).head)
        ]
        assert [file.filename for file in pull.get_files()] == ["feature.py"]
        assert [commit.sha for commit in pull.get_commits()] == [repo.pull(number).head]
        pull.edit(state="closed")
        assert (repo.pull(number).state, repo.pull(number).merged) == ("closed", None)


def test_branches_rules_and_protection_are_told(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation), as_app(hub, installation) as forge:
        repo.ruleset(
            bypass_apps=[installation.app], required_checks=["unit", ("lint", 15368)], pull_request=True
        )
        repo.push("ada", "old/line", {"a": "1"})
        repo.protect("old/line", [("unit", None)])
        remote = forge.get_repo("acme/widgets")
        assert remote.get_branch("main").protected
        assert remote.get_branch("old/line").get_protection().required_status_checks.contexts == ["unit"]
        with client(hub, hub.installation_token(installation)) as http:
            rules = http.get("/repos/acme/widgets/rules/branches/main").json()
            kinds = {rule["type"]: rule.get("parameters") for rule in rules}
            assert set(kinds) == {"deletion", "non_fast_forward", "pull_request", "required_status_checks"}
            checks = kinds["required_status_checks"]["required_status_checks"]
            assert checks == [{"context": "unit"}, {"context": "lint", "integration_id": 15368}]
            whole = http.get(f"/repos/acme/widgets/rulesets/{rules[0]['ruleset_id']}").json()
            assert whole["current_user_can_bypass"] == "always"
            assert "bypass_actors" not in whole
            assert http.get("/repos/acme/widgets/branches/main/protection").status_code == 404
            assert http.get("/repos/acme/widgets/rules/branches/other").json() == []


def test_everything_of_a_commit_can_be_read_and_compared(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, installation), as_app(hub, installation) as forge:
        number = _pull(repo)
        head, remote = repo.pull(number).head, forge.get_repo("acme/widgets")
        remote.get_commit(head).create_status("success", context="lint")
        assert remote.get_commit(head).get_combined_status().state == "success"
        assert [status.context for status in remote.get_commit(head).get_statuses()] == ["lint"]
        compared = remote.compare("main", "feature")
        assert (compared.status, compared.ahead_by, compared.files[0].filename) == ("ahead", 1, "feature.py")
        file = remote.get_contents("app.py", ref="main")
        assert not isinstance(file, list)
        assert file.decoded_content == b"x = 1\n"
        assert remote.get_git_commit(head).parents[0].sha == repo.tip("main")
        merged = remote.merge("main", "feature")
        assert merged is not None
        assert merged.sha == repo.tip("main")
        assert repo.pull(number).merged

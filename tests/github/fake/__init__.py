"""A GitHub on loopback, stateful and with real git behind it, for tests and the demo; it imports no test library.

    with FakeGitHub(tmp_path) as hub:
        repo = hub.repository("acme/widgets", files={"app.py": "x = 1\\n"})
        app = hub.app("pointsman", hook_url=None)          # .id .slug .private_key .webhook_secret .hook_url .bot
        installation = hub.install(app, repo)              # .id; tells the app `installation`
        repo.permission("ada", "write")
        repo.workflow("ci", ["unit"], on_push=["pointsman/**"])
        repo.push("ada", "feature", {"b.py": "y = 2\\n"})
        number = repo.open_pull("ada", "feature", "Add b")
        repo.comment(number, "ada", "/queue")
        hub.settle()                                       # all webhooks are delivered
        hub.finish_check(repo, "pointsman/main/1", "unit", "success")

REST is under `hub.api_url` (as on GitHub Enterprise: PyGithub's `base_url`), git under `repo.clone_url` (user
`x-access-token`, password a token). Leaving the block raises AssertionError where a request or an answer broke
GitHub's OpenAPI description (`hub.violations`, a list of texts; clear it where a test breaks it on purpose;
`FakeGitHub(folder, check=False)` checks nothing).

Hub
  url, host, api_url                where it is
  now(), advance(seconds)           the fake's clock; tokens live an hour of it
  user(login), organization(login)  accounts, made at the first call; .id .login
  team(org, slug, members)          members: logins, or {login: "active" | "pending"}
  repository(name, files=, private=, default_branch=), find(owner, name)
  app(slug, permissions=, events=, hook_url=), install(app, repo | login, permissions=)
  uninstall(installation), suspend(installation, suspended=True), add_to(installation, repo)
  user_token(login), installation_token(installation, permissions=, repositories={ids}),
  actions_token(repo, permissions)  tokens as text; pushes with the last start no workflow
  manifest_codes[code] = app        what /app-manifests/{code}/conversions gives, once; a POST of a manifest to
                                    {url}/[organizations/ORG/]settings/apps/new makes the app and redirects with a code
  finish_check(repo, ref, name, conclusion, text=, title=), start_check(repo, ref, name)
  spoof_check(repo, ref, name, app_id, conclusion), status(repo, ref, context, state, by=)
  requests, count(installation=, method=, route=, since=)   API requests answered; git is not among them
  git_log                           every ref update: repo, ref, old, new, forced, by, via (git | api | merge)
  settle()                          waits until webhooks are delivered
  null_reads                        how many reads of a pull say `mergeable: null` after each move (1)
  fail_next(method, path_regex, status, times=1, after=0)   status: a code | "timeout" | "timeout_after_apply" |
                                    "502_after_apply" | "secondary_limit" | "primary_limit"; method "*": any. Git paths
                                    look like `/acme/widgets.git/git-receive-pack` (codes and time-outs only)
  retry_after                       seconds that limits tell (1); rate_limit: requests an hour (5000)
  webhooks.log                      deliveries: guid event action payload status (code, 0: none) lost redelivery
  webhooks.drop(event=None, times=1), .double(event=None, times=1), .hold(), .release(order=list), .redeliver(delivery)

Repository (`author`, `by`: a login)
  id, name, full_name, clone_url, api_url, bare (real git; bare.git(*args)), pulls, fork(login), rename(new)
  push(author, branch, files, message, base="main", fork=None, force=False) -> sha; move(by, branch, sha | ZERO)
  open_pull(author, branch, title, body, base=, fork=, draft=, maintainer_can_modify=) -> number
  pull(n) -> Pull; edit(n, by, title=, body=, base=, draft=); close(n, by); reopen(n, by); label/unlabel(n, by, name)
  review(n, by, "APPROVED" | ..., commit=) -> id; dismiss(n, review_id, by)
  comment(n, by, body) -> id; edit_comment(id, body, by=None); delete_comment(id); comments(n); react(id, by, content)
  reactions[comment_id]             list of Reaction (author, content)
  permission(login, level), tip(branch), read(branch | sha, path), check_runs(sha) (CheckRun), latest_statuses(sha)
  ruleset(name, branches=, bypass_apps=, required_checks=["unit" | ("unit", app_id)], pull_request=, approvals=,
          non_fast_forward=, deletion=, merge_queue=, strict=); protect(branch, [(context, app_id)]) (data only)
  workflow(name, jobs, on_push=, on_pull_request=, on_dispatch=, on_merge_group=, commands={job: shell} | run=f)
  rerequest(run, by)                "Re-run" of a check run: asks the app that made it
  deploy(by, ref, environment) -> Deployment; deployment_status(by, deployment, state, environment_url=...)
  merge_group(by, [numbers]) -> sha what GitHub's own queue would ask for

What it leaves out: GraphQL, repository webhooks, review comments, issues that are no pull requests, protected tags;
a push of which one ref is refused is refused as a whole. Helpers above bypass permissions and rules; the API and
git over HTTP enforce both.
"""

from tests.github.fake.hub import FakeGitHub
from tests.github.fake.repository import FakeRepository
from tests.github.fake.state import ACTIONS_APP, ZERO, App, Installation, Pull

__all__ = ["ACTIONS_APP", "ZERO", "App", "FakeGitHub", "FakeRepository", "Installation", "Pull"]

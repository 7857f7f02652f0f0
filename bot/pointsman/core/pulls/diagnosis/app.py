"""Judges what GitHub says of the app: its key, clock, webhook, permissions and installations. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from pointsman.core.contract.names import shown
from pointsman.core.diagnosis import Finding, Sheet
from pointsman.core.pulls.diagnosis.facts import (
    AppFacts,
    DeliveryFacts,
    HookFacts,
    InstallationFacts,
    Unread,
)
from pointsman.core.pulls.diagnosis.needs import EVENTS, PERMISSIONS, beyond, lacking

SKEW_NOTED, SKEW_BROKEN = 10.0, 60.0
"""Seconds that the clocks may differ: a JWT from more than a minute ahead is refused by GitHub."""
SILENCE = 86_400.0
FEW_LEFT = 500
LOOPBACK = ("127.0.0.1", "localhost", "::1")
APP, HOOK, INSTALLATION = "app", "webhook", "installation"


def judge_app(app: AppFacts, *, api_url: str, skew: float) -> Iterator[Finding]:
    """The key works, or nobody would have said anything. `skew`: GitHub's clock less ours, in seconds."""
    sheet = Sheet(area=APP)
    host = urlsplit(api_url).hostname or api_url
    kind = "GitHub" if host == "api.github.com" else "GitHub Enterprise"
    yield sheet.ok("api", f"{kind} answers at {shown(api_url)}")
    yield sheet.ok("key", f"it is taken: app {app.id}, {shown(app.slug)}, of {shown(app.owner)}")
    if app.expected_slug and app.expected_slug != app.slug:
        yield sheet.broken(
            "name",
            f"the credentials say {shown(app.expected_slug)}, GitHub says {shown(app.slug)}: our own comments would "
            "not be known as ours",
            mend=f'write "slug": "{shown(app.slug)}" into the credentials file',
        )
    yield _clock(sheet, skew)
    yield from _permissions(sheet, app)
    yield from _events(sheet, app)


def judge_hook(
    app: AppFacts,
    hook: HookFacts | Unread | None,
    deliveries: Sequence[DeliveryFacts] | Unread,
    *,
    now: float,
) -> Iterator[Finding]:
    """`hook` is None where the app has none; `deliveries` are the last ones, newest first; `now` by GitHub's clock."""
    sheet = Sheet(area=HOOK)
    if isinstance(hook, Unread):
        yield sheet.missing("url", f"can't be read: {hook.why}")
    elif hook is None or not hook.url:
        yield sheet.broken(
            "url",
            "the webhook has no address or is not active: GitHub tells the app nothing",
            mend="set the address of `pointsman serve` (https://.../webhook), and tick Active",
            url=app.settings,
        )
    else:
        yield from _configured(sheet, app, hook)
    if isinstance(deliveries, Unread):
        yield sheet.missing("deliveries", f"can't be read: {deliveries.why}")
    else:
        yield _deliveries(sheet, app, [each for each in deliveries if not each.under_way], now)


def judge_installations(
    app: AppFacts, found: Iterable[InstallationFacts] | Unread, *, everywhere: bool
) -> Iterator[Finding]:
    """`everywhere`: these are all installations that there are."""
    if isinstance(found, Unread):
        yield Sheet(area=APP).broken("installations", f"can't be read: {found.why}")
        return
    installations = tuple(found)
    if not installations and everywhere:
        yield Sheet(area=APP).broken(
            "installations",
            "the app is installed nowhere",
            mend="install it on the repositories it is to work in",
            url=f"{app.site}/apps/{app.slug}/installations/new",
        )
    for each in installations:
        yield from _installation(app, each)


def _clock(sheet: Sheet, skew: float) -> Finding:
    side = "behind" if skew > 0 else "ahead of"
    text = f"our clock is {abs(skew):.0f} s {side} GitHub's"
    mend = "set this machine's clock by the network (`timedatectl set-ntp true`)"
    if abs(skew) > SKEW_BROKEN:
        return sheet.broken(
            "clock",
            f"{text}: beyond {SKEW_BROKEN:.0f} s signatures are refused, and limits misread",
            mend=mend,
        )
    if abs(skew) > SKEW_NOTED:
        return sheet.missing("clock", text, mend=mend)
    return sheet.ok("clock", f"within {SKEW_NOTED:.0f} s of GitHub's")


def _permissions(sheet: Sheet, app: AppFacts) -> Iterator[Finding]:
    url = f"{app.settings}/permissions"
    missing = lacking(app.permissions)
    if not missing:
        yield sheet.ok("permissions", f"all {len(PERMISSIONS)} that are needed")
    for name, need in missing.items():
        say = sheet.broken if need.vital else sheet.missing
        text = f"the app has {app.permissions.get(name, 'no access')}, not {need.level}: {need.stops}"
        yield say(
            f"permission {name}",
            text,
            mend=f"set {_titled(name)} to {_access(need.level)}, then accept it for each installation",
            url=url,
        )
    if more := beyond(app.permissions):
        listed = ", ".join(f"{shown(name)}: {shown(level)}" for name, level in sorted(more.items()))
        yield sheet.missing(
            "privileges", f"more than is needed: {listed}", mend="take away what nothing needs", url=url
        )


def _events(sheet: Sheet, app: AppFacts) -> Iterator[Finding]:
    missing = {name: need for name, need in EVENTS.items() if name not in app.events}
    if not missing:
        yield sheet.ok("events", f"all {len(EVENTS)} that are needed")
    for name, need in missing.items():
        say = sheet.broken if need.vital else sheet.missing
        url = f"{app.settings}/permissions"
        yield say(f"event {name}", f"not subscribed to: {need.stops}", mend=f"subscribe to {name}", url=url)


def _configured(sheet: Sheet, app: AppFacts, hook: HookFacts) -> Iterator[Finding]:
    address = urlsplit(hook.url)
    where, local = shown(hook.url), (address.hostname or "") in LOOPBACK
    if local and urlsplit(app.site).hostname not in LOOPBACK:
        yield sheet.broken(
            "url",
            f"{where} is this machine's own: GitHub can't reach it",
            mend="set a public one",
            url=app.settings,
        )
    elif address.scheme != "https" and not local:
        yield sheet.missing("url", f"{where} is not encrypted", mend="set an https address", url=app.settings)
    else:
        yield sheet.ok("url", where)
    if hook.content_type != "json":
        yield sheet.broken(
            "content type",
            f"{shown(hook.content_type)}: `pointsman serve` takes JSON only",
            mend="set Content type to application/json",
            url=app.settings,
        )
    if not hook.verifies_tls:
        yield sheet.missing(
            "tls",
            "GitHub does not verify the server's certificate",
            mend="turn SSL verification on",
            url=app.settings,
        )
    if hook.has_secret:
        yield sheet.ok("secret", "one is set")
    else:
        yield sheet.broken(
            "secret",
            "none is set: deliveries are not signed, and `pointsman serve` refuses them",
            mend="set the webhook secret that the credentials hold",
            url=app.settings,
        )


def _deliveries(sheet: Sheet, app: AppFacts, ended: Sequence[DeliveryFacts], now: float) -> Finding:
    url = f"{app.settings}/advanced"
    if not ended:
        return sheet.missing(
            "deliveries", "none in GitHub's log yet: open a pull request, or redeliver one", url=url
        )
    failed = [each for each in ended if not each.arrived]
    newest = ended[0]
    share = f"{len(failed)} of the last {len(ended)} failed" if failed else f"the last {len(ended)} arrived"
    last = f"{shown(newest.event)}, {_age(now - newest.at)} ago"
    text = f"{share}; the newest ({last}): {newest.code} {shown(newest.status)}"
    if not newest.arrived:
        return sheet.broken("deliveries", text, mend=_reach(newest), url=url)
    if failed:
        mend = "redeliver what failed, though the timer has taken it in meanwhile"
        return sheet.missing("deliveries", text, mend=mend, url=url)
    if now - newest.at > SILENCE:
        return sheet.missing(
            "deliveries", text, mend="make sure that the webhook is active", url=app.settings
        )
    return sheet.ok("deliveries", text)


def _reach(newest: DeliveryFacts) -> str:
    match newest.code:
        case 0:
            return "start `pointsman serve`, and let GitHub reach it (firewall, proxy, DNS, certificate)"
        case 401:
            return "give the app's webhook and the credentials the same secret"
        case 404 | 405:
            return "let the address end in /webhook"
        case 503:
            return "see the log of `pointsman serve`: it could not keep the delivery"
        case _:
            return "see the answer in GitHub's log of deliveries, and what stands between it and `pointsman serve`"


def _installation(app: AppFacts, found: InstallationFacts) -> Iterator[Finding]:
    """What the app itself lacks is said of the app."""
    sheet = Sheet(area=INSTALLATION, subject=found.account)
    if found.suspended:
        yield sheet.broken(
            "suspended", "nothing works there", mend="unsuspend the installation", url=found.page
        )
        return
    missing = {
        name: need
        for name, need in lacking(found.permissions).items()
        if name not in lacking(app.permissions)
    }
    url = f"{found.page}/permissions/update"
    for name, need in missing.items():
        say = sheet.broken if need.vital else sheet.missing
        text = f"{found.permissions.get(name, 'none')} was accepted, not {need.level}: {need.stops}"
        yield say(f"permission {name}", text, mend="accept the app's new permissions", url=url)
    for name in sorted((EVENTS.keys() & app.events) - found.events):
        say = sheet.broken if EVENTS[name].vital else sheet.missing
        text = f"not sent for this installation: {EVENTS[name].stops}"
        yield say(f"event {name}", text, mend="accept the app's new permissions", url=url)
    if not missing:
        yield sheet.ok("permissions", "accepted as the app asks for them")
    if found.remaining is not None and found.limit is not None:
        text = f"{found.remaining:,} of {found.limit:,} requests left in this hour"
        few = found.remaining < min(FEW_LEFT, found.limit // 10)
        yield sheet.missing("rate limit", text) if few else sheet.ok("rate limit", text)


def _titled(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _access(level: str) -> str:
    return {"read": "Read-only", "write": "Read and write"}.get(level, level)


def _age(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"

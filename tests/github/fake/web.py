"""Serves the fake on loopback: finds the endpoint, lets in or refuses, spoils on demand, checks, logs."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
import traceback
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as Incoming
from starlette.responses import Response
from starlette.routing import Route

from tests.github.fake import access, description, pages, smart_http
from tests.github.fake.calls import TABLE, Answer, Call, Refused, not_found, parse_body
from tests.github.fake.shapes.people import etag
from tests.github.fake.state import Credential, Request

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub

MAX_BODY = 64 * 2**20
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
BY_ID = re.compile(r"/repositories/([0-9]{1,18})(/.*)?")


class Quick(uvicorn.Server):
    """Ends within 20 ms of being asked, not 100: hundreds of tests wait for that."""

    async def main_loop(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(0.02)


class Server:
    """A uvicorn in a thread of its own."""

    def __init__(self, hub: FakeGitHub) -> None:
        from tests.github.fake import endpoints

        endpoints.load()
        front = Front(hub)
        app = Starlette(routes=[Route("/{path:path}", front.handle, methods=METHODS)])
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", access_log=False, ws="none", date_header=False
        )
        self._server = Quick(config)
        self._socket = socket.create_server(("127.0.0.1", 0))
        # asyncio leaves it off for sockets made with protocol 0; each answer would wait 40 ms for an ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._run, name="fake-github", daemon=True)

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def start(self) -> int:
        """Serves from now on; the port."""
        self._thread.start()
        while not self._server.started:
            time.sleep(0.002)
        port: int = self._socket.getsockname()[1]
        return port

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()


class Front:
    """What takes every request."""

    def __init__(self, hub: FakeGitHub) -> None:
        self.hub = hub

    async def handle(self, request: Incoming) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                return Response("too large", 413)
        path = unquote(request.scope["raw_path"].decode())
        api = path.startswith("/api/v3/")
        path = path.removeprefix("/api/v3") if api else path
        kind = self.hub.faults.take(request.method, path)
        if kind == "timeout":
            return await self._never(request)
        answer = self._answer if api else self._git
        response = await run_in_threadpool(answer, request, path, body, kind)
        return await self._never(request) if kind == "timeout_after_apply" else response

    def _git(self, request: Incoming, path: str, body: bytes, kind: int | str | None) -> Response:
        if isinstance(kind, int):
            return Response("fault on demand\n", kind, media_type="text/plain")
        if request.method == "POST" and path.endswith(f"/{pages.NEW_APP}"):
            return pages.new_app(self.hub, request, path, body)
        return smart_http.serve(self.hub, request, path, body)

    def _named(self, path: str) -> str:
        """The path by name of one by id, which is where GitHub sends those who ask for a renamed repository."""
        found = BY_ID.fullmatch(path)
        repo = self.hub.repositories.get(int(found[1])) if found else None
        return f"/repos/{repo.full_name}{found[2] or ''}" if found and repo else path

    async def _never(self, request: Incoming) -> Response:
        """Says nothing until the client gives up or the fake ends."""
        while not self.hub.faults.stopped.is_set() and not await request.is_disconnected():
            await asyncio.sleep(0.01)
        return Response(status_code=504)

    def _answer(self, request: Incoming, path: str, body: bytes, kind: int | str | None) -> Response:
        with self.hub.lock:
            path = self._named(path)
            routed = description.route(request.method, path)
            template, params = (routed[0], dict(routed[1])) if routed else ("", {})
            who = access.ANYBODY
            try:
                who = access.identify(self.hub, request.headers.get("authorization"))
                _refuse_spoiled(self.hub, kind)
                answer = self._call(request, path, body, who, template, params)
                if kind == "502_after_apply":
                    raise Refused(502, "Server Error")
            except Refused as refused:
                headers = {k.replace("_", "-"): v for k, v in refused.headers.items()}
                answer = Answer(status=refused.status, body=refused.body(), headers=headers)
            except Exception as error:  # noqa: BLE001 (told in full, and the test fails)
                trace = "".join(traceback.format_exception(error))
                self.hub.violations.append(f"{request.method} {path}: the fake broke:\n{trace}")
                answer = Answer(status=500, body={"message": "the fake broke"})
            return self._finish(request, path, body, who, template, params, answer)

    def _call(
        self,
        request: Incoming,
        path: str,
        body: bytes,
        who: Credential,
        template: str,
        params: dict[str, str],
    ) -> Answer:
        if not template:
            self.hub.violations.append(f"{request.method} {path}: GitHub's description has no such endpoint")
            raise not_found()
        found = TABLE.get((request.method, template))
        if found is None:
            self.hub.violations.append(f"{request.method} {template}: the fake has not got this endpoint")
            raise Refused(501, "Not in the fake")
        call = Call(
            hub=self.hub,
            who=who,
            method=request.method,
            path=path,
            params=params,
            query=dict(request.query_params),
            body={},
        )
        if "app" in found.needs and who.kind != "app":
            raise Refused(401, "A JSON web token could not be decoded")
        if template.startswith("/repos/"):
            if moved := self._find_repo(call, path):
                return moved
            if "app" not in found.needs and "" not in found.needs:
                access.demand(who, call.repo, found.needs)
        call.body = parse_body(body)
        return found.handler(call)

    def _find_repo(self, call: Call, path: str) -> Answer | None:
        """Sets the call's repository; an answer where it has moved."""
        owner, name = call.params["owner"], call.params["repo"]
        repo = self.hub.find(owner, name)
        if repo is None:
            raise not_found()
        call.maybe_repo = repo
        if repo.full_name.lower() == f"{owner}/{name}".lower():
            return None
        rest = path.split("/", 4)[4:]
        url = "/".join([f"{self.hub.api_url}/repositories/{repo.id}", *rest])
        status = 301 if call.method == "GET" else 307
        body = {"message": "Moved Permanently", "url": url, "documentation_url": "https://docs.github.com"}
        return Answer(status=status, body=body, headers={"Location": url})

    def _finish(
        self,
        request: Incoming,
        path: str,
        body: bytes,
        who: Credential,
        template: str,
        params: dict[str, str],
        answer: Answer,
    ) -> Response:
        raw = b"" if answer.body is None else json.dumps(answer.body).encode()
        tag = etag(raw)
        if request.method == "GET" and answer.status == 200 and request.headers.get("if-none-match") == tag:
            answer, raw = Answer(status=304), b""
        headers = {"ETag": tag, "Date": formatdate(self.hub.now(), usegmt=True)}
        headers |= self._limits(who, answer.status) | answer.headers
        media = "application/json; charset=utf-8" if raw else None
        if template and self.hub.checked:
            seen = description.Seen(
                method=request.method,
                template=template,
                parameters=params,
                query=list(request.query_params.multi_items()),
                request_type=request.headers.get("content-type", ""),
                request_body=body,
                status=answer.status,
                answer_type="application/json",
                answer=raw,
            )
            self.hub.violations += description.complaints(seen)
        self._log(request.method, path, template, answer.status, who)
        return Response(raw, answer.status, headers=headers, media_type=media)

    def _limits(self, who: Credential, status: int) -> dict[str, str]:
        key = f"{who.kind}-{who.installation.id if who.installation else who.name}"
        limit = self.hub.rate_limit if who.kind != "anonymous" else 60
        if status != 304:
            self.hub.spent[key] = self.hub.spent.get(key, 0) + 1
        used = self.hub.spent.get(key, 0)
        numbers = {"Limit": limit, "Remaining": max(limit - used, 0), "Used": used, "Reset": self._reset()}
        return {f"X-RateLimit-{k}": str(v) for k, v in numbers.items()} | {"X-RateLimit-Resource": "core"}

    def _reset(self) -> int:
        return (int(self.hub.now()) // 3600 + 1) * 3600

    def _log(self, method: str, path: str, template: str, status: int, who: Credential) -> None:
        self.hub.requests.append(
            Request(
                method=method,
                path=path,
                route=template,
                status=status,
                token=who.kind,
                installation=who.installation.id if who.installation else None,
                app=who.app.id if who.app else None,
            )
        )


def _refuse_spoiled(hub: FakeGitHub, kind: int | str | None) -> None:
    match kind:
        case int():
            text = "Server Error" if kind >= 500 else "Fault on demand"
            raise Refused(kind, text, **({"Retry_After": str(hub.retry_after)} if kind == 429 else {}))
        case "secondary_limit":
            text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            raise Refused(403, text, Retry_After=str(hub.retry_after))
        case "primary_limit":
            reset = str(int(hub.now()) + hub.retry_after)
            limits: dict[str, Any] = {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": reset}
            raise Refused(403, "API rate limit exceeded for installation.", **limits)

"""An API server with faults to order: a TLS proxy in front of the embedded cluster, under an address that stays."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from posdeck.simulator import certificates
from posdeck.simulator.server import Simulator

PASSED_ON = {"content-type", "retry-after", "warning", "audit-id"}
DROPPED = {"host", "authorization", "content-length", "transfer-encoding", "connection", "accept-encoding"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to requests whose path begins with ``prefix`` (watches only where ``watches`` is set).

    ``status`` answers in the server's place; ``delay`` holds an answer back by seconds; ``half`` cuts it in the
    middle; ``silent`` never answers and lets nothing through on open watches, without closing anything. ``lost``
    carries the request out and breaks the connection off instead of answering; ``held`` keeps the answer for itself.
    With a ``method``, only requests of that method are concerned.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    half: bool = False
    silent: bool = False
    lost: bool = False
    held: bool = False
    prefix: str = "/"
    method: str = ""
    watches: bool = False


class FaultyApi:
    """Passes everything on to ``upstream`` until it is told otherwise. The token in its kubeconfig is its own."""

    def __init__(self, upstream: Simulator) -> None:
        self.upstream = upstream
        self.fault: Fault | None = None
        self.port = 0
        self.token = "token-of-the-proxy"
        self.accepted: set[str] | None = None  # tokens that are let in; None lets everybody in
        self.accepted_certificates: set[bytes] | None = None  # in DER; None wants no certificate
        self.clients: bytes = b""  # PEM of the authority whose client certificates TLS itself insists on
        self._authority = certificates.issue()
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._watches: set[web.StreamResponse] = set()
        self._transports: set[asyncio.BaseTransport] = set()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        application = web.Application(client_max_size=1 << 24)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=0.1,
            handler_cancellation=True,  # a watch whose client has gone must not keep its connection to the cluster
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._context()).start()
        self.port = self._runner.addresses[0][1]
        connector = aiohttp.TCPConnector(limit=0)
        self._client = aiohttp.ClientSession(auto_decompress=False, connector=connector)

    def _context(self) -> ssl.SSLContext:
        context = self._authority.context()
        if self.clients:
            context.load_verify_locations(cadata=self.clients.decode())
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _admits(self, request: web.Request) -> bool:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.accepted is not None and bearer not in self.accepted:
            return False
        if self.accepted_certificates is None:
            return True
        shown = request.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return shown in self.accepted_certificates

    async def stop(self) -> None:
        """Refuse and break every connection, as a server that crashed."""
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def restart_as_stranger(self) -> None:
        """Come back under the same address with the certificate of an authority that nobody trusts."""
        trusted = self._authority
        await self.stop()
        self._authority = certificates.issue()
        await self.start()
        self._authority = trusted

    def set(self, fault: Fault | None) -> None:
        """Begin a fault, or end it."""
        self.fault = fault
        self._changed.set()
        self._changed = asyncio.Event()

    def cut(self) -> None:
        """Break every open connection."""
        for transport in list(self._transports):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    async def garble(self) -> None:
        """Write rubbish into every open watch."""
        for response in list(self._watches):
            with contextlib.suppress(ConnectionError):
                await response.write(b'{"type":"MODI\x00\xff}}}not json\n')

    @property
    def watching(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def write_kubeconfig(self, path: Path, namespace: str, user: dict[str, Any] | None = None) -> Path:
        """A kubeconfig for this address; ``user`` instead of the token."""
        authority = base64.b64encode(self._authority.ca_pem).decode()
        cluster = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority-data": authority}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "faulty",
            "clusters": [{"name": "faulty", "cluster": cluster}],
            "users": [{"name": "someone", "user": user or {"token": self.token}}],
            "contexts": [
                {
                    "name": "faulty",
                    "context": {"cluster": "faulty", "user": "someone", "namespace": namespace},
                }
            ],
        }
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file)
        return path

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self._transports.add(request.transport)
        watch = request.query.get("watch", "") in {"1", "true"}
        fault = self._fault_for(request.path, watch)
        if fault is not None and fault.method not in {"", request.method}:
            fault = None
        if not self._admits(request):
            fault = Fault(401)
        if fault is not None:
            if fault.silent:
                await self._changed.wait()
                request.transport.abort()
                return web.Response()
            if fault.delay:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), fault.delay)
            if fault.status:
                body = {
                    "kind": "Status",
                    "status": "Failure",
                    "message": "a fault to order",
                    "code": fault.status,
                }
                return web.json_response(body, status=fault.status, headers=fault.headers)
        return await self._pass_on(request, fault, watch)

    def _fault_for(self, path: str, watch: bool) -> Fault | None:
        fault = self.fault
        if fault is None or not path.startswith(fault.prefix) or (fault.watches and not watch):
            return None
        return fault

    async def _pass_on(self, request: web.Request, fault: Fault | None, watch: bool) -> web.StreamResponse:
        assert self._client is not None
        assert request.transport is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in DROPPED}
        headers["Authorization"] = f"Bearer {self.upstream.token()}"
        url = f"{self.upstream.url}{request.raw_path}"
        context = ssl.create_default_context(cadata=self.upstream.ca_pem.decode())
        async with self._client.request(
            request.method, url, headers=headers, data=await request.read() or None, ssl=context
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() in PASSED_ON}
            if not watch:
                body = await answer.read()
                if fault and fault.held:
                    await self._changed.wait()
                if fault and (fault.lost or fault.held):
                    request.transport.abort()
                    return web.Response()
                response = web.StreamResponse(status=answer.status, headers=kept)
                response.content_length = len(body)
                await response.prepare(request)
                await response.write(body[: len(body) // 2] if fault and fault.half else body)
                if fault and fault.half:
                    request.transport.abort()
                return response
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            self._watches.add(response)
            try:
                async for chunk in answer.content.iter_any():
                    held = self._fault_for(request.path, watch)
                    if held is not None and held.silent:
                        continue
                    await response.write(chunk)
            finally:
                self._watches.discard(response)
            return response

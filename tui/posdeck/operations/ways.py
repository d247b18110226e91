"""How requests travel to the sources of one environment: direct, through the API server's service proxy, or by a
port-forward of our own. The credentials are those of the way; the question is the telemetry's business."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

from posdeck.catalogue.model import Telemetry
from posdeck.clock import Clock
from posdeck.cluster.http_probe import http_probe
from posdeck.cluster.portforward import PortForward
from posdeck.cluster.transport import Transport
from posdeck.errors import ClusterError, InvalidError, PosdeckError
from posdeck.telemetry.direct import TIMEOUT, Access, direct
from posdeck.telemetry.prometheus import UnsupportedError
from posdeck.telemetry.source import LONGEST_ANSWER, Fetch, SourceError

# beside the API of the embedded cluster, with the same token
EMBEDDED_PREFIXES = {"prometheus": "/prometheus", "rabbitmq": "/rabbitmq"}
_KINDS = {"prometheus": "Prometheus", "rabbitmq": "RabbitMQ", "endpoint": "metrics of"}


def source_name(telemetry: Telemetry) -> str:
    """How readings and errors call a source."""
    kind = _KINDS.get(telemetry.source, telemetry.source)
    if telemetry.via == "embedded":
        return f"embedded {kind}"
    return f"{kind} {telemetry.url or telemetry.service or ''}".strip()


class Ways:
    """How requests travel to the sources of one environment."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self.namespace = namespace
        self._transport = transport
        self._forwards: list[_Forwarded] = []

    def to(self, telemetry: Telemetry) -> Fetch:
        """The way that the inventory chose."""
        name = source_name(telemetry)
        if telemetry.via == "embedded":
            return self.through_api(EMBEDDED_PREFIXES.get(telemetry.source, ""), name)
        if telemetry.via == "service" and telemetry.service:
            return self.through_api(_proxy_path(telemetry.service, self.namespace), name)
        if telemetry.via == "port-forward" and telemetry.service:
            forward = _Forwarded(self._transport, self.namespace, telemetry, name)
            self._forwards.append(forward)
            return forward
        return direct(_access(telemetry, telemetry.url or ""), name)

    def through_api(self, prefix: str, name: str) -> Fetch:
        """By the API server, with our own credentials for it."""

        async def fetch(path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
            try:
                answer = await self._transport.request(
                    "GET", f"{prefix}{path}", params=list(parameters), timeout=TIMEOUT
                )
            except InvalidError as error:
                raise UnsupportedError(name, error.cause, "Check the query.") from error
            except ClusterError as error:
                raise SourceError(name, str(error)) from error
            return answer.body

        return fetch

    async def close(self) -> None:
        """End the port-forwards."""
        await asyncio.gather(*(f.close() for f in self._forwards))


async def ask_pod(
    transport: Transport, clock: Clock, namespace: str, pod: str, port: int, path: str
) -> bytes:
    """One answer from a port of a pod, without a listener of ours. A body that breaks off is none: half of the
    series would be a wrong sum. Raises SourceError."""
    name = f"{pod}:{port}{path}"
    forward = PortForward(transport, namespace, pod, port)
    try:
        answer = await http_probe(forward, path, clock, limit=TIMEOUT, body_limit=LONGEST_ANSWER + 1)
    except PosdeckError as error:
        raise SourceError(name, str(error)) from error
    if answer.status != 200:
        raise SourceError(name, f"it answers {answer.status} {answer.reason}", "Look at its log.")
    if len(answer.body) > LONGEST_ANSWER:
        raise SourceError(name, f"its answer is longer than {LONGEST_ANSWER:,} bytes", "It is not read.")
    if not answer.whole:
        raise SourceError(name, f"its answer breaks off after {len(answer.body):,} bytes", "Try again.")
    return answer.body


class _Forwarded:
    """A source behind a port-forward of our own; made at the first request, and anew when one fails: its pod
    may have gone."""

    def __init__(self, transport: Transport, namespace: str, telemetry: Telemetry, name: str) -> None:
        where, _, rest = (telemetry.service or "").rpartition("/")
        self._namespace = where or namespace
        self._service, _, self._port = rest.partition(":")
        self._transport = transport
        self._telemetry = telemetry
        self._name = name
        self._opening = asyncio.Lock()
        self._forward: PortForward | None = None
        self._fetch: Fetch | None = None

    async def __call__(self, path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        fetch = await self._opened()
        try:
            return await fetch(path, parameters)
        except UnsupportedError:
            raise
        except SourceError:
            await self.close()
            raise

    async def close(self) -> None:
        """Cut the connection."""
        forward, self._forward, self._fetch = self._forward, None, None
        if forward is not None:
            await forward.close()

    async def _opened(self) -> Fetch:
        async with self._opening:
            if self._fetch is None:
                try:
                    pod, port = await self._target()
                    forward = PortForward(self._transport, self._namespace, pod, port)
                    local = await forward.listen()
                except ClusterError as error:
                    raise SourceError(self._name, str(error)) from error
                self._forward = forward
                scheme = "https" if self._telemetry.certificate_file or self._telemetry.ca_file else "http"
                self._fetch = direct(_access(self._telemetry, f"{scheme}://127.0.0.1:{local}"), self._name)
            return self._fetch

    async def _target(self) -> tuple[str, int]:
        """A ready pod of the service and the port of it, as the service's endpoints have them."""
        path = f"/api/v1/namespaces/{self._namespace}/endpoints/{self._service}"
        document = json.loads((await self._transport.request("GET", path, timeout=TIMEOUT)).body)
        for subset in document.get("subsets") or ():
            named = {str(p.get("name") or ""): int(p["port"]) for p in subset.get("ports") or ()}
            wanted = named.get(self._port) or await self._numbered(named)
            pods = [a["targetRef"]["name"] for a in subset.get("addresses") or () if a.get("targetRef")]
            if wanted and pods:
                return pods[0], wanted
        cause = f"no ready pod of the service {self._service} serves port {self._port or '(any)'}"
        raise SourceError(self._name, cause, "Look at the service's endpoints.")

    async def _numbered(self, named: Mapping[str, int]) -> int | None:
        """The pod's port behind the service's port number; the endpoints know it by the same name."""
        path = f"/api/v1/namespaces/{self._namespace}/services/{self._service}"
        service = json.loads((await self._transport.request("GET", path, timeout=TIMEOUT)).body)
        for port in service["spec"].get("ports") or ():
            if self._port in ("", str(port["port"])):
                return named.get(str(port.get("name") or ""))
        return None


def _access(telemetry: Telemetry, url: str) -> Access:
    return Access(
        url, telemetry.token_file, telemetry.username, telemetry.password_file, telemetry.ca_file,
        telemetry.certificate_file, telemetry.key_file, telemetry.server_name,
    )  # fmt: skip


def _proxy_path(service: str, namespace: str) -> str:
    """``[namespace/]name:port`` as a path of the API server's service proxy."""
    where, _, rest = service.rpartition("/")
    return f"/api/v1/namespaces/{where or namespace}/services/{rest}/proxy"

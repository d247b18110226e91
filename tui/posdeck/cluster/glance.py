"""One look at the namespace with the standard library alone: the first rows are on the screen while the HTTP
client and the interface are still being imported. Whoever watches begins with what was seen here.

It looks only where nothing has to be asked first (no plugin, no proxy), and gives nothing where anything is
unusual: the watches meet the same fault a moment later, and they can tell it.
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from posdeck.clock import Clock
from posdeck.cluster.credentials import Credential, credentials_for
from posdeck.cluster.identity import is_insecure
from posdeck.cluster.kubeconfig import Server, Target
from posdeck.cluster.projection import project
from posdeck.cluster.resources import RESOURCES
from posdeck.cluster.snapshot import Connection, Feed, Kind, Snapshot
from posdeck.cluster.tls import proxy_for, tls_context
from posdeck.errors import PosdeckError

PODS_SEEN = 100  # more than a screen holds; the whole list follows
_DEPLOYMENTS_SEEN = 500
_TIMEOUT = 3.0  # seconds for each step on the wire


def glance(target: Target, clock: Clock) -> Snapshot | None:
    """Deployments and the first pods, each with the feed that says how many there are; None when this server
    cannot be asked so simply, or did not answer. Blocks; for a thread."""
    user = target.user
    if target.in_cluster or user.exec is not None or user.auth_provider or proxy_for(target.server):
        return None
    try:
        credential = asyncio.run(credentials_for(target, clock).current())
        connection = _open(target.server, credential)
        try:
            parts = [
                _list(connection, target, credential, Kind.DEPLOYMENTS, _DEPLOYMENTS_SEEN, clock),
                _list(connection, target, credential, Kind.PODS, PODS_SEEN, clock),
            ]
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, PosdeckError):
        return None
    except (ValueError, TypeError, LookupError, AttributeError):  # the answer is no list
        return None
    deployments, pods = parts
    if deployments.feed.total is not None:
        return None  # a part of the deployments would read as if the others were missing
    return Snapshot(
        revision=0,
        taken_at=clock.now(),
        connection=Connection(
            context=target.context,
            server=target.server.url,
            namespace=target.namespace,
            insecure=is_insecure(target),
        ),
        deployments=MappingProxyType(dict(deployments.records)),
        pods=MappingProxyType(dict(pods.records)),
        feeds=MappingProxyType(
            {kind: Feed(kind) for kind in Kind} | {Kind.DEPLOYMENTS: deployments.feed, Kind.PODS: pods.feed}
        ),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    records: Mapping[str, Any]
    feed: Feed


def _list(
    connection: http.client.HTTPConnection,
    target: Target,
    credential: Credential,
    kind: Kind,
    limit: int,
    clock: Clock,
) -> _Part:
    """The first page of a kind; raises ValueError for any answer but a list."""
    path = f"{urlsplit(target.server.url).path.rstrip('/')}{RESOURCES[kind].path(target.namespace)}"
    connection.putrequest("GET", f"{path}?limit={limit}", skip_accept_encoding=True)
    for name, value in (("Accept", "application/json"), ("User-Agent", "posdeck"), *credential.headers):
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        raise ValueError(f"{path}: {answer.status}")
    document = orjson.loads(body)
    found = [project(kind, raw) for raw in document["items"]]
    records = {record.name: record for record in found if record is not None}
    left = document["metadata"].get("remainingItemCount")
    more = bool(document["metadata"].get("continue"))
    total = len(records) + (left if isinstance(left, int) else 1) if more else None
    return _Part(records, Feed(kind, confirmed_at=clock.now(), total=total))


def _open(server: Server, credential: Credential) -> http.client.HTTPConnection:
    parts = urlsplit(server.url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port or 80, timeout=_TIMEOUT)
    context = tls_context(server, credential)
    return _Named(host, parts.port or 443, context, server.tls_server_name)


class _Named(http.client.HTTPSConnection):
    """HTTPS to a host whose certificate may bear another name (``tls-server-name``)."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, name: str) -> None:
        super().__init__(host, port, context=context, timeout=_TIMEOUT)
        self._tls = context
        self._name = name or host

    def connect(self) -> None:
        """Connect and shake hands."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)

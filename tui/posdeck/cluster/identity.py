"""Which cluster this is and who we are there: no write may land on another one under the same address."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from typing import Any

import orjson

from posdeck.cluster.kubeconfig import Target
from posdeck.cluster.resources import NAMESPACES, SELF_REVIEWS
from posdeck.cluster.snapshot import Connection, Identity
from posdeck.cluster.transport import Transport
from posdeck.errors import ClusterError, ForbiddenError, InvalidError, NotFoundError
from posdeck.kubetext.fields import at, mapping, text, texts

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


async def read_connection(transport: Transport, target: Target) -> Connection:
    """All that can be known about the connection; what may not be read stays empty. Raises the ClusterError
    tree, never for a missing right."""
    digest, user, namespace, cluster, version = await asyncio.gather(
        authority_digest(transport, target),
        who_am_i(transport),
        namespace_uid(transport, target.namespace),
        namespace_uid(transport, "kube-system"),
        server_version(transport),
    )
    return Connection(
        context=target.context,
        server=target.server.url,
        namespace=target.namespace,
        ca_digest=digest,
        namespace_uid=namespace or "",
        cluster_uid=cluster or "",
        version=version,
        identity=user,
        insecure=is_insecure(target),
        problem="" if namespace is not None else missing_namespace(target.namespace),
    )


def is_insecure(target: Target) -> bool:
    """Whether whoever answers under the server's address is believed."""
    return target.server.insecure or target.server.url.startswith("http://")


def missing_namespace(name: str) -> str:
    """What to say of a namespace that is not there."""
    return f"the namespace {name} does not exist"


async def authority_digest(transport: Transport, target: Target) -> str:
    """``sha256:…`` over the DER of the certificate authorities, in order of their digests; without any, over
    the server's own certificate; "" without TLS."""
    ca = target.server.ca
    if ca is not None and not target.server.insecure:
        return ca_digest(ca)
    certificate = await transport.peer_certificate()
    return "" if certificate is None else f"sha256:{hashlib.sha256(certificate).hexdigest()}"


def ca_digest(bundle: bytes) -> str:
    """The digest of a PEM bundle; the order, comments and line ends of the file do not matter."""
    ders = [ssl.PEM_cert_to_DER_cert(found.decode("ascii")) for found in _CERTIFICATE.findall(bundle)]
    parts = sorted(hashlib.sha256(der).digest() for der in ders)
    joined = parts[0] if len(parts) == 1 else hashlib.sha256(b"".join(parts)).digest()
    return f"sha256:{joined.hex()}"


async def who_am_i(transport: Transport) -> Identity:
    """Whom the server takes us for; empty where it cannot say (before Kubernetes 1.28)."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        document = await _json(transport, "POST", SELF_REVIEWS.path(), orjson.dumps(body))
    except (NotFoundError, ForbiddenError, InvalidError):
        return Identity()
    user = mapping(at(document, "status", "userInfo"))
    return Identity(text(user.get("username")), tuple(texts(user.get("groups"))))


async def namespace_uid(transport: Transport, name: str) -> str | None:
    """The UID of a namespace; "" where it may not be read, None where it does not exist."""
    try:
        document = await _json(transport, "GET", NAMESPACES.path(name=name))
    except ForbiddenError:
        return ""
    except NotFoundError:
        return None
    return text(at(document, "metadata", "uid"))


async def server_version(transport: Transport) -> str:
    """``v1.36.3``; "" where it may not be read."""
    try:
        return text(mapping(await _json(transport, "GET", "/version")).get("gitVersion"))
    except (ForbiddenError, NotFoundError):
        return ""


async def _json(transport: Transport, method: str, path: str, body: bytes | None = None) -> Any:
    response = await transport.request(method, path, body=body, timeout=10.0)
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise ClusterError(
            path, f"the answer is not JSON ({error})", "Something stands between us and it."
        ) from None

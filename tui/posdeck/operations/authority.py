"""Who vouches for a server, and which version of an object was read: small readings that plugins need as well,
kept apart so that Ansible's processes import little."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from posdeck.cluster.identity import ca_digest
from posdeck.cluster.kubeconfig import Target


def target_ca_digest(target: Target) -> str:
    """The digest of what vouches for the server: its authorities, else its own certificate; "" without TLS.
    May make a connection (for a server that is vouched for by the system's authorities)."""
    server = target.server
    if digest := bundle_digest(target):
        return digest
    parts = urlsplit(server.url)
    if parts.scheme != "https" or not parts.hostname:
        return ""
    try:
        pem = ssl.get_server_certificate((parts.hostname, parts.port or 443), timeout=5)
    except OSError:
        return ""
    return ca_digest(pem.encode())


def bundle_digest(target: Target) -> str:
    """The digest of the authorities that the kubeconfig names, or ""; asks nobody."""
    ca = target.server.ca
    return ca_digest(ca) if ca is not None and not target.server.insecure else ""


def resource_version(raw: Mapping[str, Any] | None) -> str:
    """The resource version of a raw object, or ""."""
    return str(((raw or {}).get("metadata") or {}).get("resourceVersion") or "")

"""From a resolved target to an open transport, by the cheapest path that serves it."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any, Literal

from posdeck.clock import Clock, SystemClock
from posdeck.cluster.credentials import Credential, Credentials, credentials_for
from posdeck.cluster.kubeconfig import ExecSpec, Target
from posdeck.cluster.transport import Transport

Route = Literal["auto", "direct", "official"]


async def connect(target: Target, *, clock: Clock | None = None, route: Route = "auto") -> Transport:
    """A transport to ``target``. Nothing is sent yet; an exec plugin runs at the first request.

    ``auto`` takes the direct path unless the official client's loaders are needed (in cluster, oidc).
    Raises ConfigurationError, AuthExpiredError.
    """
    clock = clock or SystemClock()
    needs_loader = target.in_cluster or bool(target.user.auth_provider)
    credentials: Credentials
    if target.sources and not needs_loader:
        from posdeck.cluster.relogin import RereadCredentials

        credentials = RereadCredentials(target, clock)
    else:
        credentials = credentials_for(target, clock)
    if route == "official" or (route == "auto" and needs_loader):
        from posdeck.cluster.official import open_official

        return await open_official(target, credentials)
    from posdeck.cluster.direct import DirectTransport

    return DirectTransport(target, credentials)


def frozen_kubeconfig(target: Target, path: Path, *, credential: Credential | None = None) -> Path:
    """Write ``target`` as a kubeconfig of exactly one context, self-contained, mode 0600; the path written.

    A run gets this file, so that a context switched or a file edited meanwhile cannot change where it writes.
    With ``credential`` (from ``Credentials.current``) a plugin's answer is written in its place. Raises
    FileExistsError: a run's file is never shared.
    """
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": target.context,
        "clusters": [{"name": "cluster", "cluster": _server(target)}],
        "users": [{"name": "user", "user": _user(target, credential)}],
        "contexts": [
            {
                "name": target.context,
                "context": {"cluster": "cluster", "user": "user", "namespace": target.namespace},
            }
        ],
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)  # JSON is YAML, and needs no import
    return path


def _server(target: Target) -> dict[str, Any]:
    server = target.server
    found: dict[str, Any] = {"server": server.url}
    if server.ca is not None:
        found["certificate-authority-data"] = _encoded(server.ca)
    if server.tls_server_name:
        found["tls-server-name"] = server.tls_server_name
    if server.insecure:
        found["insecure-skip-tls-verify"] = True
    if server.proxy_url:
        found["proxy-url"] = server.proxy_url
    if server.disable_compression:
        found["disable-compression"] = True
    if server.plugin_config is not None:
        found["extensions"] = [
            {"name": "client.authentication.k8s.io/exec", "extension": dict(server.plugin_config)}
        ]
    return found


def _user(target: Target, credential: Credential | None) -> dict[str, Any]:
    user = target.user
    found: dict[str, Any] = {}
    certificate, key = user.certificate, user.key
    if credential is not None and credential.certificate is not None:
        certificate, key = credential.certificate, credential.key
    if certificate is not None and key is not None:
        found["client-certificate-data"], found["client-key-data"] = _encoded(certificate), _encoded(key)
    bearer = dict(credential.headers).get("Authorization", "") if credential is not None else ""
    if bearer.startswith("Bearer "):
        found["token"] = bearer.removeprefix("Bearer ")
    elif user.token_file is not None:
        found["tokenFile"] = str(user.token_file)
    elif user.token:
        found["token"] = user.token
    elif user.username or user.password:
        found["username"], found["password"] = user.username, user.password
    elif user.exec is not None and credential is None:
        found["exec"] = _plugin(user.exec)
    elif user.auth_provider:
        found["auth-provider"] = {"name": user.auth_provider, "config": dict(user.auth_config)}
    return found | _impersonation(user.impersonate)


def _impersonation(headers: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers:
        if name == "Impersonate-User":
            found["as"] = value
        elif name == "Impersonate-Uid":
            found["as-uid"] = value
        elif name == "Impersonate-Group":
            found.setdefault("as-groups", []).append(value)
        else:
            extra = found.setdefault("as-user-extra", {})
            extra.setdefault(name.removeprefix("Impersonate-Extra-"), []).append(value)
    return found


def _plugin(spec: ExecSpec) -> dict[str, Any]:
    return {
        "apiVersion": spec.api_version,
        "command": spec.command,
        "args": list(spec.args),
        "env": [{"name": name, "value": value} for name, value in spec.environment],
        "installHint": spec.install_hint,
        "interactiveMode": spec.interactive_mode,
        "provideClusterInfo": spec.provide_cluster_info,
    }


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")

"""Where the API server is and who we are: kubectl's rules for kubeconfig files, without its dependencies."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import UsageError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Access:
    """One context, resolved. Certificates are PEM texts; ``exec_`` is the user's credential plugin."""

    server: str
    ca: str = ""
    verify: bool = True
    server_name: str = ""
    proxy: str = ""
    certificate: str = ""
    key: str = ""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    impersonate: tuple[tuple[str, str], ...] = ()
    exec_: Mapping[str, Any] | None = None
    namespace: str = ""
    source: str = ""
    cluster: Mapping[str, Any] = field(default_factory=dict)


def load_access(
    kubeconfig: str | None, context: str | None, environment: Mapping[str, str] = os.environ
) -> Access:
    """Resolve ``context`` (else the current one) of the given file, else of KUBECONFIG (several files),
    else of ``~/.kube/config``, else the service account of a pod. Raises UsageError naming file and
    entry."""
    paths = _paths(kubeconfig, environment)
    existing = [path for path in paths if path.is_file()]
    if not existing:
        if (
            kubeconfig is None
            and (_IN_CLUSTER / "token").is_file()
            and environment.get("KUBERNETES_SERVICE_HOST")
        ):
            return _in_cluster(environment)
        raise UsageError("kubeconfig", f"there is none at {', '.join(map(str, paths))}; set KUBECONFIG")
    merged = _merge(existing)
    name = context or merged["current-context"]
    if not name:
        raise UsageError(
            "kubeconfig", "no context is current; give one, or run: kubectl config use-context NAME"
        )
    return _resolve(merged, str(name))


def _paths(kubeconfig: str | None, environment: Mapping[str, str]) -> list[Path]:
    given = kubeconfig or environment.get("K8S_AUTH_KUBECONFIG")
    if given:
        return [Path(given).expanduser()]
    several = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part).expanduser() for part in several] or [Path("~/.kube/config").expanduser()]


def _merge(paths: list[Path]) -> dict[str, Any]:
    """Several files as one: the first to name an entry wins, relative paths belong to their own file."""
    merged: dict[str, Any] = {"clusters": {}, "users": {}, "contexts": {}, "current-context": ""}
    for path in paths:
        try:
            found = yaml.load(path.read_text("utf-8"), Loader=_LOADER) or {}  # noqa: S506 - both are safe
        except (OSError, yaml.YAMLError) as error:
            raise UsageError(str(path), f"the kubeconfig cannot be read ({error})") from error
        if not isinstance(found, dict):
            raise UsageError(str(path), "this is not a kubeconfig")
        merged["current-context"] = merged["current-context"] or found.get("current-context") or ""
        for section, single in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
            for entry in found.get(section) or ():
                merged[section].setdefault(str(entry["name"]), (path, entry.get(single) or {}))
    return merged


def _resolve(merged: dict[str, Any], name: str) -> Access:
    if name not in merged["contexts"]:
        raise UsageError(
            f"context {name}", f"unknown; there are {', '.join(sorted(merged['contexts'])) or 'none'}"
        )
    source, context = merged["contexts"][name]
    cluster_file, cluster = merged["clusters"].get(str(context.get("cluster")), (source, None))
    if not cluster or not cluster.get("server"):
        raise UsageError(f"context {name}", f"cluster {context.get('cluster')!r} has no server in {source}")
    user_file, user = merged["users"].get(str(context.get("user")), (source, {}))
    if user.get("auth-provider"):
        raise UsageError(
            f"user {context.get('user')}", "auth-provider was removed from Kubernetes; use an exec plugin"
        )
    groups = tuple(("Impersonate-Group", str(group)) for group in user.get("as-groups") or ())
    return Access(
        server=str(cluster["server"]).rstrip("/"),
        ca=_pem(cluster_file, cluster, "certificate-authority"),
        verify=not cluster.get("insecure-skip-tls-verify", False),
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
        certificate=_pem(user_file, user, "client-certificate"),
        key=_pem(user_file, user, "client-key"),
        token=str(user.get("token") or ""),
        token_file=str(_beside(user_file, user["tokenFile"])) if user.get("tokenFile") else "",
        username=str(user.get("username") or ""),
        password=str(user.get("password") or ""),
        impersonate=((("Impersonate-User", str(user["as"])),) if user.get("as") else ()) + groups,
        exec_=user.get("exec"),
        namespace=str(context.get("namespace") or ""),
        source=f"{source} context {name}",
        cluster=cluster,
    )


def _pem(file: Path, entry: Mapping[str, Any], name: str) -> str:
    """The PEM text of an entry: data wins over a file, as in kubectl."""
    if data := entry.get(f"{name}-data"):
        try:
            return base64.b64decode(data).decode("ascii")
        except ValueError as error:
            raise UsageError(str(file), f"{name}-data is not base64 of a PEM text") from error
    if path := entry.get(name):
        try:
            return _beside(file, path).read_text("ascii")
        except (OSError, ValueError) as error:
            raise UsageError(str(file), f"{name} {path} cannot be read ({error})") from error
    return ""


def _beside(file: Path, path: str) -> Path:
    return file.parent / Path(path).expanduser()


def _in_cluster(environment: Mapping[str, str]) -> Access:
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment.get("KUBERNETES_SERVICE_PORT", "443")
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca=(_IN_CLUSTER / "ca.crt").read_text("ascii"),
        token_file=str(_IN_CLUSTER / "token"),
        namespace=(_IN_CLUSTER / "namespace").read_text("utf-8").strip(),
        source="the pod's service account",
    )

"""Who the tests are on the real control plane: a kubeconfig per identity, with each kind of credential."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

VIEWERS, METRICS, OPERATORS = "posdeck:viewers", "posdeck:metrics", "posdeck:operators"
ADMIN_TOKEN = "admin-token"

# name of the identity: (token, user, groups)
_TOKENS = {
    "admin-token": (ADMIN_TOKEN, "token-admin", ["system:masters"]),
    "viewer": ("viewer-token", "viewer", [VIEWERS, METRICS]),
    "viewer-no-metrics": ("viewer-no-metrics-token", "viewer-no-metrics", [VIEWERS]),
    "operator": ("operator-token", "operator", [OPERATORS]),
    "nobody": ("nobody-token", "nobody", ["nobodies"]),
}
_CERTIFICATES = ("admin", "operator2")
_COMPONENTS = {"kcm": "kcm", "scheduler": "scheduler"}

# ClusterRole: the groups that get it in every namespace of the tests
BINDINGS = {
    "posdeck-viewer": [VIEWERS, OPERATORS],
    "posdeck-metrics": [METRICS, OPERATORS],
    "posdeck-operator": [OPERATORS],
}

_PLUGIN = """import json, os, sys
info = json.loads(os.environ.get("KUBERNETES_EXEC_INFO", "{}"))
version = info.get("apiVersion", "client.authentication.k8s.io/v1")
json.dump({"apiVersion": version, "kind": "ExecCredential", "status": {"token": sys.argv[1]}}, sys.stdout)
"""


def write(folder: Path, server: str, pki: Path) -> None:
    """Write ``NAME.yaml`` for every identity and component, and the server's table of tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    table = [
        f'{token},{user},{position},"{",".join(groups)}"'
        for position, (token, user, groups) in enumerate(_TOKENS.values())
    ]
    (pki / "tokens.csv").write_text("\n".join(table) + "\n")
    users: dict[str, dict[str, Any]] = {name: {"token": token} for name, (token, *_) in _TOKENS.items()}
    for name, certificate in {**{n: n for n in _CERTIFICATES}, **_COMPONENTS}.items():
        users[name] = {
            "client-certificate-data": _base64(pki / f"{certificate}.crt"),
            "client-key-data": _base64(pki / f"{certificate}.key"),
        }
    plugin = folder / "plugin.py"
    plugin.write_text(_PLUGIN)
    users["viewer-exec"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(plugin), "viewer-token"],
            "interactiveMode": "Never",
        }
    }
    for name, user in users.items():
        _write(folder / f"{name}.yaml", server, pki / "ca.crt", user)


def groups(name: str) -> list[str]:
    """The groups of an identity that has a token."""
    return _TOKENS[name][2]


def with_namespace(kubeconfig: Path, namespace: str) -> Path:
    """A copy of ``kubeconfig`` whose context names ``namespace``."""
    content = json.loads(kubeconfig.read_text())
    content["contexts"][0]["context"]["namespace"] = namespace
    copy = kubeconfig.with_name(f"{kubeconfig.stem}.{namespace}.yaml")
    _private(copy, json.dumps(content, indent=1))
    return copy


def _write(path: Path, server: str, authority: Path, user: dict[str, Any]) -> None:
    cluster = {"server": server, "certificate-authority-data": _base64(authority)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "kubebench",
        "clusters": [{"name": "kubebench", "cluster": cluster}],
        "contexts": [{"name": "kubebench", "context": {"cluster": "kubebench", "user": path.stem}}],
        "users": [{"name": path.stem, "user": user}],
    }
    _private(path, json.dumps(content, indent=1))  # JSON is YAML


def _private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()

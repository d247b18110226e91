"""Credentials from exec plugins, kept for the length of one ``ansible-playbook`` run: every task is a
process of its own, and asking a cloud's plugin anew for each costs a second apiece."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .errors import UsageError
from .kubeconfig import Access

_SPARE = 60.0  # seconds of validity that a kept credential must still have
_LIMIT = 30.0  # seconds that a plugin may take


def with_credentials(access: Access, cache: Path | None) -> Access:
    """``access`` with the token or the certificate of its exec plugin or token file filled in.

    ``cache`` is a private folder that goes with the run; None keeps nothing.
    """
    if access.token_file and not access.token:
        try:
            return replace(access, token=Path(access.token_file).read_text("utf-8").strip())
        except OSError as error:
            raise UsageError(
                access.token_file, f"the token file cannot be read ({error.strerror})"
            ) from error
    if access.exec_ is None:
        return access
    status = _kept(access, cache) or _ask(access, cache)
    return replace(
        access,
        token=str(status.get("token") or access.token),
        certificate=str(status.get("clientCertificateData") or access.certificate),
        key=str(status.get("clientKeyData") or access.key),
    )


def forget(access: Access, cache: Path | None) -> bool:
    """Drop a kept credential that was refused; whether there was one, so that asking again makes sense."""
    file = _file(access, cache)
    if access.exec_ is None or file is None or not file.exists():
        return False
    file.unlink(missing_ok=True)
    return True


def _ask(access: Access, cache: Path | None) -> Mapping[str, Any]:
    spec = access.exec_ or {}
    command = [str(spec.get("command", "")), *map(str, spec.get("args") or ())]
    environment = {**os.environ, **{str(e["name"]): str(e["value"]) for e in spec.get("env") or ()}}
    info: dict[str, Any] = {"interactive": False}
    if spec.get("provideClusterInfo"):
        info["cluster"] = {k: v for k, v in access.cluster.items() if k != "extensions"}
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(
        {"apiVersion": spec.get("apiVersion"), "kind": "ExecCredential", "spec": info}
    )
    name = f"credential plugin {command[0]}"
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_LIMIT,
            check=False,
        )
    except OSError as error:
        hint = f" {spec['installHint']}" if spec.get("installHint") else ""
        raise UsageError(name, f"it cannot be started ({error.strerror}).{hint}") from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(name, f"no answer within {_LIMIT:g} s; log in by hand first") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-300:]
        raise UsageError(name, f"it failed with exit code {done.returncode}: {said or 'it says nothing'}")
    try:
        status = json.loads(done.stdout)["status"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(name, "its output is not an ExecCredential") from error
    _keep(access, cache, status)
    return status  # type: ignore[no-any-return]


def _kept(access: Access, cache: Path | None) -> Mapping[str, Any] | None:
    file = _file(access, cache)
    if file is None:
        return None
    try:
        status = json.loads(file.read_text("utf-8"))
        expires = status.get("expirationTimestamp")
        valid = not expires or _seconds_left(expires) > _SPARE
    except (OSError, ValueError, AttributeError):
        return None
    return status if valid else None


def _keep(access: Access, cache: Path | None, status: Mapping[str, Any]) -> None:
    file = _file(access, cache)
    if file is None:
        return
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(status, stream)
    partial.rename(file)


def _file(access: Access, cache: Path | None) -> Path | None:
    if cache is None:
        return None
    key = json.dumps([access.server, access.exec_], sort_keys=True, default=str)
    return cache / f"credential-{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def _seconds_left(expires: str) -> float:
    moment = datetime.fromisoformat(expires.replace("Z", "+00:00"))
    return (moment - datetime.now(timezone.utc)).total_seconds()  # noqa: UP017 - as Ansible's own code writes it

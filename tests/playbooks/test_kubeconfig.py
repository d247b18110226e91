"""Kubeconfig files are read by kubectl's rules, and credentials of plugins are asked for once a run."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.credentials import with_credentials
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.kubeconfig import Access, load_access


def write(path: Path, **changes: Any) -> Path:
    config = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://one:6443/"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        **changes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(config))
    return path


def test_the_current_context_is_resolved(tmp_path: Path) -> None:
    access = load_access(str(write(tmp_path / "config")), None, {})
    assert (access.server, access.token, access.namespace) == ("https://one:6443", "t", "n")
    assert "context one" in access.source


def test_of_several_files_the_first_to_name_an_entry_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "config", clusters=[], users=[])
    second = write(tmp_path / "b" / "config", **{"current-context": "other"})
    access = load_access(None, None, {"KUBECONFIG": f"{tmp_path}/missing:{first}:{second}"})
    assert access.server == "https://one:6443"
    assert access.token == "t"


def test_paths_belong_to_their_file_and_data_wins(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ca.crt").write_text("FILE")
    cluster = {"server": "https://x", "certificate-authority": "ca.crt"}
    path = write(tmp_path / "sub" / "config", clusters=[{"name": "c", "cluster": cluster}])
    assert load_access(str(path), None, {}).ca == "FILE"
    data = base64.b64encode(b"DATA").decode()
    path = write(
        tmp_path / "sub" / "config",
        clusters=[{"name": "c", "cluster": {**cluster, "certificate-authority-data": data}}],
    )
    assert load_access(str(path), None, {}).ca == "DATA"


@pytest.mark.parametrize(
    ("changes", "context", "words"),
    [
        ({}, "nine", "unknown; there are one"),
        ({"current-context": ""}, None, "no context is current"),
        ({"clusters": []}, None, "has no server"),
        ({"users": [{"name": "u", "user": {"auth-provider": {"name": "gcp"}}}]}, None, "auth-provider"),
    ],
    ids=["unknown", "none", "no-cluster", "auth-provider"],
)
def test_what_is_wrong_with_it_is_named(
    tmp_path: Path, changes: dict[str, Any], context: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        load_access(str(write(tmp_path / "config", **changes)), context, {})


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is none at"):
        load_access(str(tmp_path / "none"), None, {})
    (tmp_path / "broken").write_text("a: [")
    with pytest.raises(UsageError, match="cannot be read"):
        load_access(str(tmp_path / "broken"), None, {})


def plugin(folder: Path, status: dict[str, Any], code: int = 0) -> Access:
    """An exec plugin that counts how often it is asked."""
    folder.mkdir(exist_ok=True)
    script = folder / "plugin"
    answer = json.dumps(
        {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    )
    script.write_text(
        f'#!/bin/sh\necho x >> {folder}/asked\necho "$KUBERNETES_EXEC_INFO" > {folder}/info\n'
        f"echo 'please log in' >&2\necho '{answer}'\nexit {code}\n"
    )
    script.chmod(0o700)
    spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script)}
    return Access(server="https://x", exec_=spec)


def asked(folder: Path) -> int:
    return len((folder / "asked").read_text().splitlines())


def test_a_plugin_is_asked_once_and_its_answer_kept_privately(tmp_path: Path) -> None:
    access = plugin(tmp_path / "p", {"token": "fresh", "expirationTimestamp": "2999-01-01T00:00:00Z"})
    cache = tmp_path / "cache"
    cache.mkdir()
    assert with_credentials(access, cache).token == "fresh"
    assert with_credentials(access, cache).token == "fresh"
    assert asked(tmp_path / "p") == 1
    assert [stat.S_IMODE(file.stat().st_mode) for file in cache.iterdir()] == [0o600]
    assert json.loads((tmp_path / "p" / "info").read_text())["spec"] == {"interactive": False}


def test_an_expired_answer_is_asked_for_again(tmp_path: Path) -> None:
    access = plugin(tmp_path / "p", {"token": "old", "expirationTimestamp": "2001-01-01T00:00:00Z"})
    for _ in range(2):
        with_credentials(access, tmp_path)
    assert asked(tmp_path / "p") == 2


def test_a_failing_plugin_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exit code 3: please log in"):
        with_credentials(plugin(tmp_path / "p", {}, code=3), None)
    missing = Access(
        server="https://x", exec_={"command": str(tmp_path / "none"), "installHint": "Install it."}
    )
    with pytest.raises(UsageError, match="Install it"):
        with_credentials(missing, None)


def test_a_refused_kept_credential_is_renewed_once(api: Any, tmp_path: Path) -> None:
    made = plugin(tmp_path / "p", {"token": "fresh"})
    access = Access(server=api.url, exec_=made.exec_)
    cache = tmp_path / "cache"
    cache.mkdir()
    api.say(401, {"message": "Unauthorized"})
    api.say(200, {"kind": "Namespace"})
    client = Client(access, cache=cache)
    assert client.get("/api/v1/namespaces/n") == {"kind": "Namespace"}
    client.close()
    assert asked(tmp_path / "p") == 2


def test_a_token_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    assert (
        with_credentials(Access(server="https://x", token_file=str(tmp_path / "token")), None).token
        == "from-file"
    )
    with pytest.raises(UsageError, match="token file cannot be read"):
        with_credentials(Access(server="https://x", token_file=str(tmp_path / "none")), None)

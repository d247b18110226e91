"""Any kind as the server prints it, single objects redacted, and never the value of a Secret or a ConfigMap."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.operations.opened_console import console_on, embedded_console, private_folders

from posdeck.errors import UnknownNameError
from posdeck.operations.console import Console
from posdeck.operations.kinds import ALL
from posdeck.operations.objects import NOT_SHOWN, shown
from posdeck.redaction.redactor import Redactor


@pytest.fixture
async def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Console]:
    private_folders(monkeypatch, tmp_path)
    async with embedded_console(tmp_path) as (console, _):
        yield console


async def test_get_all_on_the_embedded_cluster(embedded: Console) -> None:
    tables = {t.kind: t for t in await embedded.all_tables()}
    assert len(tables["deployments.apps"].rows) == 18
    assert [c.name for c in tables["deployments.apps"].columns][:4] == [
        "Name", "Ready", "Up-to-date", "Available"
    ]  # fmt: skip
    assert len(tables["pods"].rows) == len(embedded.view.snapshot.pods)


async def test_a_kind_that_nobody_serves_is_unknown(embedded: Console) -> None:
    with pytest.raises(UnknownNameError):
        await embedded.table("unicorns")
    with pytest.raises(UnknownNameError):
        await embedded.object("unicorns", "x")


def test_the_values_of_a_secret_are_gone_wherever_they_lie() -> None:
    """Its data, and the copy of it that kubectl apply leaves in an annotation."""
    applied = json.dumps({"kind": "Secret", "stringData": {"key": "plain-value-1"}})
    secret = {
        "kind": "Secret",
        "metadata": {
            "name": "db",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied, "team": "pos"},
        },
        "type": "Opaque",
        "data": {"key": "cGxhaW4tdmFsdWUtMQ=="},
        "stringData": {"other": "plain-value-2"},
    }
    found = shown(secret, Redactor(), by_name_only=True)
    text = json.dumps(found)
    assert found["data"] == {"key": NOT_SHOWN}
    assert found["stringData"] == {"other": NOT_SHOWN}
    assert found["metadata"]["annotations"]["team"] == "pos"
    assert "plain-value" not in text
    assert "cGxhaW4" not in text
    assert secret["data"] == {"key": "cGxhaW4tdmFsdWUtMQ=="}, "what was read is not changed"


def test_the_environment_of_a_container_is_redacted() -> None:
    env = [
        {"name": "DB_PASSWORD", "value": "hunter2"},
        {"name": "DATABASE_URL", "value": "postgres://pos:hunter2@db:5432/pos"},
        {"name": "API_TOKEN", "value": "tok-hunter2"},
        {"name": "SUPPORT", "value": "jane.doe@example.com"},
        {"name": "LOG_LEVEL", "value": "info"},
        {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
    ]
    pod = {
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"env": env, "args": ["--password=hunter2", "--port=80"]}]},
    }
    text = json.dumps(shown(pod, Redactor()))
    assert "hunter2" not in text
    assert "jane.doe" not in text
    for kept in ('"value": "info"', '"name": "DB_PASSWORD"', "--port=80", '"secretKeyRef": {"name": "db"'):
        assert kept in text


@pytest.mark.cluster
async def test_any_kind_on_a_real_control_plane(
    control_plane: ControlPlane, spc_pos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cells are kubectl's; short names, singular names and groups find the same kind; a Secret has no value."""
    private_folders(monkeypatch, tmp_path)
    for arguments in (
        ("configmap", "settings", "--from-literal=colour=do-not-show"),
        ("secret", "generic", "db", "--from-literal=password=do-not-show"),
        ("job", "tidy", "--image=busybox"),
    ):
        control_plane.kubectl("create", *arguments, "-n", spc_pos)
    async with console_on(control_plane.kubeconfig, namespace=spc_pos) as console:
        secrets = await console.table("secrets")
        assert [c.name for c in secrets.columns] == ["Name", "Type", "Data", "Age"]
        assert next(r for r in secrets.rows if r.name == "db").cells[:3] == ("db", "Opaque", "1")
        maps = await console.table("cm")
        assert any(r.name == "settings" for r in maps.rows)
        assert "do-not-show" not in f"{secrets}{maps}"
        for name in ("jobs", "job", "jobs.batch"):
            assert [r.name for r in (await console.table(name)).rows] == ["tidy"]
        services = await console.table("services")
        printed = control_plane.kubectl("get", "services", "-n", spc_pos, "--no-headers").stdout.splitlines()
        assert [line.split()[:4] for line in printed] == [list(row.cells[:4]) for row in services.rows]
        # found by discovery: it is in no list of ours
        assert (await console.table("podtemplates")).kind == "podtemplates"
        assert [t.kind.partition(".")[0] for t in await console.all_tables()] == list(ALL)
        for kind, name in (("secrets", "db"), ("configmaps", "settings"), ("cm", "settings")):
            found = await console.object(kind, name)
            assert NOT_SHOWN in str(found["data"])
            assert "do-not-show" not in str(found)
            assert "ZG8tbm90" not in str(found)
        assert (await console.object("jobs.batch", "tidy"))["kind"] == "Job"

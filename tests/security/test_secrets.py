"""What posdeck keeps and says holds no credential and nothing of its environment, and is for its owner alone."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from tests.acceptance.places import Desk, confirmed

pytestmark = pytest.mark.ansible
CANARY = "canary-5e0f2c8d41b7-of-the-environment"


def restart(desk: Desk, consumer: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Restart a consumer with everybody told."""
    return desk.run(
        "runbook", "run", "restart-consumer", "--param", f"consumer={consumer}", "--answer", "go=restart",
        "--informed", "operations", "-o", "json", *more,
    )  # fmt: skip


def leaks(folder: Path, secrets: dict[str, str]) -> list[str]:
    """Files under ``folder`` that hold a secret, in plain text or in base64."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            for name, secret in secrets.items():
                forms = (secret.encode(), base64.b64encode(secret.encode()).rstrip(b"="))
                if any(form in content for form in forms):
                    found.append(f"{name} in {path.relative_to(folder)}")
    return found


def test_no_credential_and_no_environment_is_left_in_state_or_output(
    embedded_desk: Desk, tmp_path: Path
) -> None:
    """After a change, a refusal and a plain playbook: the whole of posdeck's folders, and all it said."""
    token = json.loads(embedded_desk.place.kubeconfig.read_text())["users"][0]["user"]["token"]
    embedded_desk.extra["PAYMENTS_TOKEN"] = CANARY
    embedded_desk.extra["AWS_SECRET_ACCESS_KEY"] = CANARY
    secrets = {"token": token, "environment": CANARY}

    done = restart(embedded_desk, "consumer-order", *confirmed("consumer-order"))
    refused = restart(embedded_desk, "consumer-order", *confirmed("consumer-customer"))
    said = [done, refused, embedded_desk.run("doctor"), embedded_desk.run("audit", "list", "-o", "json")]
    said += [embedded_desk.run("snapshot", "pods"), embedded_desk.run("status", "-o", "json")]
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert done.returncode in {0, 2}, done.stdout + done.stderr
    assert {r["kind"] for r in embedded_desk.records()} >= {"intent", "refusal"}

    own = [embedded_desk.home / name for name in ("state", "config", "cache")]
    assert (embedded_desk.state / "audit.sqlite").exists()
    assert [leak for folder in own for leak in leaks(folder, secrets)] == []
    for each in said:
        assert not any(secret in each.stdout + each.stderr for secret in secrets.values())

    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "x").write_text(f"Bearer {token}")
    assert leaks(tmp_path / "control", secrets) == ["token in x"], "the search finds what is there"


def test_what_is_kept_is_for_its_owner_alone(embedded_desk: Desk) -> None:
    before = os.umask(0)  # the widest that a shell can have
    try:
        done = restart(embedded_desk, "consumer-customer", *confirmed("consumer-customer"))
    finally:
        os.umask(before)
    assert done.returncode in {0, 2}, done.stdout + done.stderr
    kept = [embedded_desk.state, *embedded_desk.state.rglob("*")]
    assert len(kept) > 2
    for path in kept:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.lstat().st_mode) == wanted, f"{path}: {stat.filemode(path.lstat().st_mode)}"

"""What posdeck keeps and says holds no credential and nothing of its environment, and is for its owner alone."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.acceptance.places import ROOT, Desk, confirmed, with_content

pytestmark = pytest.mark.ansible
CANARY = "canary-5e0f2c8d41b7-of-the-environment"
PLUGIN = """
import json, os, pathlib, sys
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
token = pathlib.Path(sys.argv[1]).read_text()
print(json.dumps({"apiVersion": info["apiVersion"], "kind": "ExecCredential", "status": {"token": token}}))
"""
# posdeck, with a defect in the middle of its work
CRASH = """
import sys
from posdeck.operations.console import Console
def broken(*_, **__):
    raise RuntimeError("a defect of the test")
Console.start = broken
from posdeck.__main__ import main
sys.argv[0] = "posdeck"
main()
"""


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


def test_no_secret_of_any_login_or_source_is_left_or_shown(embedded_desk: Desk, tmp_path: Path) -> None:
    """A plugin's token, a webhook's address, the password of a source of numbers, the environment: with the live
    screen, an act, its export, what a crash prints, and the arguments of every process meanwhile."""
    desk, place = embedded_desk, embedded_desk.place
    config = json.loads(place.kubeconfig.read_text())
    token = config["users"][0]["user"].pop("token")
    (tmp_path / "token").write_text(token)
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN)
    secrets = {
        "token": token,
        "environment": CANARY,
        "webhook": "canary-webhook-91",
        "source": "canary-source-57",
    }
    config["users"][0]["user"]["exec"] = {
        "apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "interactiveMode": "Never",
        "args": [str(plugin), str(tmp_path / "token")], "env": [{"name": "PLUGIN_SECRET", "value": CANARY}],
    }  # fmt: skip
    desk.kubeconfig = tmp_path / "with-plugin"
    desk.kubeconfig.touch(mode=0o600)
    desk.kubeconfig.write_text(json.dumps(config))
    settings = desk.home / "config" / "posdeck" / "config.toml"
    settings.parent.mkdir(parents=True, mode=0o700)
    settings.write_text(f'[announce]\nwebhook = "http://posdeck:{secrets["webhook"]}@127.0.0.1:9/x"\n')
    content = tmp_path / "content"
    shutil.copytree(ROOT / "inventory" / "simulated", content / "inventory" / "simulated")
    (tmp_path / "password").write_text(secrets["source"])
    (content / "inventory" / "simulated" / "group_vars" / "all" / "telemetry.yml").write_text(
        "telemetry:\n  source: prometheus\n  via: direct\n  url: https://127.0.0.1:9\n  username: posdeck\n"
        f"  password_file: {tmp_path / 'password'}\nqueries: {{}}\nservice_levels: []\nlinks: {{}}\n"
    )
    with_content(desk, content)
    desk.extra["PAYMENTS_TOKEN"] = desk.extra["ANSIBLE_VAULT_PASSWORD"] = CANARY

    watched = Arguments()
    with watched:
        done = restart(desk, "consumer-default", *confirmed("consumer-default"))
        doctor = desk.run("doctor")
        screen = desk.run("snapshot", "overview")
    assert done.returncode in {0, 2}, done.stdout + done.stderr
    crashed = subprocess.run(
        [sys.executable, "-c", CRASH, *desk.command("status")[3:]], env=desk.variables(), cwd=desk.home,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "a defect of the test" in crashed.stdout + crashed.stderr
    said = [done, doctor, screen, crashed]
    said += [
        desk.run("audit", "list", "-o", "json"),
        desk.run("audit", "verify"),
        desk.run("status", "-o", "json"),
    ]
    said += [desk.run("audit", "show", str(r["sequence"]), "-o", "json") for r in desk.records()]
    for each in said:
        for name, secret in secrets.items():
            assert secret not in each.stdout + each.stderr, f"{name} in what {each.args} says"
    own = [desk.home / name for name in ("state", "cache")]
    assert [leak for folder in own for leak in leaks(folder, secrets)] == []
    assert any("ansible" in line for line in watched.seen), "the run was seen"
    assert [n for n, secret in secrets.items() if any(secret in line for line in watched.seen)] == []


class Arguments:
    """The command line of every process of this machine, looked at again and again."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))


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

"""Restarting several deployments goes one after the other, and ends at the first that does not come back."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tests.operations.opened_console import private_folders
from tests.paths.conftest import LIBRARY, ROOT, console_on, embedded_cluster
from tests.paths.leading import STAMP, Leading
from tests.paths.scenes import Scene, full

from posdeck.operations.write import RESOURCES

pytestmark = pytest.mark.ansible
FIRST, SECOND = "consumer-order", "consumer-pos-order"
NOWHERE = {"spec": {"template": {"spec": {"nodeSelector": {"there": "is-none"}}}}}


async def restart(kubeconfig: Path, *options: str) -> tuple[int, str]:
    """A plain run of the playbook on both order consumers."""
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        str(ROOT / "inventory" / "simulated"),
    ]
    command += [str(ROOT / "playbooks" / "restart.yml"), "-l", "order_consumers", "-e", "reason=test"]
    process = await asyncio.create_subprocess_exec(
        *command, *options, env={**os.environ, "KUBECONFIG": str(kubeconfig), "LC_ALL": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_second_is_left_alone_when_the_first_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    private_folders(monkeypatch, tmp_path)
    async with embedded_cluster(tmp_path) as request, console_on(request, monkeypatch, blind=False) as stage:
        leading = Leading(stage, LIBRARY["restart-all-consumers"], Scene())

        async def stamps() -> dict[str, str]:
            found = await leading.objects()
            return {
                short: (
                    found[f"Deployment/{full(short)}"]["spec"]["template"]["metadata"].get("annotations")
                    or {}
                ).get(STAMP, "")
                for short in (FIRST, SECOND)
            }

        namespace = stage.console.require_workshop().target.namespace
        await leading._put(RESOURCES["Deployment"].path(namespace, full(FIRST)), NOWHERE)
        before = await stamps()
        code, said = await restart(
            Path(str(request.kubeconfig)), "-e", "confirm=yes", "-e", "rollout_timeout=2"
        )
        after = await stamps()
        assert code != 0, said
        assert after[FIRST] > before[FIRST], said
        assert after[SECOND] == before[SECOND], said
        assert SECOND not in said, "it was not even begun"

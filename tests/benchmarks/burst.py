"""Many pods changed at once, by a process of its own: whoever draws a terminal has no time to write beside it.

``python -m tests.benchmarks.burst PORT AUTHORITY TOKEN NAMESPACE`` reads one line of JSON (``reason``, ``names``,
``last``), opens its connections, says "ready", waits for a line, patches every pod and ``last`` after them, and says
when it began and ended, in seconds of the monotonic clock that processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tests.benchmarks import cluster
from tests.cluster.control_plane import ControlPlane

_CONNECTIONS = 32
_PATCH = {"Content-Type": "application/merge-patch+json"}


@dataclass(slots=True)
class Burst:
    """One burst under way. ``began`` and ``ended`` (``perf_counter``) are there once it ``is_over``."""

    process: subprocess.Popen[str]
    began: float = 0.0
    ended: float = 0.0
    problem: str = ""

    def go(self) -> None:
        """Let it write; returns at once."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Whether the server has answered the last change."""
        return bool(self.ended or self.problem)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        told = self.process.stdout.read()
        self.process.wait()
        try:
            self.began, self.ended = map(float, told.split())
        except ValueError:
            self.problem = f"the burst failed: {told or self.process.returncode}"


def prepare(plane: ControlPlane, names: Sequence[str], reason: str, last: str = "") -> Burst:
    """A process that is connected and waits to set ``reason`` on all ``names``, and ``reason`` + "end" on ``last``."""
    where = (str(plane.ports["api"]), str(plane.ca_path), plane.token, cluster.NAMESPACE)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.burst", *where],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"reason": reason, "names": list(names), "last": last}) + "\n")
    process.stdin.flush()
    if process.stdout.readline() != "ready\n":
        raise RuntimeError("the writer of the burst cannot connect")
    return Burst(process)


def restore(plane: ControlPlane, names: Sequence[str]) -> None:
    """Take the reasons back, so that the rows of whoever is measured next say "Running" again."""
    written = prepare(plane, names, "")
    written.go()
    written.process.wait(600)


async def _write(port: str, authority: str, token: str, namespace: str) -> None:
    import aiohttp

    order = json.loads(sys.stdin.readline())
    connector = aiohttp.TCPConnector(
        limit=_CONNECTIONS, ssl=ssl.create_default_context(cafile=authority), force_close=False
    )
    pods = f"https://127.0.0.1:{port}/api/v1/namespaces/{namespace}/pods"
    session = aiohttp.ClientSession(connector=connector, headers={"Authorization": f"Bearer {token}"})

    async def warm() -> None:
        async with session.get(f"{pods}?limit=1") as answer:
            await answer.read()

    async def mark(name: str, reason: str) -> None:
        body = json.dumps({"status": {"reason": reason or None}})
        async with session.patch(f"{pods}/{name}/status", data=body, headers=_PATCH) as answer:
            if answer.status >= 400:
                raise RuntimeError(f"{answer.status} for {name}: {await answer.text()}")
            await answer.read()

    async with session:
        await asyncio.gather(*(warm() for _ in range(_CONNECTIONS)))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        began = perf_counter()
        await asyncio.gather(*(mark(name, order["reason"]) for name in order["names"]))
        if order["last"]:
            await mark(order["last"], f"{order['reason']}end")
        print(began, perf_counter(), flush=True)


if __name__ == "__main__":
    asyncio.run(_write(*sys.argv[1:5]))

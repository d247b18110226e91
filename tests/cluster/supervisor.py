"""Keeps the control plane's processes, and ends them when nobody needs them any more.

A process of its own: the pytest workers hold a connection to its socket, and when the last one is gone,
however it went (``kill -9`` included), every process is killed and the state removed. One JSON object a line:
``{"do": "start", "name", "argv", "log"}``, ``{"do": "stop", "name", "signal"}``, ``{"do": "list"}`` (exit
codes by name), ``{"do": "pids"}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

FIRST_CLIENT_WITHIN = 30.0


class Supervisor:
    """The processes by name, and the number of connected clients."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._clients = 0
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Serve until the last client has gone, then end everything."""
        server = await asyncio.start_unix_server(self._serve, str(self._state / "supervisor.sock"))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._over.set)
        loop.call_later(FIRST_CLIENT_WITHIN, self._end_if_alone)
        await self._over.wait()
        server.close()
        # Without the socket nobody can join any more; only then are the processes ended.
        (self._state / "supervisor.sock").unlink(missing_ok=True)
        await asyncio.gather(*(self._stop(name, signal.SIGKILL) for name in list(self._processes)))
        shutil.rmtree(self._state, ignore_errors=True)

    def _end_if_alone(self) -> None:
        if not self._clients:
            self._over.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(json.loads(line))).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._clients -= 1
            self._end_if_alone()
            writer.close()

    async def _answer(self, order: dict[str, Any]) -> dict[str, Any]:
        if order["do"] == "start":
            with Path(order["log"]).open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    *order["argv"],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, **order.get("env", {})},
                )
            self._processes[order["name"]] = process
        elif order["do"] == "stop":
            await self._stop(order["name"], order.get("signal", signal.SIGTERM))
        elif order["do"] == "pids":
            return {name: process.pid for name, process in self._processes.items()}
        return {name: process.returncode for name, process in self._processes.items()}

    async def _stop(self, name: str, number: int) -> None:
        process = self._processes.pop(name, None)
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()


if __name__ == "__main__":
    asyncio.run(Supervisor(Path(sys.argv[1])).run())

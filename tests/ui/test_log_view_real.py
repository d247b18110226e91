"""The log view on a real API server's log stream: whatever happens to the stream, each line is there once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.cluster_reading.support import BreakableProxy
from tests.operations.opened_console import private_folders

from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import Surroundings
from posdeck.ui.app import PosdeckApp
from posdeck.ui.picture import screen_text
from posdeck.ui.screens.logs import LogsPane

ORDER = "spc--pos--be--consumer-order--prod"
PATIENCE = 60.0


async def eventually(app: PosdeckApp, holds: Callable[[], bool], what: str) -> None:
    """Wait until ``holds`` does, for as long as a busy machine may take."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never came: {what}\n{screen_text(app)}") from None


@pytest.mark.cluster
async def test_rotation_a_restart_and_a_cut_leave_no_gap_and_no_line_twice(
    control_plane: ControlPlane, spc_pos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folders(monkeypatch, tmp_path)
    host, port = control_plane.server.removeprefix("https://").split(":")
    proxy = BreakableProxy(host, int(port))
    await proxy.open()
    config = tmp_path / "kubeconfig"
    config.write_text(
        control_plane.kubeconfig.read_text().replace(control_plane.server, f"https://{host}:{proxy.port}")
    )
    request = Request(kubeconfig=config, environment="simulated", namespace=spc_pos)
    app = PosdeckApp(
        lambda: Console(open_content(request), rules_later=True), Surroundings("simulated", False, "ask")
    )
    expected: list[str] = []
    number = 0

    def write(name: str, count: int) -> None:
        nonlocal number
        for _ in range(count):
            number += 1
            expected.append(f"line {number}")
            control_plane.append_log(spc_pos, name, expected[-1])

    try:
        async with app.run_test(size=(160, 40)) as pilot:
            await eventually(
                app, lambda: any(p.startswith(ORDER) for p in app.scene.snapshot.pods), "the pods"
            )
            name = next(p for p in app.scene.snapshot.pods if p.startswith(ORDER))
            expected += [f"line {n}" for n in range(1, 41)]
            number = 40
            await asyncio.to_thread(control_plane.set_logs, spc_pos, name, expected)
            await app.command(f"logs {name}")
            pane = app.console_screen.current
            assert isinstance(pane, LogsPane)

            def shown() -> list[str]:
                lines = (entry.line for entry in pane._entries)
                return [line.text for line in lines if line is not None and line.level != "mark"]

            async def comes(what: str) -> None:
                await eventually(app, lambda: len(shown()) >= len(expected), what)
                await pilot.pause()
                assert shown() == expected, what

            await comes("what was there")
            write(name, 25)
            await comes("what is written now")

            control_plane.rotate_log(spc_pos, name)
            write(name, 25)
            await comes("what comes after a rotation")

            proxy.cut()
            write(name, 25)
            await comes("what came while the connection was cut")

            write(name, 10)  # the last words of the container
            await asyncio.to_thread(control_plane.restart_container, spc_pos, name)
            write(name, 25)
            proxy.cut()  # a real stream ends with its container
            await comes("the old container's end and the new one's beginning")
            marks = [e.line.text for e in pane._entries if e.line is not None and e.line.level == "mark"]
            assert any("restarted" in mark for mark in marks), marks
            assert f"line {number}" in screen_text(app)
    finally:
        await proxy.close()

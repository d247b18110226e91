"""Ten thousand pods through the whole program: read from a server, kept, judged and drawn. Nothing here is timed;
what it holds is that the work follows what is in sight and what changes, not what exists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.benchmarks.crowd import crowd, name_of

from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.operations.console import Console
from posdeck.operations.opening import Opening, Request, open_content
from posdeck.operations.view import Surroundings
from posdeck.ui.app import PosdeckApp
from posdeck.ui.picture import screen_text
from posdeck.ui.screens.tables import PodsPane
from posdeck.ui.wall import wall_of

PODS = 10_000
SIZE = (140, 40)


@pytest.fixture
def opening_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Opening]:
    """Opens the simulated environment on a kubeconfig, with private folders."""
    for name in ("STATE", "CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    return lambda kubeconfig: open_content(Request(kubeconfig=kubeconfig, environment="simulated"))


async def until(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    """Wait for what the program does by itself; the deadline is for a machine that does much else."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"not seen within {seconds:.0f} s: {what}")


async def test_rows_keys_and_changes_at_ten_thousand_pods(
    tmp_path: Path, opening_of: Callable[[Path], Opening]
) -> None:
    with crowd(PODS, tmp_path) as server:
        opening = opening_of(server.kubeconfig)
        app = PosdeckApp(
            lambda: Console(opening, rules_later=True),
            Surroundings("simulated", False, "ask"),
            view="pods",
            wall=wall_of(opening.catalogue),
        )
        async with app.run_test(size=SIZE) as pilot:
            await until(lambda: "Pods 10,000 " in screen_text(app), "every pod in the title")
            await until(
                lambda: (
                    app.scene.snapshot.feed(Kind.PODS).state is FeedState.LIVE
                    and "still being loaded" not in " ".join(app.scene.view.cannot_tell)
                ),
                "rules over live pods",
            )
            pane = app.console_screen.current
            assert isinstance(pane, PodsPane)
            table, rows = pane.rows, pane.rows.list
            assert rows.shown_count == PODS

            await pilot.press("j", "j", "j")
            await until(lambda: rows.cursor == 3, "three rows down")
            in_sight = [line for line in rows.lines[:10] if isinstance(line, str)]
            pod = next(index for index in range(0, PODS, 40) if name_of(index) == in_sight[0])
            with patch.object(app.screen, "_refresh_layout", wraps=app.screen._refresh_layout) as laid_out:
                server.change("Evicted", pod)
                await until(lambda: "Evicted" in screen_text(app), "the changed pod on the screen")
            assert not laid_out.called, "a changed row has the screen laid out anew"
            assert rows.selected == in_sight[3], "what changes elsewhere does not move the selection"

            far = PODS - 1
            server.change("FarAway", far)
            await until(
                lambda: app.scene.snapshot.pods[name_of(far)].status == "FarAway", "the change out of sight"
            )
            assert "FarAway" not in screen_text(app)

            await pilot.press("G")
            await until(lambda: name_of(far) in screen_text(app), "the last row")
            assert "FarAway" in screen_text(app)

            server.change("Burst", *range(1_000))
            await until(
                lambda: sum(p.status == "Burst" for p in app.scene.snapshot.pods.values()) == 1_000,
                "a thousand changes",
            )
            drawn = len(table.painter._drawn)
            assert drawn <= 6 * SIZE[1], f"cells were made for {drawn} rows, though 36 are in sight"


async def test_rules_look_at_many_pods_beside_the_event_loop(
    tmp_path: Path, opening_of: Callable[[Path], Opening]
) -> None:
    """A problem among many pods is found, and by a thread of its own."""
    with crowd(2_000, tmp_path) as server:
        console = Console(opening_of(server.kubeconfig), rules_later=True)
        await console.start()
        try:
            async with asyncio.timeout(120):
                await console.wait_for(
                    lambda view: (
                        view.snapshot.feed(Kind.PODS).state is FeedState.LIVE
                        and bool(view.risks)
                        and len(view.snapshot.pods) == 2_000
                    )
                )
        finally:
            await console.stop()
    assert console._judging._looked_at is not None, "the rules looked from a thread"

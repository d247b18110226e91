"""The watchdog names who holds up the event loop, and is silent about a loop that turns."""

from __future__ import annotations

import asyncio
import sys
import threading

from posdeck.ui.watchdog import Block, Watchdog, culprit_of, wanted


async def test_it_names_the_function_that_blocks() -> None:
    seen = threading.Event()
    told: list[Block] = []
    dog = Watchdog(told.append)
    dog._note = lambda block: (told.append(block), seen.set())  # type: ignore[method-assign,assignment,return-value]
    dog.start()
    try:
        await asyncio.sleep(0)
        assert hold_up_until(seen), "the watchdog saw nothing"
    finally:
        dog.stop()
    assert any("hold_up_until" in block.stack for block in told)
    assert all(block.seconds > 0.05 for block in told)


def hold_up_until(seen: threading.Event) -> bool:
    """Blocks the loop until the watchdog has noticed, or for far longer than it needs."""
    return seen.wait(10)


async def test_what_it_saw_is_told_on_the_loop() -> None:
    told: asyncio.Queue[tuple[Block, int]] = asyncio.Queue()
    dog = Watchdog(lambda block: told.put_nowait((block, threading.get_ident())))
    dog._loop = asyncio.get_running_loop()
    block = Block(0.2, "posdeck/x.py:1 f", "")
    await asyncio.to_thread(dog._note, block)
    assert await asyncio.wait_for(told.get(), 10) == (block, threading.get_ident())
    assert list(dog.blocks) == [block]


def test_the_culprit_is_the_innermost_line_of_the_project() -> None:
    space: dict[str, object] = {"__name__": "posdeck.ui.thing"}
    exec("def outer(f):\n    return f()\n", space)
    named = space["outer"](lambda: culprit_of(sys._getframe()))  # type: ignore[operator]
    assert named == "posdeck.ui.thing:2 outer"


def test_it_is_for_development_only(monkeypatch) -> None:
    monkeypatch.delenv("POSDECK_DEV", raising=False)
    assert not wanted()
    monkeypatch.setenv("POSDECK_DEV", "1")
    assert wanted()

"""Text that others can write – in names, labels, annotations, events, conditions, images, logs, tables, probes,
records – is drawn as text, in every view and at every size: no control sequence reaches the terminal, nothing is
taken for markup, no row becomes wider or longer than its place, and nothing raises.

The spoiling is generic: every string of the whole view, of whatever dataclass, has hostile text put behind it, one
kind after the other, so that a field which is added later is held to it as well."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import pytest
from fake_front import FakeFront, forward_view
from rich.cells import cell_len
from wcwidth import wcwidth

from posdeck.operations.front import LogLine, LogRequest
from posdeck.operations.view import ActionSummary
from posdeck.ui.earlyrows import early_rows
from posdeck.ui.procedures import show_session
from posdeck.ui.views import VIEWS
from posdeck.ui.wall import wall_of

HOSTILE = {
    "control sequences": "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x1b[0m \x9b31m\x90q\x9c \x00\x08\x7f\r\nend",
    "markup": "[bold red]owned[/] [/] [@click=app.quit]x[/] \\[b] {{7*7}} <b>&amp; [link=file:///]y",
    "right to left": "\u202e\u2066مرحبا שלום\u2069 \u200f\u061cabc\u202a",
    "wide": "漢字かな한국어🙂👩‍👩‍👧‍👦🇻🇳👍🏽⚠️Ｆｕｌｌ",
    "combining": "Z̴̡̛͓̳͉̤͎͈̭̒̋̏̈́͒͠a\u0300\u0301\u0302\u0303\u0304\u0305" + "\u0336" * 40 + "\u200b\u200d\ufeff\u00ad",
    "other separators": "a\u2028b\u2029c\u0085d\x0be\x0cf\u3000\u00a0\u1680g\ue000\U000f0000\ud800",
}
MEGABYTE = "x\x1b[0m漢" * 175_000  # in characters; more in bytes
CASES = (
    pytest.param(tuple(HOSTILE.values()), (80, 24), id="80x24"),
    pytest.param(tuple(HOSTILE.values()), (200, 50), id="200x50"),
    pytest.param((MEGABYTE,), (80, 24), id="megabytes"),
)
# what decides which object is meant; the API server lets nothing but DNS names stand there
EXACT = frozenset({"uid", "resource_version", "namespace", "server", "short", "workload", "selector"})
PLACES = (
    *(view.name for view in VIEWS),
    "logs consumer-order", "describe deployment/spc--pos--be--app--prod", "yaml pod/app-448c08-x0k9f", "jobs",
    "links consumer-order", "run scale-workload", "palette", "help",
)  # fmt: skip


class Poison:
    """Gives one hostile text after the other; ``all`` is every one of them in one."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = itertools.cycle(texts)
        self.all = "".join(texts)

    @property
    def next(self) -> str:
        return next(self._texts)


def spoiled(value: Any, hostile: Poison, *, name: str = "") -> Any:
    """The value with hostile text behind every string that a person could have written."""
    if name in EXACT or isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return f"{value}{hostile.next}" if value and name != "name" else value
    if is_dataclass(value) and not isinstance(value, type):
        named = [f for f in fields(value) if f.init]
        return replace(
            value, **{f.name: spoiled(getattr(value, f.name), hostile, name=f.name) for f in named}
        )
    if isinstance(value, Mapping):
        return {key: spoiled(each, hostile) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(spoiled(each, hostile) for each in value)
    if isinstance(value, frozenset):
        return frozenset(spoiled(each, hostile) for each in value)
    return value


class HostileFront(FakeFront):
    """A front whose every answer carries the hostile text."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.hostile = hostile = Poison(texts)
        self.post(spoiled(self.view, hostile))
        self.forwards.open["f1"] = spoiled(forward_view(), hostile)

    async def logs(self, request: LogRequest) -> AsyncIterator[LogLine]:
        async for line in super().logs(request):
            yield replace(line, text=f"{line.text}{self.hostile.next}", kept=self.hostile.next)

    async def object(self, kind: str, name: str) -> Mapping[str, Any]:
        found, bad = spoiled(await super().object(kind, name), self.hostile), self.hostile.all
        metadata = {
            "labels": {f"k{bad}": bad},
            "annotations": {bad: bad},
            "managedFields": [{"manager": bad, "operation": bad}],
        }
        return {**found, "metadata": {**found["metadata"], **metadata}, bad: [bad]}

    async def table(self, kind: str) -> Any:
        return spoiled(await super().table(kind), self.hostile)

    async def all_tables(self) -> Any:
        return spoiled(await super().all_tables(), self.hostile)

    async def audit_records(self, limit: int = 200) -> Sequence[ActionSummary]:
        return spoiled(await super().audit_records(limit), self.hostile)

    async def audit_record(self, record_id: str) -> Mapping[str, Any]:
        return {
            **spoiled(await super().audit_record(record_id), self.hostile),
            self.hostile.next: self.hostile.all,
        }


def drawn_rows(driver: Any) -> list[str]:
    """The rows that go to the terminal."""
    width, height = driver.app.size
    rows = []
    for strip in driver.app.screen._compositor.render_strips()[:height]:
        assert strip.cell_length == width, "a strip says it is wider or narrower than the screen"
        rows.append("".join(segment.text for segment in strip if not segment.control))
    assert len(rows) == height
    return rows


def hold(driver: Any, where: str) -> None:
    """Nothing but printable characters, in exactly as many cells as there are, by two tables of widths."""
    width, _ = driver.app.size
    for number, row in enumerate(drawn_rows(driver)):
        odd = {f"U+{ord(c):04X}" for c in row if not harmless(c)}
        assert not odd, f"{where}, row {number}: {odd} in {row!r}"
        assert cell_len(row) == width, f"{where}, row {number}: {cell_len(row)} cells: {row!r}"
        assert sum(max(0, wcwidth(c)) for c in row) == width, f"{where}, row {number}: by wcwidth: {row!r}"


def harmless(char: str) -> bool:
    """Printable, in the order it stands in; the left-to-right mark puts back what right-to-left letters moved."""
    return char == "\u200e" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize(("texts", "size"), CASES)
async def test_every_view_draws_hostile_text_as_text(
    opened, texts: tuple[str, ...], size: tuple[int, int]
) -> None:
    front = HostileFront(*texts)
    async with opened(front, size=size) as driver:
        for place in PLACES:
            await driver.app.command(place)
            await driver.settle()
            hold(driver, place)
            assert "posdeck itself failed" not in driver.text(), driver.text()
            if driver.app.screen is not driver.app.console_screen:
                driver.app.pop_screen()
        for view, keys in KEYS if texts != (MEGABYTE,) else ():
            await driver.app.command(view)
            await driver.press(*keys)
            hold(driver, f"{view} {keys}")
            assert "posdeck itself failed" not in driver.text(), driver.text()
            assert driver.app.is_running


# what opens further text from the selected row
KEYS = (
    ("findings", ("enter",)),
    ("events", ("enter",)),
    ("hpa", ("enter",)),
    ("forwards", ("enter",)),
    ("audit", ("enter",)),
    ("runbooks", ("d",)),
    ("pods", ("d",)),
    ("pods", ("y", "v")),
    ("pods", ("ctrl+w", "right", "right")),
    ("revisions", ("x",)),
    ("logs consumer-order", ("u", "t", "w")),
    ("pods", ("slash", *"漢[b]", "enter")),
)


@pytest.mark.parametrize(("texts", "size"), CASES)
async def test_a_session_draws_hostile_text_as_text(
    opened, texts: tuple[str, ...], size: tuple[int, int]
) -> None:
    front = HostileFront(*texts)
    async with opened(front, size=size) as driver:
        for runbook in ("look-around", "restart-consumer"):
            session = await front.open_session(runbook, {"consumer": "consumer-order"})
            front.post_session(
                replace(spoiled(session, front.hostile), id=session.id, current=session.current)
            )
            await show_session(driver.app, session.id)
            await driver.settle()
            for keys in ((), ("v",), ("o",)):
                await driver.press(*keys)
                hold(driver, f"{runbook} {keys}")
                assert "posdeck itself failed" not in driver.text(), driver.text()


@pytest.mark.parametrize("view", ["overview", "pods", "workloads"])
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_rows_of_the_first_frame_draw_hostile_text_as_text(hostile: str, view: str) -> None:
    """They go to the terminal beside Textual: only its own sequences may be among them."""
    front = HostileFront(hostile)
    seen, around = front.view.snapshot, front.view.surroundings
    drawn = early_rows(seen, around, wall_of(front.catalogue), 80, 24, view=view, theme="dark")
    assert drawn
    without = re.sub(r"\x1b\[[0-9;]*[mH]", "", drawn)
    assert [c for c in without if not harmless(c)] == []


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
async def test_notices_and_errors_draw_hostile_text_as_text(opened, hostile: str) -> None:
    async with opened(HostileFront(hostile), size=(80, 24)) as driver:
        driver.app.notice(f"It failed: {hostile}", "bad")
        await driver.settle()
        hold(driver, "a notice")
        await driver.app.command(f"yaml nothing/{hostile[:5000]}")
        await driver.settle()
        hold(driver, "an error")
        await driver.app.command(hostile[:5000])
        await driver.settle()
        hold(driver, "an unknown command")

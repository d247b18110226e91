"""What a person meets between seeing and acting: names that stay apart, keys that do what the footer says, ways back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_front import NOW, FakeFront, ago, view
from test_switching import FakeElsewhere

from posdeck.operations.front import LogLine
from posdeck.operations.view import Problem, Severity
from posdeck.ui.plain import fit, wrapped
from posdeck.ui.rows.cells import Cell, Line, shared_length, without_quiet
from posdeck.ui.rows.loglines import LogLook, log_lines
from posdeck.ui.widgets.pager import text_of


async def test_the_replicas_of_a_workload_can_be_told_apart_in_a_narrow_terminal(opened) -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.press("2")
        rows = [line for line in driver.text().splitlines() if "orders-bulk-upload-" in line]
        names = {row.split()[2] for row in rows}
        assert len(names) == len(rows) > 3, "\n".join(rows)


def test_what_all_names_share_goes_before_what_tells_them_apart() -> None:
    name = "consumer-orders-bulk-upload-svip1-58ffsb77l"
    cell = Cell(name, quiet=shared_length(name))
    assert without_quiet(cell, 50) is cell
    assert without_quiet(cell, 36).text == "…orders-bulk-upload-svip1-58ffsb77l"
    assert without_quiet(Cell("orders", quiet=0), 3).text == "orders"


@pytest.mark.parametrize(
    ("text", "cells", "tail", "drawn"),
    [
        ("consumer-order-abcde-x0k9f", 26, 6, "consumer-order-abcde-x0k9f"),
        ("consumer-order-abcde-x0k9f", 20, 6, "consumer-orde…-x0k9f"),
        ("consumer-order-abcde-x0k9f", 17, 6, "consumer-order-a…"),
        ("漢字漢字漢字-x0k9f", 18, 6, "漢字漢字漢字-x0k9f"),
    ],
)
def test_a_name_that_must_be_cut_keeps_its_end_where_there_is_room(
    text: str, cells: int, tail: int, drawn: str
) -> None:
    assert fit(text, cells, tail=tail) == drawn


async def test_the_filter_that_opening_a_workload_set_goes_with_the_way_back(opened) -> None:
    async with opened() as driver:
        await driver.press("3", "enter")
        pane = driver.app.console_screen.current
        assert (pane.view_name, bool(pane.filter)) == ("pods", True)
        await driver.press("enter")
        assert driver.app.console_screen.current.view_name == "logs"
        await driver.press("escape")
        assert driver.app.console_screen.current.filter, "back from deeper, it still holds"
        await driver.press("escape")
        assert driver.app.console_screen.current.view_name == "workloads", "one step, as it was one step in"
        await driver.press("enter", "2")
        assert not driver.app.console_screen.current.filter, "the key for all pods shows all pods"


async def test_the_owner_of_a_pod_is_one_key_away(opened) -> None:
    async with opened() as driver:
        await driver.app.command("pods /consumer-customer")
        await driver.settle()
        await driver.press("J")
        pane = driver.app.console_screen.current
        assert pane.view_name == "workloads"
        assert pane.subject().short == "consumer-customer"


async def test_what_can_be_done_with_a_finding_can_be_done_where_its_evidence_is_read(opened) -> None:
    async with opened(size=(160, 40)) as driver:
        await driver.press("7", "enter")
        assert "Problem" in driver.text()
        shown = {action.id for action in driver.app.console_screen.footer.shown}
        assert {"runbook", "acknowledge", "logs"} <= shown
        await driver.press("b")
        assert driver.app.console_screen.current.view_name in {"session", "form"}


@pytest.mark.parametrize(
    ("typed", "text"),
    [("pods /order", "order"), ("pods app=x,tier!=y", "-l app=x,tier!=y"), ("pods order", "order")],
)
async def test_a_view_takes_a_filter_as_k9s_has_it(opened, typed: str, text: str) -> None:
    async with opened() as driver:
        await driver.app.command(typed)
        assert driver.app.console_screen.current.filter.text == text


async def test_where_nothing_is_selected_or_open_the_footer_offers_nothing_for_it(opened) -> None:
    async with opened() as driver:
        await driver.app.command("pods /nothing-has-this-name")
        await driver.settle()
        assert "open" not in {action.id for action in driver.app.console_screen.footer.shown}
        await driver.app.command("logs")
        await driver.settle()
        shown = {action.group for action in driver.app.console_screen.footer.shown}
        assert "Logs" not in shown


async def test_a_session_that_has_ended_offers_no_cancelling(opened) -> None:
    front = FakeFront()
    async with opened(front) as driver:
        session = await front.open_session("look-around", {"consumer": "consumer-order"})
        from posdeck.ui.procedures import show_session

        await show_session(driver.app, session.id)
        await driver.settle()
        assert "cancel" in {action.id for action in driver.app.console_screen.footer.shown}
        front.post_session(replace(session, status="done", question=None, confirmation=None))
        await driver.settle()
        assert "cancel" not in {action.id for action in driver.app.console_screen.footer.shown}


async def test_the_event_that_is_selected_says_its_whole_message(opened) -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.press("6")
        chosen = driver.app.console_screen.current.rows.list.item
        assert chosen.message[:40] in driver.text().splitlines()[-2]


async def test_namespaces_complete_from_the_cluster_where_it_lets_them_be_listed(opened) -> None:
    async with opened(elsewhere=FakeElsewhere()) as driver:
        await driver.press("colon", *"ns ")
        await driver.until(lambda: "kube-system" in driver.text(), "the cluster's own namespace")
        assert "spc--billing" in driver.text(), "those of the inventory stand beside it"


async def test_a_system_outside_is_as_ill_as_its_dependants_say(opened) -> None:
    front = FakeFront()
    problem = Problem(
        "dependency-down", Severity.CRITICAL, "ExternalSystem", "queue", "Message queue", "6 workloads fail together",
        since=ago(minutes=2),
    )  # fmt: skip
    front.post(replace(view(), problems=(problem,)))
    async with opened(front) as driver:
        await driver.app.command("flow")
        await driver.settle()
        assert "seems not to answer" in driver.line("Message queue")


def line(text: str, level: str = "") -> LogLine:
    return LogLine("p", "c", NOW, text, level=level)


def drawn(log_line: LogLine, **look: bool) -> str:
    [only] = log_lines(log_line, LogLook(**look))
    return text_of(only)


def test_a_log_line_shows_its_time_once_and_texts_begin_below_each_other() -> None:
    own = NOW.isoformat().replace("+00:00", "Z")
    assert drawn(line(f"{own} INFO done")) == "02:14:07.000   INFO done"
    assert drawn(line(f"[{own}] ERROR no", "error")) == "02:14:07.000 E ERROR no"
    assert drawn(line(f"{own} INFO done"), timestamps=False) == f"{own} INFO done"
    elsewhere = "2026-03-14T02:10:00Z INFO an old line"
    assert drawn(line(elsewhere)) == f"02:14:07.000   {elsewhere}", "another time is part of what is said"


def test_wrapped_text_loses_nothing_but_spaces() -> None:
    text = "one two 漢字漢字 three four five"
    places = wrapped(text, 9, 6)
    assert [text[a:b] for a, b in places] == ["one two", "漢字漢", "字 thr", "ee fou", "r five"]
    assert "".join(text[a:b] for a, b in places).replace(" ", "") == text.replace(" ", "")


async def test_what_follows_a_label_stays_beside_it_when_it_is_wrapped(opened) -> None:
    from posdeck.ui.tones import Tone

    async with opened(size=(60, 24)) as driver:
        await driver.press("question_mark")
        pager = driver.app.console_screen.current.text
        long: Line = (("label     ", Tone.ACCENT), ("word " * 30, Tone.NORMAL))
        pager.set_lines([long])
        await driver.settle()
        rows = [row for row in driver.text().splitlines() if "word" in row]
        assert len(rows) > 2
        assert all(row.index("word") == rows[0].index("word") for row in rows)

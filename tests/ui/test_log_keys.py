"""What the keys of the log view do: other stretches, other containers, JSON, marks, copies, files."""

from __future__ import annotations

from dataclasses import replace

from fake_front import FULL, NOW, FakeFront, ago, container, view

from posdeck.operations.front import LogLine, LogRequest
from posdeck.ui.rows.loglines import LogLook, log_lines
from posdeck.ui.screens import logs
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.pager import text_of


async def open_log(driver) -> logs.LogsPane:
    await driver.press("5", "l")
    await arrived(driver, 60)
    return driver.app.console_screen.current


async def arrived(driver, count: int) -> None:
    pane = driver.app.console_screen.current
    await driver.until(lambda: pane.shown_count >= count, f"{count} lines")


def requests(driver) -> list[LogRequest]:
    return [asked[1] for asked in driver.front.asked if asked[0] == "logs"]


async def test_the_number_keys_choose_the_stretch_as_in_k9s(opened) -> None:
    async with opened() as driver:
        await open_log(driver)
        for key, tail, since in (
            ("2", None, 60), ("3", None, 300), ("4", None, 900), ("5", None, 1800), ("6", None, 3600),
            ("1", None, None), ("0", 1000, None),
        ):  # fmt: skip
            await driver.press(key)
            assert (requests(driver)[-1].tail, requests(driver)[-1].since) == (tail, since)
        await driver.press("3")
        assert "last 5 min" in driver.text()
        assert driver.app.console_screen.current.view_name == "logs", "1 to 6 are no views here"


async def test_a_workloads_log_goes_on_with_the_pods_it_gets_later(opened) -> None:
    async with opened() as driver:
        pane = await open_log(driver)
        assert requests(driver)[0].deployments == (pane.subject().deployment,)
        await driver.press("escape", "2", "down", "l")
        assert requests(driver)[-1].deployments == ()


async def test_a_group_and_a_single_pod_by_name(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", *"logs bulk_upload_consumers", "enter")
        await arrived(driver, 60)
        asked = requests(driver)[-1]
        assert len(asked.pods) == 6
        assert len(asked.deployments) == 4
        assert "Logs bulk_upload_consumers · 6 pods" in driver.text()
        assert "consumer-orders-bulk-upload" in driver.line("line 59 of the log")
        pod = asked.pods[0]
        await driver.press("colon", *f"logs {pod}", "enter")
        await arrived(driver, 60)
        assert (requests(driver)[-1].pods, requests(driver)[-1].deployments) == ((pod,), ())


async def test_the_container_before_the_restart_and_back(opened) -> None:
    async with opened() as driver:
        await open_log(driver)
        await driver.press("p")
        assert (requests(driver)[-1].previous, requests(driver)[-1].follow) == (True, False)
        assert "previous container" in driver.text()
        await driver.press("p")
        assert (requests(driver)[-1].previous, requests(driver)[-1].follow) == (False, True)


async def test_one_container_after_the_other(opened) -> None:
    shown = view()
    pods = {
        n: replace(p, containers=(*p.containers, container("proxy", "envoy:1")))
        for n, p in shown.snapshot.pods.items()
    }
    front = FakeFront(replace(shown, snapshot=replace(shown.snapshot, pods=pods)))
    async with opened(front) as driver:
        await open_log(driver)
        for name in ("main", "proxy", ""):
            await driver.press("C")
            assert requests(driver)[-1].container == name


async def test_json_is_unfolded_and_filtered_as_a_whole(opened) -> None:
    """A filter that matches one field shows the whole line, and one that does not hides all of it."""
    front = FakeFront()
    front.log_lines = [
        LogLine("p", "m", NOW, '{"level":"info","msg":"took order","order":{"id":"o-1","lines":3}}', "info"),
        LogLine("p", "m", NOW, "plain words", ""),
    ]
    async with opened(front) as driver:
        await driver.press("5", "l")
        await arrived(driver, 2)
        pane = driver.app.console_screen.current
        await driver.press("u")
        assert "order.id" in driver.text()
        assert driver.line("took order").rstrip(" │").endswith("took order")
        await driver.press("slash", *"o-1", "enter")
        assert "took order" in driver.text()
        assert "order.lines" in driver.text()
        assert "plain words" not in driver.text()
        assert pane.shown_count == 1
        await driver.press("escape", "u")
        assert '{"level":"info"' in driver.text()


async def test_inverse_and_regular_expressions(opened) -> None:
    async with opened() as driver:
        pane = await open_log(driver)
        await driver.press("slash", *"!line 4", "enter")
        assert pane.shown_count == 49
        await driver.press("escape", "slash", *"^line [12]\\d ", "enter")
        assert pane.shown_count == 20
        await driver.press("escape", "slash", *"line [", "enter")
        assert "taken literally" in driver.text()
        await driver.press("escape")
        assert pane.shown_count == 60


async def test_what_happened_to_the_stream_is_shown_whatever_the_filter(opened) -> None:
    async with opened() as driver:
        await open_log(driver)
        await driver.press("slash", *"nothing matches", "enter")
        driver.front.more_logs.put_nowait(LogLine("p", "main", NOW, "interrupted: cut", "mark"))
        await arrived(driver, 1)
        assert "── interrupted: cut ──" in driver.text()


async def test_a_mark_is_a_line_with_the_time(opened) -> None:
    async with opened() as driver:
        await open_log(driver)
        await driver.press("m")
        assert "──── 02:14:07" in driver.text()


async def test_the_line_and_everything_shown_are_copied(opened, monkeypatch) -> None:
    copied: list[str] = []
    async with opened() as driver:
        monkeypatch.setattr(driver.app, "copy_to_clipboard", copied.append)
        await open_log(driver)
        await driver.press("t", "c")
        assert copied[-1] == "line 59 of the log"
        await driver.press("slash", *"line 1", "enter", "Y")
        assert copied[-1].splitlines()[0] == "line 1 of the log"
        assert len(copied[-1].splitlines()) == 11
        await driver.press("n", "c")
        assert copied[-1].startswith("line 1")


async def test_too_much_for_the_clipboard_is_refused_with_a_way_out(opened, monkeypatch) -> None:
    copied: list[str] = []
    front = FakeFront()
    front.log_lines = [LogLine("p", "m", NOW, "x" * 9_000, "") for _ in range(10)]
    async with opened(front) as driver:
        monkeypatch.setattr(driver.app, "copy_to_clipboard", copied.append)
        await driver.press("5", "l")
        await arrived(driver, 10)
        await driver.press("Y")
        assert copied == []
        assert "ctrl+s" in driver.text()


async def test_what_is_shown_is_saved(opened) -> None:
    async with opened() as driver:
        await open_log(driver)
        await driver.press("slash", *"line 4", "enter", "ctrl+s")
        assert "11 lines, redacted and recorded" in driver.text()
        await driver.press("escape", "ctrl+s", "enter")
        ((name, lines),) = driver.front.saved
        assert name == driver.app.console_screen.current.subject().short
        assert len(lines) == 11
        assert "saved 11 lines, redacted, to state/logs/saved.log" in driver.text()
        await driver.press("ctrl+s", *"~/order.log", "enter")
        assert driver.front.saved[-1][0] == "~/order.log"


async def test_the_oldest_lines_go_and_are_counted(opened, monkeypatch) -> None:
    monkeypatch.setattr(logs, "BACKLOG", 100)
    async with opened() as driver:
        pane = await open_log(driver)
        for number in range(90):
            driver.front.more_logs.put_nowait(LogLine("p", "main", NOW, f"new {number}"))
        await driver.until(lambda: pane.dropped + pane.shown_count == 150, "every line")
        assert pane.dropped + pane.shown_count == 150
        assert pane.shown_count <= 110
        assert f"{pane.dropped:,} oldest dropped" in driver.text()
        assert len(pane.text.lines) == pane.shown_count
        assert "new 89" in driver.text()


async def test_a_hundred_thousand_lines_stay(opened) -> None:
    """The backlog of the view itself, filtered and drawn."""
    front = FakeFront()
    front.log_lines = [LogLine("p", "main", NOW, f"line {n} of many") for n in range(100_000)]
    async with opened(front) as driver:
        await driver.press("5", "l")
        await driver.until(lambda: driver.app.console_screen.current.shown_count == 100_000, "every line")
        pane = driver.app.console_screen.current
        assert (pane.shown_count, pane.dropped) == (100_000, 0)
        assert "line 99999 of many" in driver.text()
        pane.set_filter("line 77777 ")
        await driver.settle()
        assert pane.shown_count == 1
        assert "line 77777 of many" in driver.text()


def test_a_line_is_told_by_more_than_its_colour() -> None:
    look = LogLook(timestamps=False)
    assert text_of(log_lines(LogLine("p", "c", NOW, "boom", "error"), look)[0]) == "E boom"
    assert text_of(log_lines(LogLine("p", "c", NOW, "careful", "warning"), look)[0]) == "W careful"
    assert log_lines(LogLine("p", "c", NOW, "boom", "error"), look)[0][-1][1] is Tone.BAD


def test_several_pods_and_containers_are_named() -> None:
    line = LogLine("consumer-order-4f2-x0k9f", "main", ago(seconds=1), "text", "")
    several = LogLook(sources={}, containers=True)
    assert text_of(log_lines(line, several)[0]) == "02:14:06.000 r-4f2-x0k9f/main   text"
    assert FULL["app"]


def test_json_that_is_none_stays_a_line() -> None:
    look = LogLook(timestamps=False, unfold=True)
    for text in ("{not json}", "{}", "{" * 5_000 + "}", "[1, 2]", '{"a": 1} and more', ""):
        (drawn,) = log_lines(LogLine("p", "c", NOW, text, ""), look)
        assert text_of(drawn) == text
    trace = '{"msg":"failed","stack":"a\\n  at b\\n  at c","n":null,"list":[1,"x"]}'
    drawn_lines = [text_of(line) for line in log_lines(LogLine("p", "c", NOW, trace, ""), look)]
    assert drawn_lines == [
        "failed", "    stack a", "            at b", "            at c", "    n     null", '    list  [1, "x"]',
    ]  # fmt: skip

"""The console: every view can be reached, keys do what the footer says, nothing of a cluster can end it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_front import FULL, FakeFront, view
from textual import events

from posdeck.cluster.snapshot import Feed, FeedState, Kind, Snapshot
from posdeck.errors import ConfigurationError
from posdeck.operations.view import SessionSummary, Surroundings, View
from posdeck.ui.views import VIEWS

EMPTY = View(Snapshot(), Surroundings("production", True, "ask"))


async def test_what_is_wrong_comes_first_and_says_since_when(opened) -> None:
    async with opened() as driver:
        lines = driver.text().splitlines()
        assert "Wrong now 2" in lines[1]
        assert all(word in lines[2] for word in ("✖", "critical", "4m12s", "consumer-order", "2,318 waiting"))


async def test_what_the_front_has_to_say_is_said_once(opened) -> None:
    async with opened() as driver:
        settled = replace(view(), notices=("The restart of cron was settled: it had happened.",))
        driver.front.post(settled)
        await driver.settle()
        assert "The restart of cron was settled" in driver.text()
        await driver.press("escape")
        driver.front.post(replace(settled, problems=()))
        await driver.settle()
        assert "The restart of cron was settled" not in driver.text()


async def test_what_is_not_certain_yet_is_neither_an_alarm_nor_health(opened) -> None:
    before = view()
    signs = tuple(replace(p, watched=True) for p in before.problems)
    async with opened(FakeFront(replace(before, problems=(), watched=signs))) as driver:
        lines = driver.text().splitlines()
        assert f"Wrong now · {len(signs)} watched until certain" in lines[1]
        assert "◌  watched" in lines[2]
        assert "consumer-order" in lines[2]
        assert "critical" not in driver.text()
        assert "Nothing is" not in driver.text()
        driver.front.post(replace(before, problems=before.problems[:1], watched=signs[1:]))
        await driver.settle()
        assert "✖  critical" in driver.text()
        assert "◌  watched" in driver.text()


async def test_keys_go_to_what_is_watched_and_the_footer_names_it(opened) -> None:
    before = view()
    sign = replace(before.problems[0], watched=True)
    quiet = replace(before, problems=(), watched=())
    async with opened(FakeFront(quiet)) as driver:
        driver.front.post(replace(quiet, watched=(sign,)))
        await driver.settle()
        footer = driver.text().splitlines()[-1]
        assert footer.startswith(f" {sign.short}:  b runbook")
        assert "acknowledge" not in footer  # only what is certain is somebody's to look after
        driver.front.post(replace(quiet, problems=(replace(sign, watched=False),)))
        await driver.settle()
        assert "acknowledge" in driver.text().splitlines()[-1]
        await driver.press("b")
        assert ("open_session", sign.runbook, dict(sign.params)) in [c[:3] for c in driver.front.asked]


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 50)])
async def test_production_is_a_word_at_every_size(opened, size) -> None:
    async with opened(size=size) as driver:
        header = driver.text().splitlines()[0]
        assert "PRODUCTION" in header
        assert "spc--pos" in header
        assert "● LIVE" in header
        assert "writes: ask" in header
        assert ("02:14:07 UTC" if size[0] > 80 else "02:14Z") in header


async def test_another_environment_is_named_and_not_production(opened) -> None:
    shown = replace(view(), surroundings=Surroundings("staging", False, "read-only", "--read-only"))
    async with opened(FakeFront(shown)) as driver:
        header = driver.text().splitlines()[0]
        assert "STAGING" in header
        assert "PRODUCTION" not in header
        assert "writes: read-only" in header


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (20, 5)])
async def test_every_view_can_be_entered_at_every_size(opened, size) -> None:
    async with opened(size=size) as driver:
        for entry in VIEWS:
            await driver.app.go(entry.name)
            await driver.settle()
            assert driver.app.console_screen.current.view_name == entry.name
            assert len(driver.text().splitlines()) <= size[1]
        for _ in VIEWS:
            await driver.press("escape")
        assert driver.app.console_screen.current.view_name == "overview"
        assert driver.app.is_running


async def test_digits_go_to_views(opened) -> None:
    places = ("pods", "workloads", "hpa", "consumers", "events", "findings", "runbooks", "audit", "overview")
    async with opened() as driver:
        for key, name in zip("234567891", places, strict=True):
            await driver.press(key)
            assert driver.app.console_screen.current.view_name == name


async def test_the_prompt_completes_names(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", "c", "o", "n", "tab", "enter")
        assert driver.app.console_screen.current.view_name == "consumers"


async def test_what_is_typed_fast_after_a_colon_is_never_taken_for_keys(opened) -> None:
    """All keys are in the queue before the first is handled, as when a line is pasted or typed over a slow link."""
    async with opened() as driver:
        await driver.press("2")
        typed = [("colon", ":"), *((c, c) for c in "restart consumer-ord"), ("tab", None), ("enter", "\r")]
        for key, character in typed:
            driver.app.post_message(events.Key(key, character))
        await driver.settle()
        await driver.settle()
        assert [asked[:3] for asked in driver.front.asked if asked[0] == "open_session"] == [
            ("open_session", "restart-consumer", {"consumer": "consumer-order"})
        ]
        assert "consumer-order" in driver.text()


async def test_an_unknown_name_is_said_and_changes_nothing(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", *"nonsense", "enter")
        assert "There is no view “nonsense”" in driver.text()
        assert driver.app.console_screen.current.view_name == "overview"


async def test_the_filter_acts_while_it_is_typed_and_escape_takes_it_away(opened) -> None:
    async with opened() as driver:
        await driver.press("2", "slash", *"bulk")
        assert "Pods 7 of 19 · /bulk" in driver.text()
        await driver.press("enter", "escape")
        assert "Pods 19" in driver.text()
        await driver.press("slash", *"!consumer", "enter")
        assert "Pods 6 of 19" in driver.text()


async def test_a_filter_that_hides_all_says_that_they_are_there(opened) -> None:
    async with opened() as driver:
        await driver.press("2", "slash", *"nothing-like-it", "enter")
        text = driver.text()
        assert "19 pods are there" in text
        assert "esc takes the filter away" in text


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (FeedState.CONNECTING, "Still loading the pods"),
        (FeedState.FORBIDDEN, "may not list pods"),
        (FeedState.AUTH_EXPIRED, "credentials have expired"),
        (FeedState.ABSENT, "does not serve pods"),
        (FeedState.LIVE, "There are no pods"),
    ],
)
async def test_an_empty_pane_says_why(opened, state, says) -> None:
    shown = replace(
        EMPTY, snapshot=Snapshot(feeds={Kind.PODS: Feed(Kind.PODS, state, reason="pods is forbidden")})
    )
    async with opened(FakeFront(shown)) as driver:
        await driver.press("2")
        assert says in driver.text()
        assert "pods is forbidden" in driver.text()


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (FeedState.CONNECTING, "◐ CONNECTING"),
        (FeedState.STALE, "▲ STALE"),
        (FeedState.AUTH_EXPIRED, "AUTH EXPIRED"),
        (FeedState.FORBIDDEN, "FORBIDDEN"),
    ],
)
async def test_the_header_says_how_far_the_data_can_be_trusted(opened, state, word) -> None:
    shown = view()
    feeds = {kind: replace(feed, state=state) for kind, feed in shown.snapshot.feeds.items()}
    async with opened(FakeFront(replace(shown, snapshot=replace(shown.snapshot, feeds=feeds)))) as driver:
        assert word in driver.text().splitlines()[0]


async def test_a_namespace_that_is_not_there_is_said_and_is_no_empty_one(opened) -> None:
    shown = replace(EMPTY, snapshot=Snapshot(feeds={Kind.PODS: Feed(Kind.PODS, FeedState.LIVE)}))
    connection = replace(shown.snapshot.connection, problem="the namespace spc--pos does not exist")
    shown = replace(shown, snapshot=replace(shown.snapshot, connection=connection))
    async with opened(FakeFront(shown), size=(160, 30)) as driver:
        assert "▲ the namespace spc--pos does not exist" in driver.text().splitlines()[0]
        await driver.press("2")
        assert "Nothing can be listed: the namespace spc--pos does not exist" in driver.text()


async def test_a_log_view_without_a_log_says_how_to_open_one(opened) -> None:
    async with opened() as driver:
        await driver.app.go("logs")
        await driver.settle()
        assert "No log is open." in driver.text()


async def test_a_watch_that_is_silent_for_long_is_not_called_live(opened) -> None:
    async with opened() as driver:
        await driver.front.clock.advance(170)
        driver.app._tick()
        await driver.settle()
        assert "● LIVE" in driver.text()
        await driver.front.clock.advance(20)
        driver.app._tick()
        await driver.settle()
        assert "▲ UNCONFIRMED 3 min" in driver.text()


async def test_a_lost_cluster_leaves_the_console_standing_with_its_last_rows(opened) -> None:
    async with opened() as driver:
        await driver.press("2")
        shown = driver.front.view
        feeds = {k: replace(f, state=FeedState.STALE) for k, f in shown.snapshot.feeds.items()}
        driver.front.post(replace(shown, snapshot=replace(shown.snapshot, feeds=feeds)))
        await driver.settle()
        assert "▲ STALE" in driver.text()
        assert "consumer-order-" in driver.text()
        driver.front.post(shown)
        await driver.settle()
        assert "● LIVE" in driver.text()


async def test_a_front_that_cannot_be_made_is_said_and_the_console_stays() -> None:
    from posdeck.ui.app import PosdeckApp

    def broken() -> FakeFront:
        raise ConfigurationError("config.toml:3", "no such theme", "Take one of these.")

    app = PosdeckApp(broken, Surroundings("production", True, "ask"))
    async with app.run_test(size=(100, 20)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        from posdeck.ui.picture import screen_text

        assert "config.toml:3: no such theme" in screen_text(app)
        assert app.is_running


async def test_the_first_frame_needs_no_front() -> None:
    import threading

    from posdeck.ui.app import PosdeckApp
    from posdeck.ui.picture import screen_text

    released = threading.Event()
    front = FakeFront()

    def slow() -> FakeFront:
        released.wait(10)
        return front

    app = PosdeckApp(slow, Surroundings("production", True, "ask"), now=front.clock.now)
    async with app.run_test(size=(100, 20)) as pilot:
        text = screen_text(app)
        assert "PRODUCTION" in text
        assert "CONNECTING" in text
        assert "Cannot tell yet" in text
        released.set()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "Wrong now 2" in screen_text(app)


async def test_updates_keep_what_is_selected(opened) -> None:
    async with opened() as driver:
        await driver.press("2", "down", "down", "down")
        pane = driver.app.console_screen.current
        chosen = pane.rows.list.selected
        shown = driver.front.view
        pods = dict(shown.snapshot.pods)
        first = next(iter(pods))
        pods["aaa-new"] = replace(pods[first], name="aaa-new", uid="new")
        driver.front.post(replace(shown, snapshot=replace(shown.snapshot, pods=pods)))
        await driver.settle()
        assert pane.rows.list.selected == chosen
        assert "Pods 20" in driver.text()


async def test_shift_and_a_letter_sort_as_in_k9s(opened) -> None:
    async with opened() as driver:
        await driver.press("2", "M")
        names = driver.app.console_screen.current.rows.list.keys
        assert "otel-collector" in names[0]
        await driver.press("M")
        assert "otel-collector" not in driver.app.console_screen.current.rows.list.keys[0]


@pytest.mark.parametrize(("key", "command"), [("e", "edit pods/"), ("s", "exec -it")])
async def test_what_is_not_here_says_why_and_shows_the_command(opened, key, command) -> None:
    async with opened(size=(160, 30)) as driver:
        await driver.press("2", key)
        text = driver.text()
        assert f"kubectl -n spc--pos {command}" in text
        await driver.press("x")
        assert driver.front.asked == [("start",)]


@pytest.mark.parametrize(("view_key", "key"), [("3", "s"), ("2", "ctrl+d")])
async def test_a_write_without_a_runbook_is_refused_with_its_command(opened, view_key, key) -> None:
    async with opened(size=(160, 30)) as driver:
        driver.front.library = ()
        await driver.press(view_key, key)
        assert "nothing is changed without one" in driver.text()
        assert "kubectl -n spc--pos" in driver.text()
        assert [call[0] for call in driver.front.asked] == ["start"]


async def test_help_lists_the_keys_of_the_place(opened) -> None:
    async with opened(size=(120, 60)) as driver:
        await driver.press("2", "question_mark")
        text = driver.text()
        assert "Keys in pods" in text
        assert "sort by cpu" in text
        await driver.press("escape")
        assert driver.app.console_screen.current.view_name == "pods"


async def test_every_key_in_the_footer_is_one_that_applies(opened) -> None:
    async with opened(size=(200, 30)) as driver:
        for key in "123456789":
            await driver.press(key)
            console = driver.app.console_screen
            scopes = console.current.scopes()
            assert console.footer.shown
            for action in console.footer.shown:
                assert driver.app.keys.find(action.keys[0], scopes) is action


async def test_enter_goes_from_a_workload_to_its_pods_to_their_log_and_back(opened) -> None:
    async with opened() as driver:
        await driver.press("3", "slash", *"svip1", "enter", "enter")
        assert driver.app.console_screen.current.view_name == "pods"
        assert "Pods 1 of 19" in driver.text()
        await driver.press("enter")
        assert "Logs consumer-orders-bulk-upload-svip1" in driver.text()
        assert "line 59 of the log" in driver.text()
        await driver.press("escape")
        assert driver.app.console_screen.current.view_name == "pods"


async def test_yaml_folds_managed_fields_and_takes_no_markup(opened) -> None:
    async with opened() as driver:
        await driver.press("2", "y")
        assert "2 entries of managedFields folded" in driver.text()
        assert "[bold]Fine[/bold]" in driver.text()
        await driver.press("v")
        assert "manager: helm" in driver.text()


async def test_a_record_can_be_read(opened) -> None:
    async with opened() as driver:
        await driver.press("9", "enter")
        assert "login_uid" in driver.text()
        assert ("audit_record", "rec-12") in driver.front.asked


async def test_the_header_repaints_only_when_it_reads_differently(opened) -> None:
    async with opened() as driver:
        header = driver.app.console_screen.header
        await driver.pilot.pause()
        painted = header.painted
        for _ in range(5):
            driver.app._tick()
            await driver.pilot.pause()
        assert header.painted == painted
        await driver.front.clock.advance(1)
        driver.app._tick()
        await driver.pilot.pause()
        assert header.painted > painted


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast", "colour-blind"])
async def test_every_theme_can_be_drawn(opened, theme) -> None:
    async with opened(theme=theme) as driver:
        assert "PRODUCTION" in driver.app.export_screenshot()
        await driver.press("ctrl+t")
        assert driver.app.palette_name != theme


async def test_ten_thousand_pods_cost_only_the_rows_in_sight(opened) -> None:
    shown = view()
    one = next(iter(shown.snapshot.pods.values()))
    pods = {f"pod-{i:05}": replace(one, name=f"pod-{i:05}", uid=str(i)) for i in range(10_000)}
    async with opened(FakeFront(replace(shown, snapshot=replace(shown.snapshot, pods=pods)))) as driver:
        await driver.press("2")
        table = driver.app.console_screen.current.rows
        assert len(table.list.items) == 10_000
        assert table.painter.drawn_count < 400
        await driver.press("G")
        assert "pod-09999" in driver.text()


async def test_names_with_markup_escapes_and_megabytes_are_only_text(opened) -> None:
    shown = view()
    one = next(iter(shown.snapshot.pods.values()))
    texts = (
        "[red]bold[/red]", "\x1b[2J\x1b[H", "\u202eabc", "x" * 1_000_000, "漢字" * 50, "e" + "\u0301" * 50,
        "", "]",
    )  # fmt: skip
    odd = {f"{i}{t}": replace(one, name=f"{i}{t}", status=t, node=t) for i, t in enumerate(texts)}
    async with opened(
        FakeFront(replace(shown, snapshot=replace(shown.snapshot, pods=odd))), size=(80, 24)
    ) as driver:
        await driver.press("2")
        text = driver.text()
        assert "\x1b" not in text
        assert "[red]bold[/red]" in text
        assert len(text.splitlines()) <= 24
        await driver.press("down", "down", "down", "y", "escape", "d", "escape")
        assert driver.app.is_running


async def test_a_workload_is_found_by_its_exact_name_and_a_pattern_is_refused(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", *"logs consumer-order", "enter")
        assert "Logs consumer-order" in driver.text()
        await driver.press("escape", "colon", *"restart consumer-*", "enter")
        assert "pattern" in driver.text()
        assert not [call for call in driver.front.asked if call[0] == "open_session"]


async def test_leaving_ends_the_front(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", "q", "enter")
        front = driver.front
    assert ("stop", "posdeck was closed") in front.asked


async def test_full_names_are_at_hand_where_short_ones_are_shown(opened) -> None:
    async with opened() as driver:
        await driver.press("3")
        assert FULL["app"] in driver.text()


async def test_an_open_session_is_told_of_and_can_be_entered_by_command(opened) -> None:
    from posdeck.operations.view import SessionSummary

    async with opened(size=(80, 24)) as driver:
        session = await driver.front.open_session("consumer-not-processing", {"consumer": "consumer-order"})
        open_one = SessionSummary(
            session.id, session.runbook, session.title, session.target, "waiting", "stuck"
        )
        driver.front.post(replace(driver.front.view, sessions=(open_one,)))
        await driver.settle()
        assert "1 open :session" in driver.text()
        await driver.press("colon", *"session", "enter")
        assert "Is it stuck, or only slow?" in driver.text()


async def test_a_defect_is_said_and_does_not_end_the_console(opened) -> None:
    async with opened() as driver:
        await driver.press("2")
        pane = driver.app.console_screen.current
        driver.app.run_worker(fails(), exit_on_error=False)
        await driver.until(
            lambda: "posdeck itself failed here: ZeroDivisionError" in driver.text(), "what went wrong"
        )
        assert driver.app.console_screen.current is pane


async def fails() -> None:
    raise ZeroDivisionError("one")


async def test_one_object_that_cannot_be_drawn_leaves_the_others(opened) -> None:
    shown = view()
    pods = dict(shown.snapshot.pods)
    first = next(iter(pods))
    pods[first] = replace(pods[first], status=None)  # what no projection should make
    async with opened(FakeFront(replace(shown, snapshot=replace(shown.snapshot, pods=pods)))) as driver:
        await driver.press("2")
        assert "cannot be drawn" in driver.text()
        assert "consumer-order-" in driver.text()


async def test_leaving_asks_again_while_something_runs_and_says_what(opened) -> None:
    running = SessionSummary("7f", "restart-consumer", "Restart", "consumer-order", "running", "act", None)
    async with opened(FakeFront(replace(view(), sessions=(running,)))) as driver:
        await driver.press("ctrl+q")
        assert "Still running: Restart · consumer-order. ⌃q again stops it" in driver.text()
        assert driver.app.is_running
        await driver.front.clock.advance(11)
        driver.app._tick()
        await driver.press("colon", "q", "enter")
        assert ":q again stops it" in driver.text(), "what was asked long ago is not remembered"
        await driver.press("ctrl+q")
    assert driver.app.return_value == 0
    assert driver.front.asked[-1] == ("stop", "posdeck was closed")


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 50)])
@pytest.mark.parametrize(("server", "word"), [("https://api", "▲ TLS UNCHECKED"), ("http://api", "▲ NO TLS")])
async def test_a_server_that_nobody_checks_is_told_at_every_size(opened, size, server, word) -> None:
    shown = view()
    connection = replace(
        shown.snapshot.connection, insecure=True, server=server, context="gke-production-europe-1"
    )
    shown = replace(shown, snapshot=replace(shown.snapshot, connection=connection))
    async with opened(FakeFront(shown), size=size) as driver:
        header = driver.text().splitlines()[0]
        assert word in header
        assert "PRODUCTION" in header
        assert "● LIVE" in header
    async with opened(size=size) as driver:
        assert "TLS" not in driver.text().splitlines()[0]

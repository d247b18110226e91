"""Keys that come in one burst, as from a paste or a slow connection: what follows ``:`` is text, never an action."""

from __future__ import annotations

import asyncio

from textual import events

from posdeck.ui import typeahead


def burst(driver, text: str) -> None:
    """All keys at once, before the first of them is handled."""
    named = {"\r": "enter", "\x7f": "backspace", "\x1b": "escape", ":": "colon", "/": "slash"}
    for character in text:
        key = named.get(character, character)
        driver.app.post_message(events.Key(key, character if character.isprintable() else None))


async def test_a_command_in_one_burst_starts_nothing_else(opened) -> None:
    async with opened() as driver:
        await driver.press("5")
        burst(driver, ":pods\r")
        await driver.settle()
        assert driver.app.trail[-1] == "pods"
        assert not [call for call in driver.front.asked if call[0] == "open_session"]


async def test_letters_that_are_actions_are_text_behind_the_colon(opened) -> None:
    async with opened() as driver:
        await driver.press("5")
        burst(driver, ":srbx\x7fz")
        await driver.settle()
        assert ": srbz" in driver.text()
        assert not [call for call in driver.front.asked if call[0] == "open_session"]


async def test_a_filter_in_one_burst(opened) -> None:
    async with opened() as driver:
        await driver.press("5")
        burst(driver, "/order\r")
        await driver.settle()
        assert driver.app.console_screen.current.filter.text == "order"
        assert not [call for call in driver.front.asked if call[0] == "open_session"]


async def test_what_is_typed_behind_a_command_goes_to_where_it_led(opened) -> None:
    async with opened() as driver:
        await driver.press("5")
        burst(driver, ":pods\r/order\r")
        await driver.settle()
        assert driver.app.trail[-1] == "pods"
        assert driver.app.console_screen.current.filter.text == "order"
        assert not driver.app.console_screen.prompt.shown
        burst(driver, ":workloads\r/billing\x1b:events\r")
        await driver.settle()
        assert driver.app.trail[-2:] == ["workloads", "events"]
        panes = driver.app.console_screen
        assert [panes.pane(name).filter.text for name in ("pods", "workloads", "events")] == ["order", "", ""]


async def test_an_action_behind_a_move_is_for_what_the_move_led_to(opened) -> None:
    """The row above the one that is meant must never be restarted."""
    async with opened() as driver:
        await driver.press("5")
        selected = driver.app.console_screen.current.subject
        first = selected()
        await driver.press("j", "j")
        third = selected()
        assert third.deployment != first.deployment
        await driver.press("k", "k")
        burst(driver, "jjr")
        await driver.until(lambda: any(call[0] == "open_session" for call in driver.front.asked), "a session")
        opening = next(call for call in driver.front.asked if call[0] == "open_session")
        assert list(opening[2].values()) == [third.short]


async def test_a_letter_behind_escape_is_a_key_of_the_place(opened) -> None:
    async with opened() as driver:
        await driver.press("5", "g", "/", "a", "b", "c", "escape", "j", "j")
        slowly = driver.app.console_screen.current.table().list.cursor
        await driver.press("g")
        burst(driver, "/abc\x1bjj")
        await driver.settle()
        assert not driver.app.console_screen.prompt.shown
        assert driver.app.console_screen.current.filter.text == ""
        assert driver.app.console_screen.current.table().list.cursor == slowly


async def test_what_is_entered_in_a_form_is_what_stood_there(opened) -> None:
    """A key behind enter is no part of the number of replicas."""
    async with opened() as driver:
        await driver.app.command("run scale-workload")
        await driver.settle()
        burst(driver, "consumer-order\r")
        burst(driver, "\x7f\x7f\x7f4\r2y")
        await driver.until(lambda: any(call[0] == "open_session" for call in driver.front.asked), "a session")
        opening = next(call for call in driver.front.asked if call[0] == "open_session")
        assert dict(opening[2]) == {"workload": "consumer-order", "replicas": "4"}


async def test_a_number_goes_to_an_answer_and_gives_none(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "3")
        assert not [call for call in driver.front.asked if call[0] == "answer"]
        await driver.press("enter")
        assert ("answer", "unsure") in driver.front.asked


async def test_a_new_filter_replaces_the_one_in_force(opened) -> None:
    async with opened() as driver:
        await driver.press("2", "slash", *"order", "enter")
        burst(driver, "/cust\r")
        await driver.settle()
        assert driver.app.console_screen.current.filter.text == "cust"
        await driver.press("slash", "end", *"omer", "enter")
        assert driver.app.console_screen.current.filter.text == "customer"


async def test_escape_and_a_digit_in_one_are_both_keys(opened) -> None:
    """Textual takes them for one of the characters that another keyboard writes with alt."""
    async with opened() as driver:
        await driver.press("2", "slash", *"order")
        driver.app.post_message(events.Key("escape", "\x1b"))
        await driver.settle()
        driver.app.post_message(events.Key("infinity", "∞"))
        await driver.settle()
        assert driver.app.trail[-1] == "consumers"


class Pump:
    """A queue of callbacks; one that is ``stuck`` takes them and never gets to them, a closed one takes none."""

    def __init__(self, *, stuck: bool = False, closed: bool = False) -> None:
        self.stuck, self.closed, self.queue = stuck, closed, asyncio.Queue()
        self.parents: tuple[Pump, ...] = ()

    @property
    def ancestors_with_self(self) -> tuple[Pump, ...]:
        return (self, *self.parents)

    def call_later(self, callback) -> bool:
        if not self.closed and not self.stuck:
            self.queue.put_nowait(callback)
        return not self.closed

    async def turn(self) -> None:
        async with asyncio.timeout(60):
            done = (await self.queue.get())()
        if done is not None:
            await done


async def test_a_key_waits_for_the_one_before_and_not_for_ever(monkeypatch) -> None:
    monkeypatch.setattr(typeahead, "PATIENCE", 3600)
    app, gone, fine, stuck = Pump(), Pump(closed=True), Pump(), Pump(stuck=True)
    fine.parents, gone.parents, stuck.parents = (app,), (fine, app), (app,)
    sent: list[str] = []
    target = gone

    async def send(key: events.Key) -> None:
        sent.append(key.key)
        typed.follow(app, target)

    typed = typeahead.Typeahead(send)
    for name in "abcd":
        await typed.take(events.Key(name, name))
    assert sent == ["a"], "the rest waits"
    await fine.turn()  # what is closed is left out
    assert sent == ["a"], "it is under way still"
    await app.turn()
    assert sent == ["a", "b"]
    monkeypatch.setattr(typeahead, "PATIENCE", 0)
    target = stuck
    await fine.turn()
    await app.turn()
    assert sent == ["a", "b", "c"]
    await app.turn()  # nothing came back: the time was up
    assert sent == ["a", "b", "c", "d"]

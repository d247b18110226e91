"""The port-forwards on the screen: opened by one key, probed, stopped, and why there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from fake_front import FULL, NOW, FakeFront, forward_view, view

from posdeck.errors import ForbiddenError
from posdeck.operations.forward_view import ProbePoint
from posdeck.ui.rows.forwards import bytes_text, forward_lines, latency_text, probe_cell
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.pager import text_of


async def collector(driver) -> None:
    await driver.press("3")
    await driver.press("slash", *"otel", "enter")


def front() -> FakeFront:
    """The collector's pods are selected by its service, as in the real namespace."""
    shown = view()
    services = {
        name: replace(service, selector={"app": name}) for name, service in shown.snapshot.services.items()
    }
    return FakeFront(replace(shown, snapshot=replace(shown.snapshot, services=services)))


async def test_one_key_forwards_every_port_of_the_collector(opened) -> None:
    made = front()
    workload = made.catalogue.by_deployment[FULL["otel-collector"]]
    workload = replace(workload, ports={"otlp-grpc": 4317, "otlp-http": 4318, "metrics": 8888})
    made.catalogue = replace(
        made.catalogue, by_deployment={**made.catalogue.by_deployment, workload.deployment: workload}
    )
    async with opened(made, size=(160, 40)) as driver:
        await collector(driver)
        await driver.press("F")
        assert driver.app.console_screen.current.view_name == "forwards"
        assert [f.local for f in made.forwards.list()] == [4317, 4318, 8888]
        for port in (4317, 4318, 8888):
            assert "listening" in driver.line(f"127.0.0.1:{port}")


async def test_a_port_can_be_named(opened) -> None:
    made = front()
    async with opened(made) as driver:
        await driver.press("colon", *"forward app 9000:80", "enter")
        assert [(f.choice.target, f.local) for f in made.forwards.list()] == [
            (f"service/{FULL['app']}:80", 9000)
        ]
        await driver.press("colon", *"forward nonsense 80", "enter")
        assert "No workload, service or pod is named" in driver.text()
        await driver.press("colon", *"pf app nonsense", "enter")
        assert "LOCAL:REMOTE" in driver.text()
        assert len(made.forwards.list()) == 1


async def test_it_is_probed_and_stopped_by_key(opened) -> None:
    made = front()
    made.forwards.open["f1"] = forward_view()
    async with opened(made, size=(160, 40)) as driver:
        await driver.press("colon", *"forwards", "enter")
        await driver.press("down")
        await driver.press("p")
        assert "200 OK" in driver.line("127.0.0.1:8080")
        assert "12 ms" in driver.line("127.0.0.1:8080")
        await driver.press("a")
        assert made.forwards.list()[0].probing
        assert "⟳" in driver.line("127.0.0.1:8080")
        await driver.press("a")
        assert not made.forwards.list()[0].probing
        await driver.press("enter")
        assert "curl -i http://127.0.0.1:8080/healthz" in driver.text()
        await driver.press("escape")
        await driver.press("x")
        assert made.forwards.list() == ()
        assert "No port-forward is open" in driver.text()


async def test_another_path_is_asked_for_and_probed(opened) -> None:
    made = front()
    made.forwards.open["f1"] = forward_view()
    async with opened(made, size=(160, 40)) as driver:
        await driver.press("colon", *"forwards", "enter", "e")
        assert driver.app.console_screen.prompt.query_one("Input").value == "/healthz"
        await driver.press("ctrl+u", *"/ready", "enter")
        await driver.settle()
        assert "/ready: 200 OK" in driver.text()
        assert made.forwards.list()[0].probe_path == "/ready"
        await driver.press("e", "escape")
        assert len(made.forwards.list()[0].probes) == 1


async def test_a_refusal_is_said_and_nothing_else_happens(opened) -> None:
    made = front()
    made.forwards.refuse = ForbiddenError("pods/portforward p", "cannot get", "Ask for it.")
    async with opened(made) as driver:
        await collector(driver)
        await driver.press("F")
        assert "cannot get" in driver.text()
        assert driver.app.console_screen.current.view_name == "workloads"


async def test_an_empty_list_says_how_to_open_one(opened) -> None:
    async with opened(front(), size=(160, 40)) as driver:
        await driver.press("colon", *"forwards", "enter")
        assert "press F" in driver.text()
        assert ":forward app 8080:80" in driver.text()


def test_the_words_for_a_probe() -> None:
    silent = ProbePoint(NOW, None, problem="connection refused")
    assert probe_cell(forward_view()).text == "–"
    assert probe_cell(forward_view(probing=True)).text == "⟳ …"
    assert probe_cell(forward_view(probes=(silent,))).text == "✖ no answer /healthz"
    tones = [probe_cell(forward_view(probes=(ProbePoint(NOW, s, 0.1),))).tone for s in (200, 404, 503)]
    assert tones == [Tone.GOOD, Tone.WARN, Tone.BAD]
    assert [latency_text(s) for s in (0.0014, 0.25, 1.5)] == ["1 ms", "250 ms", "1.50 s"]
    assert [bytes_text(n) for n in (0, 1023, 1536, 5 << 20, 3 << 30)] == [
        "0 B", "1023 B", "1.5 KiB", "5.0 MiB", "3.0 GiB"
    ]  # fmt: skip


def test_what_an_application_answers_cannot_break_the_screen() -> None:
    """A body is text from outside: its control sequences are shown."""
    point = ProbePoint(NOW, 200, 0.1, "\x1b]0;x\x07", body="\x1b[2J\u202eevil")
    scene = Scene(view(), NOW + timedelta(seconds=5))
    text = "\n".join(text_of(line) for line in forward_lines(forward_view(probes=(point,)), scene, "ns"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "kubectl -n ns port-forward service/" in text

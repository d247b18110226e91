"""The live console in a real terminal: however it ends, the terminal is given back; whatever is done to it, it stays."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cluster.api import wait_until
from tests.faults.terminal import AS_IT_WAS, Screen, environment_of

pytestmark = pytest.mark.long
Record = Callable[[str, object], None]
PODS = "consumer-order"


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An embedded cluster in a process of its own."""
    folder = tmp_path_factory.mktemp("cluster")
    path = folder / "kubeconfig"
    command = [sys.executable, "-m", "posdeck", "simulator", "--port", "0", "--write-kubeconfig", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(path.exists, "the embedded cluster", within=60)
        yield path
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def screen(kubeconfig: Path, tmp_path: Path) -> Iterator[Screen]:
    """The console, showing pods."""
    command = [sys.executable, "-m", "posdeck", "--kubeconfig", str(kubeconfig), "--environment", "simulated"]
    made = Screen(command, environment_of(tmp_path))
    try:
        made.wait(lambda text: "LIVE" in text and "consumer" in text, "the live console")
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("how", "code"),
    [("\x11", 0), (signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)],
    ids=["key", "TERM", "INT", "HUP"],
)
def test_however_it_ends_the_terminal_is_given_back(
    screen: Screen, how: str | signal.Signals, code: int
) -> None:
    assert 1049 in screen.modes
    assert screen.settings != screen.before
    if isinstance(how, str):
        screen.press(how)
    else:
        screen.process.send_signal(how)
    assert screen.ended() == code
    assert screen.modes == AS_IT_WAS, (
        "alternate screen, mouse, focus and paste modes are off, the cursor is shown"
    )
    assert screen.settings == screen.before
    assert "Traceback" not in screen.text


def test_ended_while_it_starts_the_terminal_is_given_back(kubeconfig: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "posdeck", "--kubeconfig", str(kubeconfig), "--environment", "simulated"]
    screen = Screen(command, environment_of(tmp_path))
    try:
        screen.wait(lambda text: "posdeck" in text, "the first frame")
        screen.process.send_signal(signal.SIGTERM)
        assert screen.ended() == 143
        assert screen.modes == AS_IT_WAS
        assert screen.settings == screen.before
    finally:
        screen.close()


def test_a_closed_terminal_ends_it_and_nothing_of_it_is_left(screen: Screen) -> None:
    screen.hang_up()
    assert screen.process.wait(timeout=60) in {129, -signal.SIGHUP}
    with pytest.raises(ProcessLookupError):
        os.killpg(screen.process.pid, 0)


def test_20_by_5_and_back_harms_nothing(screen: Screen) -> None:
    screen.resize(20, 5)
    screen.wait(lambda text: len(text.splitlines()) == 5 and bool(text.strip()), "a tiny screen")
    screen.press("2")
    screen.resize(120, 35)
    screen.wait(lambda text: PODS in text and "LIVE" in text, "all of it again")
    screen.press("\x11")
    assert screen.ended() == 0
    assert screen.modes == AS_IT_WAS


def test_suspended_for_a_while_it_shows_what_happened_meanwhile(
    screen: Screen, kubeconfig: Path, record_property: Record
) -> None:
    screen.press("2")
    screen.wait(lambda text: PODS in text and "/spc--pos" not in text, "the pods")
    screen.process.send_signal(signal.SIGSTOP)
    delete = ["kubectl", "--kubeconfig", str(kubeconfig), "delete", "deployment", "-n", "spc--pos"]
    subprocess.run(
        [*delete, "spc--pos--be--consumer-order--prod"], check=True, capture_output=True, timeout=60
    )
    screen.process.send_signal(signal.SIGCONT)
    seconds = screen.wait(
        lambda text: "consumer-order " not in text and "LIVE" in text, "the pods without the deleted ones"
    )
    record_property("recovered_after", seconds)
    screen.press("\x11")
    assert screen.ended() == 0
    assert screen.settings == screen.before
    with contextlib.suppress(ProcessLookupError):
        os.killpg(screen.process.pid, 0)

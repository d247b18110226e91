"""Text that others write – a log, an event, an annotation, a reason – on every way out of posdeck: what belongs to
patients is taken out before, and what would steer a terminal arrives as text."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.places import Desk, full
from tests.acceptance.terminal import Terminal
from tests.cluster.api import wait_until

MAIL = "@example.org"  # what the simulated consumers log of patients, and what is written below, all ends so
CARD = "4111 1111 1111 1111"
PATIENT = f"jane.roe{MAIL} paid with {CARD}"
STEERING = "\x1b[2J\x1b]0;owned\x07\x1b[31mred \x9b2J\u202elive\x7f end-of-it"
COPIED = re.compile(rb"\x1b\]52;[^;]*;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)")
VIEWS = ("overview", "pods", "workloads", "revisions", "hpa", "consumers", "services", "events", "nodes", "flow",
         "findings", "audit", "sessions", "forwards", "tracing", "levels")  # fmt: skip
SUBJECT = "consumer-lis-patient"
LOGGING = "app"  # logs payments with who paid


def write_event(desk: Desk, name: str, message: str) -> None:
    """An event of somebody's own on the deployment."""
    now = desk.place.kubectl(
        "get", "deployment", full(SUBJECT), "-o", "jsonpath={.metadata.creationTimestamp}"
    )
    event = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name},
        "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "name": full(SUBJECT),
                           "namespace": desk.place.namespace},
        "reason": "Told", "message": message, "type": "Warning", "count": 1,
        "firstTimestamp": now, "lastTimestamp": now, "source": {"component": "somebody"},
    }  # fmt: skip
    file = desk.home / f"{name}.json"
    file.write_text(json.dumps(event))
    desk.place.kubectl("apply", "-f", str(file))


@pytest.fixture
def told(desk: Desk) -> Iterator[Desk]:
    """A place where an event and an annotation hold a patient's data and control sequences."""
    write_event(desk, "about-a-patient", PATIENT)
    write_event(desk, "steering", STEERING)
    for key, value in (("told", PATIENT), ("steering", STEERING)):
        desk.place.kubectl(
            "annotate", "--overwrite", f"deployment/{full(SUBJECT)}", f"example.org/{key}={value}"
        )
    yield desk
    for name in ("about-a-patient", "steering"):
        desk.place.kubectl("delete", "event", name, "--ignore-not-found")
    for key in ("told", "steering"):
        desk.place.kubectl("annotate", f"deployment/{full(SUBJECT)}", f"example.org/{key}-")


def leaks(raw: bytes | str) -> list[str]:
    """What of a patient's data is in some output, and around it."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    found = [*re.finditer(r"[\w.]+" + re.escape(MAIL), text), *re.finditer(r"4111[ -]?1111", text)]
    return [text[max(0, m.start() - 60) : m.end() + 20] for m in found]


def in_files(folder: Path) -> dict[str, list[str]]:
    """The same for every file below a folder."""
    found = {
        str(path.relative_to(folder)): leaks(path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }
    return {name: each for name, each in found.items() if each}


def test_a_terminal_gets_no_patient_data_and_is_not_steered(told: Desk) -> None:
    """Events, describe, YAML, and with the embedded cluster a log that is copied and saved, byte by byte."""
    variables = told.variables() | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    terminal = Terminal(told.command(), variables, told.home)
    try:
        terminal.until("SIMULATED", "LIVE", "consumer-order", within=120)
        terminal.press(":events\r/Told\r")
        terminal.until("[email]", "end-of-it")
        for word, title in (("describe", "Describe"), ("yaml", "YAML")):
            terminal.press(f":{word} {SUBJECT}\r")
            terminal.until(f"{title} deployments/", "[email]", "end-of-it")
            terminal.press("c")
            terminal.until("copied")
            terminal.press("\x1b")
        if not told.place.real:
            terminal.press(f":logs {LOGGING}\r")
            terminal.until("INFO", "[email]", "follow")
            terminal.press("/receipt_to\rY")
            terminal.until("copied")
            terminal.press("\x13")  # ctrl-s
            terminal.until("save as")
            terminal.press("\r")
            terminal.until("saved", "redacted")
        terminal.press("\x11")  # ctrl-q
        assert terminal.ended(within=60) == 0
    finally:
        terminal.close()
    output = bytes(terminal.output)
    assert leaks(output) == []
    copied = [base64.b64decode(each).decode() for each in COPIED.findall(output)]
    assert len(copied) >= 2
    assert [leak for text in copied for leak in leaks(text)] == []
    assert "␛]0;owned␇".encode() in output, "it is there as text"
    for sequence in (
        b"\x1b]0;owned",
        b"\x1b[31mred",
        "\x9b2J".encode(),
        b"\x9b2J",
        "\u202e".encode(),
        b"\x7f",
    ):
        assert sequence not in output, sequence
    assert in_files(told.home / "state") == {}
    assert in_files(told.home / "cache") == {}


def test_no_command_prints_or_keeps_patient_data(told: Desk) -> None:
    """The views as text and as a picture, status, findings, a procedure with its evidence, the record."""
    if not told.place.real:
        raw = wait_until(
            lambda: leaks(told.place.kubectl("logs", f"deployment/{full(LOGGING)}", "--tail=100")),
            "the log holds what is to be taken out",
            within=120,
        )
        assert raw
    said = {}
    for view in VIEWS:
        done = told.run("snapshot", view, "--size", "200x50", "--svg", str(told.home / f"{view}.svg"))
        assert done.returncode == 0, f"{view}: {done.stderr}"
        said[view] = done.stdout + (told.home / f"{view}.svg").read_text()
    for command in (("status", "-o", "json"), ("findings", "-o", "json")):
        said[command[0]] = told.run(*command).stdout
    procedure = told.run(
        "runbook", "run", "consumer-not-processing", "--param", f"consumer={SUBJECT}", "--answer", "cause=stuck",
        "--confirm", SUBJECT, "--reason", f"the patient {PATIENT} waits", "-o", "json", within=240,
    )  # fmt: skip
    assert procedure.returncode in {0, 2}, procedure.stdout + procedure.stderr
    said["procedure"] = procedure.stdout + procedure.stderr
    looked = told.run("runbook", "run", "main-api-issues", "--check", "-o", "json", within=240)
    assert json.loads(looked.stdout)["evidence"], looked.stderr
    said["a look"] = looked.stdout + looked.stderr
    entries = told.records()
    said["record"] = json.dumps(entries) + "".join(json.dumps(told.record(entry)) for entry in entries)
    if not told.place.real:
        assert "[email]" in said["a look"], "the log was part of the evidence"
    assert "[email]" in said["record"], "so was the reason"
    assert {name: leaks(text) for name, text in said.items() if leaks(text)} == {}
    assert in_files(told.home / "state") == {}
    assert in_files(told.home / "cache") == {}

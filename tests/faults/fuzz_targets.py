"""What is done with bytes that somebody else made: each target takes any bytes, and fails where posdeck does anything
but show them, refuse them with a remedy, or say that they were changed.

Hypothesis drives them in the suite (``test_fuzz_bytes``), coverage-guided atheris by hand (``make fuzz``).
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.audit.conftest import ACTOR, PLACE, TARGET

from posdeck.audit.origin import this_process
from posdeck.audit.record import ActClass, Intent, Note, Outcome, Result, Topic, Verification
from posdeck.audit.sqlite import open_store
from posdeck.clock import ManualClock
from posdeck.cluster.kubeconfig import load_target
from posdeck.cluster.logs import LogLine as RawLine
from posdeck.cluster.logs import LogStream
from posdeck.cluster.scripted import ScriptedTransport
from posdeck.errors import AuditError, PosdeckError
from posdeck.operations.front import LogLine
from posdeck.operations.log_levels import level_of
from posdeck.redaction.redactor import Redactor
from posdeck.runbooks.loading import load_runbook
from posdeck.ui.rows.loglines import LogLook, log_lines

STAMP = b"2026-01-01T00:00:00.000000001Z "
LOG = "/api/v1/namespaces/n/pods/p/log"
LOOKS = (LogLook(), LogLook(timestamps=False, unfold=True, sources={"p": "a"}, containers=True))


def log(data: bytes, cut: int) -> None:
    """A log through the real reader, the redactor and the row maker, in pieces of ``cut`` bytes."""
    lines = asyncio.run(_read(data, cut))
    whole = asyncio.run(_read(data, max(1, len(data))))
    assert [line.text for line in lines] == [line.text for line in whole], "cuts change nothing"
    wanted = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    assert len(lines) == wanted, "no line is lost and none is made up"
    stream = Redactor().stream()
    for line in lines:
        text = stream.line(line.text)
        shown = LogLine(line.pod, line.container, line.time, text, level_of(text))
        for look in LOOKS:
            for drawn in log_lines(shown, look):
                said = "".join(part for part, _ in drawn)
                said.encode()  # a terminal takes UTF-8: no half of a pair may be left
                assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in said), (
                    "nothing steers a terminal"
                )


async def _read(data: bytes, cut: int) -> list[RawLine]:
    transport, clock = ScriptedTransport(), ManualClock()
    stream = LogStream(_Pieces(transport, data, cut), "n", "p", "c", clock)  # type: ignore[arg-type]
    return [line async for batch in stream.read() for line in batch if isinstance(line, RawLine)]


class _Pieces:
    """A transport whose only answer is a log in pieces."""

    def __init__(self, inner: ScriptedTransport, data: bytes, cut: int) -> None:
        self._inner, self._data, self._cut = inner, data, cut

    def stream(self, method: str, path: str, **_: object) -> _Pieces:
        assert (method, path) == ("GET", LOG)
        return self

    async def __aenter__(self) -> AsyncIterator[bytes]:
        return self._chunks()

    async def __aexit__(self, *_: object) -> None:
        return None

    async def _chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), self._cut):
            yield self._data[start : start + self._cut]


@contextmanager
def _told(path: Path, kind: type[PosdeckError]) -> Iterator[None]:
    """An error of that kind is well, as long as it names the file (of the record: the place in it) and the cause."""
    problem = None
    try:
        yield
    except kind as error:
        problem = error
    if problem is not None:
        assert problem.subject
        assert problem.cause
        assert kind is AuditError or path.name in problem.subject


def redaction(data: bytes) -> None:
    """Any text: redacting it again changes nothing, line by line is the same as whole."""
    text = data.decode("utf-8", "replace")
    redactor = Redactor()
    once = redactor.text(text)
    assert redactor.text(once) == once
    stream = redactor.stream()
    assert "\n".join([stream.line(line) for line in text.split("\n")]) == once
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    json.dumps(redactor.value(value))


def kubeconfig(data: bytes) -> None:
    """Any file: a target, or a mistake with its file and what to do."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_bytes(data)
        path.chmod(0o600)
        with _told(path, PosdeckError):
            load_target(path, environ={})


def runbook(data: bytes) -> None:
    """Any file: a runbook, or a mistake with its file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runbook.yml"
        path.write_bytes(data)
        with _told(path, PosdeckError):
            load_runbook(path)


@cache
def sound_store() -> tuple[bytes, bytes]:
    """A closed, sealed store with intents, outcomes, evidence and a note, and the head beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state" / "audit.sqlite"
        with open_store(path, ManualClock()) as store:
            for number in range(5):
                store.append_intent(_intent(f"intent-{number}"))
                outcome = Outcome(f"intent-{number}", Result.SUCCEEDED, Verification.PASSED, number)
                store.append_outcome(outcome)
            store.save_evidence("intent-1", "log", os.urandom(6000).hex())
            store.append_note(Note(Topic.COMMENT, "the end", ACTOR, PLACE))
        return path.read_bytes(), path.with_name("audit.sqlite.head").read_bytes()


def mutated(data: bytes) -> bytes:
    """The sound store with bytes exchanged as ``data`` says, three at a time: where (two), and by what."""
    content = bytearray(sound_store()[0])
    for i in range(0, len(data) - 2, 3):
        at = int.from_bytes(data[i : i + 2], "big") * len(content) >> 16
        content[at] ^= data[i + 2]
    return bytes(content)


def audit(content: bytes) -> None:
    """A store's file that is not as it was: never good, never a crash, and nothing is written to it."""
    whole, head = sound_store()
    if content == whole:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state" / "audit.sqlite"
        path.parent.mkdir(mode=0o700)
        path.write_bytes(content)
        path.chmod(0o600)
        path.with_name("audit.sqlite.head").write_bytes(head)
        with _told(path, AuditError), open_store(path, ManualClock(), read_only=True) as reader:
            assert not reader.verify().ok, "a changed file is never good"
            list(reader.records())
        with _told(path, AuditError), open_store(path, ManualClock()) as store:
            store.check_writable()


def _intent(name: str) -> Intent:
    return Intent(name, "rollout-restart", ActClass.MITIGATE, ACTOR, PLACE, TARGET, this_process())

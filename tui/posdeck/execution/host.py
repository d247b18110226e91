"""The process that ansible-runner lives in, so that its threads, signal handlers and working files never
touch posdeck's own process. It turns each runner event into one JSON line on a pipe that posdeck reads.

Standard input: one line saying what to prepare, then one ``release`` line; its end means that the supervisor
is gone. ansible-runner calls ``event_handler`` on the thread that pumps the playbook's output, where blocking
would stall the run and raising would leave it "running" for ever: so it only queues.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from posdeck.execution import process_tree

OUTPUT_LIMIT = 16 * 1024 * 1024  # bytes of free output a run; structured events are never dropped
_TEXT_LIMIT = 64 * 1024  # characters of text in one event
_FREE_OUTPUT = frozenset({"verbose", "debug", "deprecated", "warning", "system_warning", "error"})
_HIDDEN = frozenset({"invocation", "exception", "ansible_facts"})
_EVIDENCE = "evidence"  # of the facts that a playbook sets, this one is for whoever started it
_KEPT = ("play", "task", "task_action", "host", "duration", "name", "item_label", "ignore_errors", "retries")


class EventPipe:
    """Numbered JSON lines to posdeck, written by a thread of its own; ``put`` never blocks and never
    raises."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._sequence = 0
        self._output = 0
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="events", daemon=True)
        self._thread.start()

    def put(self, kind: str, **content: Any) -> None:
        """Queue one line. What cannot be serialised is replaced by a line saying so, so that it is not
        missed."""
        try:
            text = json.dumps(content, default=str)
        except Exception as error:
            kind, text = "broken", json.dumps({"error": repr(error)})
        with self._lock:
            self._sequence += 1
            self._lines.put(f'{{"n":{self._sequence},"k":"{kind}","d":{text}}}\n'.encode())

    def put_event(self, event: Mapping[str, Any]) -> None:
        """Queue a runner event; free output beyond the limit is counted instead."""
        if event.get("event") in _FREE_OUTPUT:
            size = len(event.get("stdout") or "")
            if self._output + size > OUTPUT_LIMIT:
                self._dropped += 1
                return
            self._output += size
        self.put("event", **shorten(event))

    def close(self, seconds: float) -> None:
        """Write what is queued, for at most ``seconds``: posdeck may be reading slowly, or not at all."""
        if self._dropped:
            self.put("dropped", lines=self._dropped)
        self._lines.put(None)
        self._thread.join(seconds)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            view = memoryview(line)
            with contextlib.suppress(OSError):  # nobody reads any more: the supervisor acts on that
                while view:
                    view = view[os.write(self._fd, view) :]


def shorten(event: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a runner event that posdeck uses; the stats event whole, results without their noise."""
    source = event.get("event_data") or {}
    kept = {key: source[key] for key in _KEPT if source.get(key) is not None}
    if event.get("event") == "playbook_on_stats":
        kept = {key: value for key, value in source.items() if isinstance(value, dict)}
    result = source.get("res")
    if isinstance(result, dict):
        kept["res"] = {k: v for k, v in result.items() if k not in _HIDDEN and not k.startswith("_ansible")}
        facts = result.get("ansible_facts")
        if isinstance(facts, dict) and _EVIDENCE in facts:
            kept["res"]["ansible_facts"] = {_EVIDENCE: facts[_EVIDENCE]}
    if source.get("diff") is not None:
        kept["diff"] = source["diff"]
    text = event.get("stdout") or ""
    if len(text) > _TEXT_LIMIT:
        text = f"{text[:_TEXT_LIMIT]}… ({len(text) - _TEXT_LIMIT} more characters)"
    return {"event": event.get("event", ""), "at": event.get("created", ""), "text": text, "data": kept}


class Host:
    """One ``ansible_runner.run`` and its way to posdeck."""

    def __init__(self, pipe: EventPipe) -> None:
        self._pipe = pipe
        self._spec: dict[str, Any] = {}

    def run(self) -> int:
        """Prepare, hold the playbook back until released, run it, and report its end."""
        lines = sys.stdin.buffer
        first = lines.readline()
        if not first:
            return 1
        self._spec = json.loads(first)
        threading.Thread(target=self._listen, args=(lines.readline,), name="control", daemon=True).start()
        try:
            status, code = self._run_playbook()
            self._pipe.put("end", status=status, rc=code)
        except BaseException as error:
            self._pipe.put("broken", error=f"{type(error).__name__}: {error}")
            raise
        finally:
            self._pipe.close(5.0)
        return 0

    def _run_playbook(self) -> tuple[str, int | None]:
        import ansible_runner

        runner = ansible_runner.run(
            private_data_dir=self._spec["private"],
            project_dir=self._spec["project"],
            ident="run",
            playbook=self._spec["playbook"],
            inventory=self._spec["inventory"],
            limit=self._spec["limit"],
            cmdline=self._spec["cmdline"] or None,
            event_handler=self._on_event,
            status_handler=self._on_status,
            # Without a callback of our own the runner would replace the signal handlers for good (its #1075).
            cancel_callback=lambda: False,
            quiet=True,
        )
        return runner.status, runner.rc

    def _on_event(self, event: dict[str, Any]) -> bool:
        try:
            self._pipe.put_event(event)
        except Exception as error:  # never into the runner's thread: it would hang
            self._pipe.put("broken", error=repr(error))
        return False  # no event file: what is kept is kept by the record, redacted

    def _on_status(self, status: dict[str, Any], runner_config: object = None) -> None:
        if status.get("status") == "running":
            # Written by the runner just before: the command with the whole environment.
            with contextlib.suppress(OSError):
                (Path(self._spec["private"]) / "artifacts" / "run" / "command").unlink()
        self._pipe.put(
            "status", status=status.get("status")
        )  # never the whole: "starting" holds the environment

    def _listen(self, readline: Callable[[], bytes]) -> None:
        """Follow the supervisor: release the playbook when told to, end everything when it is gone."""
        while line := readline():
            command = json.loads(line)
            if command["op"] == "release":
                (Path(self._spec["private"]) / "env" / "extravars").write_text(command["extra_vars"], "utf-8")
                with open(self._spec["gate"], "wb", buffering=0) as gate:
                    gate.write(b"go\n")
        process_tree.end_tree(os.getpid(), first=process_tree.children(os.getpid()))
        os._exit(1)


def main() -> None:
    """Entry: one argument, the number of the inherited descriptor for events."""
    fd = int(sys.argv[1])
    os.set_inheritable(fd, False)
    os.umask(0o077)
    code = Host(EventPipe(fd)).run()
    # Not sys.exit: the control thread sits in a blocking read of standard input and would be waited for.
    sys.stderr.flush()
    os._exit(code)

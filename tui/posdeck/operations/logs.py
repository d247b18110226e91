"""Logs for front ends: one pod or many merged by server time, redacted before anyone sees a line."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from posdeck.audit.record import Note, Topic
from posdeck.cluster.log_merge import LogMerge
from posdeck.cluster.logs import LogItem, LogMark, LogOptions, LogStream
from posdeck.cluster.snapshot import Container, Snapshot
from posdeck.errors import AuthExpiredError, ForbiddenError, PosdeckError
from posdeck.operations.forward_ports import pods_of
from posdeck.operations.front import LogLine, LogRequest
from posdeck.operations.log_levels import level_of
from posdeck.operations.workshop import Workshop
from posdeck.redaction.redactor import LineRedactor

MARK = "mark"
_OLDEST = datetime.min.replace(tzinfo=UTC)
_WAITING = 200  # batches between reader and screen
_CONTROL = {code: 0x2400 + code for code in range(32) if code != 9} | {127: 0x2421}
_CONTROL |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
Source = tuple[str, str]  # pod, container


async def read_logs(
    workshop: Workshop, request: LogRequest, lifted: Callable[[], bool] = lambda: False
) -> AsyncIterator[LogLine]:
    """The lines asked for, as they come, redacted unless ``lifted`` says otherwise for that moment; a mark of the
    stream (cut, restarted, dropped) is a line with level "mark". Raises the ClusterError tree when nothing at all
    can be read."""
    redactors: dict[Source, LineRedactor] = {}
    batches = _follow(workshop, request) if request.follow else _read(workshop, request)
    async for batch in batches:
        for item in batch:
            line = _line(workshop, item, redactors)
            if lifted() and not isinstance(item, LogMark) and item.text != line.text:
                line = replace(line, text=item.text, kept=line.text)
            yield line


async def save_log(workshop: Workshop, name: str, lines: Sequence[LogLine], file: str = "") -> Path:
    """Write redacted lines to a new file, readable by its owner only, control sequences made visible; the record
    says so first. ``file`` is a whole path (``~`` is one's home); without it the file is below the state folder,
    with the ``name`` and the time. Raises AuditError, and PosdeckError when the file cannot be written: never over
    one that is there."""
    moment = workshop.clock.now().astimezone(UTC)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:100] or "log"
    path = workshop.state / "logs" / f"{safe}-{moment:%Y%m%dT%H%M%S%f}.log"
    if file:
        path = Path(file).expanduser()
        if not path.is_absolute() or path.exists() or not path.parent.is_dir():
            why = "is there already" if path.exists() else "is not a whole path in a folder that exists"
            raise PosdeckError(str(path), why, "Give another name, such as ~/order.log.")
    standing = workshop.standing()
    note = Note(
        Topic.EXPORTED,
        f"saving {len(lines)} redacted log lines of {name}",
        standing.actor,
        standing.place,
        subject=name,
        details={"file": str(path), "lines": len(lines)},
    )
    await workshop.record(lambda store: store.append_note(note))
    text = "".join(f"{saved_line(line)}\n" for line in lines)
    try:
        await asyncio.to_thread(_write, path, text)
    except OSError as error:
        raise PosdeckError(
            str(path), f"cannot be written ({error.strerror})", "Make room or mend its permissions."
        ) from None
    return path


def saved_line(line: LogLine) -> str:
    """A line as a file keeps it: time, pod, container, text."""
    when = line.at.astimezone(UTC).isoformat(timespec="milliseconds") if line.at else "-"
    text = (line.text if line.kept is None else line.kept).translate(_CONTROL)
    return f"{when} {line.pod}/{line.container} {'--- ' if line.level == MARK else ''}{text}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8", errors="replace") as opened:
        opened.write(text)


# following


async def _follow(workshop: Workshop, request: LogRequest) -> AsyncIterator[list[LogItem]]:
    """Everything merged; the pods that a deployment gets later join when they appear. What they join with is
    merged for itself, so that two merges meet only within the quarter second for which each holds its lines."""
    arrived: asyncio.Queue[list[LogItem] | PosdeckError] = asyncio.Queue(_WAITING)
    seen: set[Source] = set()
    tasks: list[asyncio.Task[None]] = []

    def join(found: Sequence[Source], options: LogOptions) -> None:
        new = [source for source in found if source not in seen]
        seen.update(new)
        if new:
            tasks.append(asyncio.ensure_future(_pump(workshop, new, options, arrived)))

    def look(snapshot: Snapshot) -> None:
        names = tuple(
            p.name
            for d in request.deployments
            for p in pods_of(snapshot, "deployment", d)
            if p.name not in {pod for pod, _ in seen}
        )
        join(_sources(snapshot, replace(request, pods=names)), LogOptions())

    join(_sources(workshop.feed.snapshot, request), _options(workshop, request))
    unsubscribe = workshop.feed.subscribe(look) if request.deployments else lambda: None
    try:
        while request.deployments or not all(t.done() for t in tasks) or not arrived.empty():
            getting = asyncio.ensure_future(arrived.get())
            running = [t for t in tasks if not t.done()]
            await asyncio.wait({getting, *running}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                continue
            got = getting.result()
            if isinstance(got, PosdeckError):
                raise got
            yield got
    finally:
        unsubscribe()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(
    workshop: Workshop,
    sources: Sequence[Source],
    options: LogOptions,
    arrived: asyncio.Queue[list[LogItem] | PosdeckError],
) -> None:
    merge = LogMerge([_stream(workshop, source, options) for source in sources], workshop.clock)
    told = 0
    try:
        async for batch in merge.follow():
            if merge.dropped > told:
                gone, told = merge.dropped - told, merge.dropped
                text = f"{gone:,} lines were dropped: they came faster than they could be shown"
                batch.insert(0, LogMark(*sources[0], workshop.clock.now(), text))
            await arrived.put(batch)
    except PosdeckError as problem:
        await arrived.put(problem)


# reading once


async def _read(workshop: Workshop, request: LogRequest) -> AsyncIterator[list[LogItem]]:
    """What is there now, merged by time. A source that cannot be read leaves a mark; all of them failing for
    want of permission is an error."""
    options = _options(workshop, request)
    readers = [
        _Reader(_stream(workshop, source, options), workshop)
        for source in _sources(workshop.feed.snapshot, request)
    ]
    await asyncio.gather(*(reader.advance() for reader in readers))
    refused = [r.problem for r in readers if isinstance(r.problem, ForbiddenError | AuthExpiredError)]
    if readers and len(refused) == len(readers):
        raise refused[0]
    batch: list[LogItem] = []
    while open_now := [r for r in readers if r.head is not None]:
        first = min(open_now, key=lambda r: r.time)
        if first.head is not None:
            batch.append(first.head)
        await first.advance()
        if len(batch) >= 500:
            yield batch
            batch = []
    if batch:
        yield batch


class _Reader:
    """One log with its next line; a line without a time belongs to the one before it."""

    def __init__(self, stream: LogStream, workshop: Workshop) -> None:
        self.head: LogItem | None = None
        self.time = _OLDEST
        self.problem: PosdeckError | None = None
        self._stream = stream
        self._workshop = workshop
        self._batches = stream.read()
        self._waiting: list[LogItem] = []

    async def advance(self) -> None:
        """Go to the next line; ``head`` is None at the end."""
        try:
            while not self._waiting:
                self._waiting = list(reversed(await anext(self._batches)))
        except StopAsyncIteration:
            self.head = None
            return
        except PosdeckError as problem:
            if self.problem is not None:
                self.head = None
                return
            self.problem = problem
            now = self._workshop.clock.now()
            self._waiting = [LogMark(self._stream.pod, self._stream.container, now, str(problem))]
        self.head = self._waiting.pop()
        self.time = max(self.time, self.head.time or self.time)


# what both need


def _options(workshop: Workshop, request: LogRequest) -> LogOptions:
    since = workshop.clock.now() - timedelta(seconds=request.since) if request.since else None
    return LogOptions(tail=request.tail, since=since, previous=request.previous)


def _stream(workshop: Workshop, source: Source, options: LogOptions) -> LogStream:
    pod, container = source
    return LogStream(
        workshop.transport, workshop.target.namespace, pod, container, workshop.clock, options=options
    )


def _sources(snapshot: Snapshot, request: LogRequest) -> list[Source]:
    """Every container asked for. Without a name: all that are not init containers, and init containers too while
    they are what the pod hangs on."""
    found: list[Source] = []
    for name in request.pods:
        pod = snapshot.pods.get(name)
        containers = pod.containers if pod else ()
        stuck = not any(c.started_at or c.state == "running" for c in containers if not c.init)
        for each in containers:
            wanted = each.name == request.container if request.container else _of_interest(each, stuck=stuck)
            if wanted:
                found.append((name, each.name))
    return found


def _of_interest(container: Container, *, stuck: bool) -> bool:
    if not container.init or container.sidecar:
        return True
    return stuck and container.state in {"running", "terminated"}


def _line(workshop: Workshop, item: LogItem, redactors: dict[Source, LineRedactor]) -> LogLine:
    if isinstance(item, LogMark):
        text = workshop.redactor.text(item.text)
        return LogLine(item.pod, item.container, item.time, text, MARK)
    key = (item.pod, item.container)
    redactor = redactors.setdefault(key, workshop.redactor.stream())
    text = redactor.line(item.text)
    level = level_of(text)
    if item.truncated:
        text = f"{text}… ({item.truncated:,} bytes cut off)"
    return LogLine(item.pod, item.container, item.time, text, level)

"""Logs for front ends: one pod or many merged by server time, redacted before anyone sees a line."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

from posdeck.cluster.log_merge import LogMerge
from posdeck.cluster.logs import LogItem, LogOptions, LogStream
from posdeck.operations.front import LogLine, LogRequest
from posdeck.operations.workshop import Workshop
from posdeck.redaction.redactor import LineRedactor

_LEVEL = re.compile(
    r"\b(?:(fatal|critical|panic|error|err|exception|traceback)|(warn(?:ing)?)|(info|notice)|(debug|trace))\b",
    re.IGNORECASE,
)
_LEVELS = ("error", "warning", "info", "debug")


async def read_logs(workshop: Workshop, request: LogRequest) -> AsyncIterator[LogLine]:
    """The lines asked for, as they come; a mark of the stream (cut, restarted) is a line with level "mark"."""
    since = workshop.clock.now() - timedelta(seconds=request.since) if request.since else None
    options = LogOptions(tail=request.tail, since=since, previous=request.previous)
    streams = [
        LogStream(
            workshop.transport, workshop.target.namespace, pod, container, workshop.clock, options=options
        )
        for pod, container in _containers(workshop, request)
    ]
    redactors: dict[tuple[str, str], LineRedactor] = {}
    if not request.follow:
        for stream in streams:
            async for batch in stream.read():
                for item in batch:
                    yield _line(workshop, item, redactors)
        return
    merge = LogMerge(streams, workshop.clock)
    async for batch in merge.follow():
        for item in batch:
            yield _line(workshop, item, redactors)


def level_of(text: str) -> str:
    """The level that a line speaks of: error, warning, info, debug, or ""."""
    match = _LEVEL.search(text[:400])
    if match is None:
        return ""
    return next(level for level, group in zip(_LEVELS, match.groups(), strict=True) if group)


def _containers(workshop: Workshop, request: LogRequest) -> list[tuple[str, str]]:
    found = []
    for name in request.pods:
        pod = workshop.feed.snapshot.pods.get(name)
        inner = [c.name for c in pod.containers if not c.init] if pod else []
        found += [(name, c) for c in inner if not request.container or c == request.container]
    return found


def _line(workshop: Workshop, item: LogItem, redactors: dict[tuple[str, str], LineRedactor]) -> LogLine:
    if type(item).__name__ == "LogMark":
        return LogLine(item.pod, item.container, item.time, item.text, "mark")
    key = (item.pod, item.container)
    redactor = redactors.setdefault(key, workshop.redactor.stream())
    text = redactor.line(item.text)
    return LogLine(item.pod, item.container, item.time, text, level_of(text))

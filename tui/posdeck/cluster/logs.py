"""One container's log, followed through cuts, rotations and restarts without a gap or a repetition.

The API resumes by whole seconds only, so the lines of the last seconds are remembered and recognised again.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from posdeck.clock import Clock
from posdeck.cluster.resources import PODS
from posdeck.cluster.transport import Transport
from posdeck.cluster.watching import Backoff, Timing
from posdeck.errors import ClusterError, InvalidError, NotFoundError, ThrottledError
from posdeck.kubetext.ages import parse_time
from posdeck.kubetext.fields import at, integer, items, mapping

_OVERLAP = timedelta(seconds=2)
_BATCH = 500
_LONGEST_LINE = 1 << 20
_HELD = _LONGEST_LINE + 64  # bytes kept of a line that has not ended yet: the longest and its time


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. ``time`` is the container runtime's; ``truncated`` counts bytes cut off a line over 1 MiB."""

    pod: str
    container: str
    time: datetime | None
    text: str
    truncated: int = 0


@dataclass(frozen=True, slots=True)
class LogMark:
    """Something that happened to the stream itself, to be shown between the lines."""

    pod: str
    container: str
    time: datetime | None
    text: str


LogItem = LogLine | LogMark


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What to read: the last ``tail`` lines, those since a moment, of the container before this one."""

    tail: int | None = None
    since: datetime | None = None
    previous: bool = False


class LogStream:
    """The log of one container of one pod."""

    def __init__(
        self,
        transport: Transport,
        namespace: str,
        pod: str,
        container: str,
        clock: Clock,
        *,
        options: LogOptions | None = None,
        rand: random.Random | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.pod = pod
        self.container = container
        self._transport = transport
        self._pod_path = PODS.path(namespace, pod)
        self._clock = clock
        self._options = options or LogOptions()
        self._timing = timing or Timing()
        self._backoff = Backoff(self._timing, rand or random.Random())  # noqa: S311 — jitter, not a secret
        self._seen = _Seen()
        self._restarts: int | None = None

    async def read(self) -> AsyncIterator[list[LogItem]]:
        """What is there now, in batches, to its end. Raises the ClusterError tree."""
        async for batch in self._request(follow=False, previous=self._options.previous, whole=True):
            yield batch

    async def follow(self) -> AsyncIterator[list[LogItem]]:
        """What is there and what comes, in batches, until the container has ended for good or its pod.

        Breaks are waited out and marked. Raises ForbiddenError and AuthExpiredError when the first request
        meets them.
        """
        began = False
        while True:
            try:
                restarts, _ = await self._container_state()
                if self._restarts is not None and restarts > self._restarts:
                    async for batch in self._after_restart(restarts - self._restarts):
                        yield batch
                self._restarts = restarts
                async for batch in self._request(follow=True):
                    began = True
                    self._backoff.reset()
                    yield batch
                began = True
                restarts, over = await self._container_state()
                if over and restarts == self._restarts:
                    async for batch in self._request(follow=False, whole=True):
                        yield batch
                    yield [self._mark("the container has ended")]
                    return
            except NotFoundError:
                yield [self._mark("the pod is gone")]
                return
            except InvalidError:
                pass  # the container has not started yet: asked again
            except ClusterError as error:
                if not began and not isinstance(error, ThrottledError):
                    raise
                yield [self._mark(f"interrupted: {error.cause}")]
            await self._clock.sleep(self._backoff.next())

    async def _after_restart(self, times: int) -> AsyncIterator[list[LogItem]]:
        """The rest of the log of the container that has ended; the node keeps only the last one."""
        try:
            async for batch in self._request(follow=False, previous=True, whole=True):
                yield batch
        except (InvalidError, NotFoundError) as error:
            yield [self._mark(f"lines may be missing: {error.cause}")]
        lost = f"; the logs of {times - 1} in between are lost" if times > 1 else ""
        yield [self._mark(f"the container was restarted{lost}")]

    async def _container_state(self) -> tuple[int, bool]:
        """Restarts so far, and whether the container has ended for good."""
        response = await self._transport.request("GET", self._pod_path, timeout=self._timing.connect)
        pod: Any = orjson.loads(response.body)
        status = mapping(at(pod, "status"))
        for part in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
            for state in items(status.get(part)):
                if state.get("name") == self.container:
                    ended = isinstance(mapping(state.get("state")).get("terminated"), dict)
                    never = at(pod, "spec", "restartPolicy") == "Never" or part != "containerStatuses"
                    done = status.get("phase") in ("Succeeded", "Failed")
                    return integer(state.get("restartCount")), ended and (never or done)
        return 0, False

    async def _request(
        self, *, follow: bool, previous: bool = False, whole: bool = False
    ) -> AsyncIterator[list[LogItem]]:
        """One request's lines not seen before; with ``whole``, a last one without an end too."""
        params = [("container", self.container), ("timestamps", "true")]
        params += [("follow", "true")] if follow else []
        params += [("previous", "true")] if previous else []
        since = self._seen.resume_from() or self._options.since
        if since is not None:
            params.append(("sinceTime", since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
        if self._options.tail is not None and self._seen.latest is None:
            params.append(("tailLines", str(self._options.tail)))
        path = f"{self._pod_path}/log"
        batch: list[LogItem] = []
        stream = self._transport.stream("GET", path, params=params, headers={"Accept": "*/*"})
        async with stream as chunks:
            async for arrived, dropped in _line_batches(chunks, whole=whole):
                for number, raw in enumerate(arrived):
                    line = self._line(raw, 0 if number else dropped)
                    if self._seen.is_new(line):
                        batch.append(line)
                    if len(batch) >= _BATCH:
                        yield batch
                        batch = []
                if batch:
                    yield batch
                    batch = []

    def _line(self, raw: bytes, dropped: int = 0) -> LogLine:
        stamp, separator, rest = raw.partition(b" ")
        time = parse_time(stamp.decode("ascii", "replace")) if separator or len(stamp) < 40 else None
        content = rest if time is not None else raw
        cut = max(0, len(content) - _LONGEST_LINE) + dropped
        text = content[:_LONGEST_LINE].decode("utf-8", "replace").removesuffix("\r")
        return LogLine(self.pod, self.container, time, text, cut)

    def _mark(self, text: str) -> LogMark:
        return LogMark(self.pod, self.container, self._clock.now(), text)


class _Seen:
    """The lines of the last seconds, to be recognised when a resumed stream repeats them."""

    def __init__(self) -> None:
        self.latest: datetime | None = None
        self._recent: deque[tuple[datetime, int]] = deque()
        self._counts: Counter[tuple[datetime, int]] = Counter()
        self._repeats: Counter[tuple[datetime, int]] = Counter()
        self._repeated_until: datetime | None = None

    def resume_from(self) -> datetime | None:
        """The moment to resume from; from here on, lines already seen are expected again."""
        if self.latest is None:
            return None
        self._repeats = Counter(self._counts)
        self._repeated_until = self.latest
        return (self.latest - _OVERLAP).replace(microsecond=0) + timedelta(seconds=1)

    def is_new(self, line: LogLine) -> bool:
        """Whether a line has not been seen; it has been seen from now on."""
        if line.time is None:
            return True
        key = (line.time, hash(line.text))
        if self._repeated_until is not None and line.time <= self._repeated_until and self._repeats[key] > 0:
            self._repeats[key] -= 1
            return False
        self._counts[key] += 1
        self._recent.append(key)
        if self.latest is None or line.time > self.latest:
            self.latest = line.time
            self._forget(line.time - _OVERLAP)
        return True

    def _forget(self, before: datetime) -> None:
        while self._recent and self._recent[0][0] < before:
            key = self._recent.popleft()
            self._counts[key] -= 1
            if self._counts[key] <= 0:
                del self._counts[key]


async def _line_batches(
    chunks: AsyncIterator[bytes], *, whole: bool
) -> AsyncIterator[tuple[list[bytes], int]]:
    """The lines of each chunk together: a busy log must not cost a turn of the loop per line. With them, how many
    bytes of the first were let go: one that does not end must not fill the memory."""
    held, size, dropped = list[bytes](), 0, 0
    async for arrived in chunks:
        chunk = arrived
        if dropped:
            rest, ends, chunk = arrived.partition(b"\n")
            dropped += len(rest)
            if not ends:
                continue
            yield [b"".join(held)], dropped
            held, size, dropped = [], 0, 0
        if b"\n" not in chunk:
            held.append(chunk[: _HELD - size])
            dropped = len(chunk) - len(held[-1])
            size += len(held[-1])
            continue
        found = b"".join([*held, chunk]).split(b"\n")
        last = found.pop()
        held, size, dropped = [last[:_HELD]], min(len(last), _HELD), max(0, len(last) - _HELD)
        yield found, 0
    rest = b"".join(held)
    if whole and rest:
        yield [rest], dropped

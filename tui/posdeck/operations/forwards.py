"""Port-forwards: ports of pods on 127.0.0.1, each in the record before it opens and after it closes.

A forward to a service or a deployment moves to another pod when its own goes; one to a pod ends with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from posdeck.audit.record import Note, Topic
from posdeck.cluster import resources
from posdeck.cluster.http_probe import http_probe
from posdeck.cluster.objects import Objects
from posdeck.cluster.portforward import PortForward
from posdeck.errors import (
    InvalidError,
    NotFoundError,
    PosdeckError,
    RefusedError,
    UnknownNameError,
    UnreachableError,
)
from posdeck.kubetext.fields import at, items
from posdeck.operations.forward_ports import pod_for, service_port
from posdeck.operations.forward_view import Answer, ForwardState, ForwardView, ProbePoint

if TYPE_CHECKING:
    from posdeck.cluster.snapshot import Snapshot
    from posdeck.operations.forward_ports import ForwardChoice
    from posdeck.operations.workshop import Workshop

HISTORY = 120
PROBE_EVERY = 5.0
PROBE_LIMIT = 5.0
_BODY_READ = 4_096  # more than is shown, so that nothing is cut in two before it is redacted
_OPEN_WITHIN = 10.0


@dataclass(slots=True)
class _Open:
    id: str
    choice: ForwardChoice
    started: datetime
    forward: PortForward
    local: int = 0
    problem: str = ""
    waiting: bool = False
    moved: int = 0
    sent: int = 0  # bytes over earlier pods
    received: int = 0
    probe_path: str = "/"
    probes: deque[Answer] = field(default_factory=lambda: deque(maxlen=HISTORY))
    probing: asyncio.Task[None] | None = None
    moving: asyncio.Task[None] | None = None
    error_seen: str = ""  # the connection error that a later good answer has outdated


class Forwards:
    """The open port-forwards of this process. ``workshop`` gives the connection, or raises UnreachableError."""

    def __init__(self, workshop: Callable[[], Workshop], lifted: Callable[[], bool] = lambda: False) -> None:
        self._workshop = workshop
        self._lifted = lifted  # whether answers may be shown as they came
        self._open: dict[str, _Open] = {}
        self._numbers = count(1)
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsubscribe: Callable[[], None] | None = None

    def list(self) -> tuple[ForwardView, ...]:
        """The open forwards, oldest first."""
        return tuple(self._view(each) for each in self._open.values())

    async def start(self, choice: ForwardChoice) -> ForwardView:
        """Open a forward, or give the one that is open for the same port. Read-only mode does not stand in its way,
        the environment's policy may. Raises RefusedError, the ClusterError tree, and AuditError when it cannot be
        recorded; then nothing is opened."""
        async with self._changing:
            await self._hold_to_policy(choice)
            for each in self._open.values():
                if each.choice.target == choice.target and (
                    not choice.exact or choice.local in {0, each.local}
                ):
                    return self._view(each)
            try:
                opened = await self._start(choice, choice.local)
            except _PortTakenError as taken:
                if choice.exact or not choice.local:
                    raise taken.problem from None
                try:
                    opened = await self._start(choice, 0)
                except _PortTakenError as again:
                    raise again.problem from None
            self._open[opened.id] = opened
            if self._unsubscribe is None:
                self._unsubscribe = self._workshop().feed.subscribe(self._look)
            return self._view(opened)

    async def _hold_to_policy(self, choice: ForwardChoice) -> None:
        workshop = self._workshop()
        standing = workshop.standing()
        if standing.policy.port_forward:
            return
        note = Note(
            Topic.EXEMPT_WRITE,
            f"a port-forward to {choice.target} was refused by the policy of {standing.environment}",
            standing.actor,
            standing.place,
            subject=choice.target,
        )
        await workshop.record(lambda store: store.append_note(note))
        raise RefusedError(
            "port-forward",
            choice.target,
            f"the policy of environment {standing.environment} allows no port-forward",
            "Its policy is in the inventory: port_forward.",
        )

    async def stop(self, forward_id: str) -> ForwardView:
        """Close a forward and cut its connections; gives how it stood. Raises UnknownNameError."""
        async with self._changing:
            opened = self._find(forward_id)
            del self._open[opened.id]
            return await self._close(opened, "stopped")

    async def close(self) -> None:
        """Close all."""
        async with self._changing:
            if self._unsubscribe is not None:
                self._unsubscribe()
                self._unsubscribe = None
            for task in list(self._tasks):
                task.cancel()
            still, self._open = list(self._open.values()), {}
            for opened in still:
                with contextlib.suppress(PosdeckError):  # the record may be gone; the forward must go too
                    await self._close(opened, "posdeck was closed")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # the probe

    async def probe(self, forward_id: str, path: str = "") -> ProbePoint:
        """Ask ``path`` (or the one asked before) once over a connection of its own. A silent or refusing
        application is a point too; only a wrong path and an unknown forward raise."""
        opened = self._find(forward_id)
        if path:
            _check_path(path)
            opened.probe_path = path
        workshop = self._workshop()
        began = workshop.clock.now()
        try:
            found = await http_probe(
                opened.forward, opened.probe_path, workshop.clock, limit=PROBE_LIMIT, body_limit=_BODY_READ
            )
        except PosdeckError as problem:
            raw = ProbePoint(began, None, problem=str(problem))
        else:
            body = found.body[:_BODY_READ].decode("utf-8", "replace")
            raw = ProbePoint(began, found.status, found.seconds, found.reason, body=body)
            opened.error_seen = opened.forward.last_error
        opened.probes.append(Answer.of(raw, workshop.redactor.text))
        return self._seen(opened.probes[-1])

    def _seen(self, answer: Answer) -> ProbePoint:
        return answer.raw if self._lifted() else answer.shown

    def _view(self, opened: _Open) -> ForwardView:
        return _view(opened, tuple(self._seen(answer) for answer in opened.probes))

    def probe_always(self, forward_id: str, path: str = "", *, on: bool = True) -> None:
        """Probe every five seconds, or no longer."""
        opened = self._find(forward_id)
        if path:
            _check_path(path)
            opened.probe_path = path
        if opened.probing is not None:
            opened.probing.cancel()
            opened.probing = None
        if on:
            opened.probing = self._spawn(self._keep_probing(opened.id))

    async def _keep_probing(self, forward_id: str) -> None:
        clock = self._workshop().clock
        while forward_id in self._open:
            await self.probe(forward_id)
            await clock.sleep(PROBE_EVERY)

    # inside

    def _find(self, forward_id: str) -> _Open:
        if forward_id not in self._open:
            raise UnknownNameError(
                f"port-forward {forward_id}", "is not open", "See :forwards for those that are."
            )
        return self._open[forward_id]

    async def _start(self, choice: ForwardChoice, local: int) -> _Open:
        workshop = self._workshop()
        pod, port = await self._resolve(workshop.feed.snapshot, choice)
        forward = PortForward(workshop.transport, workshop.target.namespace, pod, port)
        opened = _Open(f"f{next(self._numbers)}", choice, workshop.clock.now(), forward, local)
        where = f"127.0.0.1:{local or 'any free port'}"
        await self._note(opened, f"opening a port-forward {where} → {pod}:{port} for {choice.target}")
        try:
            await _try(forward, workshop)
        except PosdeckError as problem:
            await self._note(opened, f"the port-forward was not opened: {problem}")
            raise
        try:
            opened.local = await forward.listen(local)
        except UnreachableError as problem:
            await self._note(opened, f"the port-forward was not opened: {problem}")
            raise _PortTakenError(problem) from None
        return opened

    async def _resolve(self, snapshot: Snapshot, choice: ForwardChoice) -> tuple[str, int]:
        pod = pod_for(snapshot, choice).name
        if choice.resource != "service":
            return pod, choice.remote
        target = service_port(snapshot, choice)
        if target.isdigit():
            return pod, int(target)
        workshop = self._workshop()
        found = await Objects(workshop.transport, workshop.target.namespace).get(resources.PODS, pod)
        for container in items(at(found, "spec", "containers")):
            for port in items(container.get("ports")):
                if port.get("name") == target and isinstance(port.get("containerPort"), int):
                    return pod, port["containerPort"]
        raise NotFoundError(
            choice.target, f"the pod {pod} declares no port named {target}", "Forward the pod's own port."
        )

    async def _close(self, opened: _Open, why: str) -> ForwardView:
        if opened.probing is not None:
            opened.probing.cancel()
        last = self._view(opened)
        await opened.forward.close()
        await self._note(opened, f"closed the port-forward {last.address} → {last.choice.target}: {why}")
        return last

    async def _note(self, opened: _Open, text: str) -> None:
        """Put it into the record. Raises AuditError."""
        workshop = self._workshop()
        standing = workshop.standing()
        view = self._view(opened)
        details: dict[str, Any] = {
            "act": "port-forward",
            "object": opened.choice.target,
            "pod": view.pod,
            "port": view.port,
            "local_port": view.local,
            "bytes_sent": view.bytes_sent,
            "bytes_received": view.bytes_received,
        }
        note = Note(
            Topic.EXEMPT_WRITE,
            text,
            standing.actor,
            standing.place,
            subject=opened.choice.target,
            details=details,
        )
        await workshop.record(lambda store: store.append_note(note))

    def _look(self, snapshot: Snapshot) -> None:
        """A new snapshot: a forward whose pod is gone goes to another, as soon as there is one."""
        for opened in self._open.values():
            opened.waiting = opened.waiting or _lost(opened, snapshot)
            if not opened.waiting or (opened.moving is not None and not opened.moving.done()):
                continue
            with contextlib.suppress(NotFoundError):  # none yet: the next snapshot may have one
                pod_for(snapshot, opened.choice)
                opened.moving = self._spawn(self._move(opened.id))

    async def _move(self, forward_id: str) -> None:
        async with self._changing:
            opened = self._open.get(forward_id)
            workshop = self._workshop()
            if opened is None or not opened.waiting:
                return
            try:
                pod, port = await self._resolve(workshop.feed.snapshot, opened.choice)
                if pod == opened.forward.pod and port == opened.forward.port:
                    opened.waiting = False
                    return
                before = opened.forward
                await before.close()
                opened.sent += before.bytes_sent
                opened.received += before.bytes_received
                opened.forward = PortForward(workshop.transport, workshop.target.namespace, pod, port)
                await self._note(opened, f"the port-forward 127.0.0.1:{opened.local} goes on to {pod}:{port}")
                await opened.forward.listen(opened.local)
                opened.waiting, opened.problem = False, ""
                opened.moved += 1
            except PosdeckError as problem:
                opened.problem = str(problem)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _PortTakenError(Exception):
    """The local port cannot be listened on."""

    def __init__(self, problem: UnreachableError) -> None:
        super().__init__(str(problem))
        self.problem = problem


async def _try(forward: PortForward, workshop: Workshop) -> None:
    """One connection, opened and closed: the API server says at its start what it refuses."""

    async def handshake() -> None:
        async with forward.open_stream():
            return

    trying = asyncio.ensure_future(handshake())
    alarm = asyncio.ensure_future(workshop.clock.sleep(_OPEN_WITHIN))
    try:
        await asyncio.wait({trying, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if not trying.done():
            raise UnreachableError(
                f"{forward.pod}:{forward.port}",
                f"the API server opened no connection within {_OPEN_WITHIN:g} s",
                "Try again; see posdeck doctor.",
            )
        trying.result()
    finally:
        trying.cancel()
        alarm.cancel()
        await asyncio.gather(trying, alarm, return_exceptions=True)


def _lost(opened: _Open, snapshot: Snapshot) -> bool:
    pod = snapshot.pods.get(opened.forward.pod)
    return pod is None or pod.phase != "Running" or pod.deleted_at is not None


def _check_path(path: str) -> None:
    if not path.startswith("/") or any(c <= " " or c == "\x7f" for c in path):
        raise InvalidError(
            f"path {path!r}", "begins with / and holds no spaces", "Write it as in a URL, such as /healthz."
        )


def _view(opened: _Open, probes: tuple[ProbePoint, ...]) -> ForwardView:
    forward = opened.forward
    failed = forward.last_error if forward.last_error != opened.error_seen else ""
    last = probes[-1] if probes else None
    problem = opened.problem or failed or (last.problem if last is not None else "")
    state = ForwardState.FAILING if problem else ForwardState.LISTENING
    if opened.waiting:
        state, problem = ForwardState.WAITING, problem or f"pod {forward.pod} is gone; waiting for another"
    return ForwardView(
        id=opened.id,
        choice=opened.choice,
        local=opened.local,
        pod=forward.pod,
        port=forward.port,
        state=state,
        started=opened.started,
        problem=problem,
        bytes_sent=opened.sent + forward.bytes_sent,
        bytes_received=opened.received + forward.bytes_received,
        connections=forward.connections,
        moved=opened.moved,
        probe_path=opened.probe_path,
        probing=opened.probing is not None and not opened.probing.done(),
        probes=probes,
    )

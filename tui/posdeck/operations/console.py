"""The headless application: one namespace of one cluster, live, with its runbooks, its gate and its record.
The terminal interface and the command line are front ends of this; neither adds a way to write."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from posdeck.audit.origin import os_actor, os_place, this_process
from posdeck.clock import SystemClock
from posdeck.cluster.snapshot import Connection, Feed, FeedState, Kind, Snapshot
from posdeck.errors import AuditError, PosdeckError
from posdeck.operations.binding import read_bindings
from posdeck.operations.charts import Charts
from posdeck.operations.forwards import Forwards
from posdeck.operations.front import CLOSED
from posdeck.operations.guiding import Guiding
from posdeck.operations.histories import Histories
from posdeck.operations.judging import Judging
from posdeck.operations.kinds import Kinds
from posdeck.operations.lifting import Lifting
from posdeck.operations.link import Link
from posdeck.operations.log_errors import with_log
from posdeck.operations.lookups import Lookups
from posdeck.operations.processing import consumer_view
from posdeck.operations.proposal import PARAM, RUNBOOK, Proposals
from posdeck.operations.remarking import Remarking
from posdeck.operations.remarks import Word
from posdeck.operations.scaling import Room, room_for
from posdeck.operations.screening import Screening
from posdeck.operations.standing import Standing
from posdeck.operations.surroundings import surroundings_of
from posdeck.operations.tracing import Tracing
from posdeck.operations.trimming import trim_for_ever
from posdeck.operations.view import Problem, View
from posdeck.redaction.redactor import Redactor

if TYPE_CHECKING:  # rules, runbooks and record are loaded when the first rows are out; see _load_rules
    from datetime import datetime

    from posdeck.clock import Clock
    from posdeck.operations.driver import SessionDriver
    from posdeck.operations.front import Unsubscribe
    from posdeck.operations.opening import Opening
    from posdeck.operations.view import ActionSummary, ConsumerView
    from posdeck.operations.workshop import Workshop
    from posdeck.telemetry.prometheus import Prometheus

TICK = 0.1  # seconds between two views at the most
ACTIONS_SHOWN = 20
JUDGED_BY = (Kind.PODS, Kind.DEPLOYMENTS, Kind.REPLICA_SETS, Kind.HPAS, Kind.SERVICES, Kind.EVENTS)
STORED_PERIOD = 5.0  # seconds between two looks at the stored sessions
ROWS_FIRST = 5.0  # seconds that the rules wait for the first rows, when they may be loaded later


class Console(Guiding, Lookups):
    """Implements ``posdeck.operations.front.Front``. Made and used on one event loop.

    Its own part is seeing: it keeps the present view and tells it to those who listen."""

    def __init__(
        self,
        opening: Opening,
        *,
        clock: Clock | None = None,
        embedded: bool = False,
        rules_later: bool = False,
        seen: Snapshot | None = None,
    ) -> None:
        """``rules_later`` loads rules and runbooks when the first rows are out; until then every view says that
        nothing can be told yet. Only for who watches: a subcommand's one answer needs the rules. ``seen`` is
        what a first look at the cluster found, shown until the lists are there."""
        super().__init__(os_actor())
        self.opening = opening
        self.catalogue = opening.catalogue
        self.clock: Clock = clock or SystemClock()
        self.redactor = Redactor(opening.settings.redaction_patterns)
        self.embedded = embedded
        self.seen = seen
        self.kinds = Kinds()
        self.forwards = Forwards(self.require_workshop, lambda: self.lifting.active)
        self.lifting = Lifting(self.require_workshop, self.look_again, self._spawn)
        self._screening = Screening(self.redactor)
        self._listeners: list[Callable[[View], None]] = []
        self._histories = Histories()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._actions: tuple[ActionSummary, ...] = ()
        self._judging = Judging(
            self.catalogue, self.clock, lambda: self.library, later=rules_later, again=self._changed.set
        )
        self._link = Link(self, self._spawn, self._changed.set, self._judging.tried)
        self.settled, self.notices = self._link.settled, self._link.notices
        self._look_back()
        self._remarking = Remarking(self, self._changed.set, self.notices)
        self._view = View(snapshot=seen or _empty(opening), surroundings=surroundings_of(opening, None, None))

    def _look_back(self) -> None:
        """What is asked of the sources only when somebody looks."""

        def source() -> Prometheus | None:
            return self._link.numbers.source if self._link.numbers else None

        self.charts = Charts(self.catalogue, self.clock, lambda: self._link.numbers, lambda: self.view)
        self.tracing = Tracing(
            self.catalogue,
            self.clock,
            lambda: self.workshop.transport if self.workshop else None,
            source,
            lambda: self.view,
        )
        self.proposals = Proposals(
            self.catalogue, self.clock, lambda: self._link.numbers, lambda: self.view, self._scalable
        )

    def _scalable(self) -> tuple[str, ...]:
        """The workloads on which the runbook of queue autoscaling may be used."""
        found = next((r for r in self.runbooks() if r.id == RUNBOOK), None)
        return next((a.choices for a in found.asks if a.name == PARAM), ()) if found else ()

    # what a front end sees

    @property
    def view(self) -> View:
        """The present view."""
        return self._view

    def subscribe(self, listener: Callable[[View], None]) -> Unsubscribe:
        """Call ``listener`` with every new view."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    async def start(self) -> None:
        """Connect in the background; returns at once."""
        self._spawn(self._publish_for_ever())
        self._spawn(self._connect())
        self._spawn(self._remarking.watch())
        self._spawn(trim_for_ever(self.clock))
        self._spawn(self._load_actions() if self._judging.loaded else self._load_rules())

    async def stop(self, cause: str = CLOSED) -> None:
        """End everything. A session that waits stays stored and can be resumed; a run is cancelled for ``cause``."""
        try:
            with contextlib.suppress(PosdeckError):
                await self.lifting.end("when posdeck was closed")
            await self._leave_sessions(cause)
            await self.forwards.close()
        finally:
            await self._close()

    async def _close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._remarking.stop()
        await self._link.close()

    async def wait_for(self, condition: Callable[[View], bool]) -> View:
        """The first view that fulfils ``condition``, the present one included."""
        found: asyncio.Future[View] = asyncio.get_running_loop().create_future()

        def look(view: View) -> None:
            if not found.done() and condition(view):
                found.set_result(view)

        look(self._view)
        unsubscribe = self.subscribe(look)
        try:
            return await found
        finally:
            unsubscribe()

    def not_yet_told(self) -> tuple[Problem, ...]:
        """What looks wrong and has not lasted long enough to be among the view's problems."""
        return self._judging.not_yet_told()

    async def remark(self, key: str, word: str, text: str = "", until: datetime | None = None) -> None:
        """Acknowledge, snooze (``until``) or note a problem of the present view, in the record first."""
        await self._remarking.say(key, Word(word), text, until)

    def look_again(self) -> None:
        """Judge anew though nothing changed: time alone can make a problem certain."""
        self._changed.set()

    # inside

    @property
    def workshop(self) -> Workshop | None:
        """What sessions and reads work with; None before the first connection."""
        return self._link.workshop

    def require_workshop(self) -> Workshop:
        """The workshop. Raises UnreachableError before the first connection."""
        return self._link.require()

    def standing(self) -> Standing:
        """Where posdeck stands now: policy, binding, who and where from."""
        environment = self.catalogue.environment
        target = self.opening.target
        connection = self._view.snapshot.connection
        return Standing(
            environment=environment.name,
            accept=environment.accept,
            policy=environment.policy,
            actor=replace(
                self._actor,
                kubernetes_user=connection.identity.username,
                kubernetes_groups=connection.identity.groups,
            ),
            place=os_place(
                context=target.context if target else "",
                server=target.server.url if target else "",
                cluster_uid=connection.cluster_uid,
                namespace=self.opening.namespace,
                environment=environment.name,
            ),
            process=this_process(),
            binding=read_bindings(self.opening.state).get(environment.name),
            read_only=self.opening.read_only,
            now=self.clock.now(),
        )

    async def _load_actions(self) -> None:
        try:
            self._actions = tuple(await self.audit_records(ACTIONS_SHOWN))
        except AuditError as error:
            self.notices.append(str(error))
        self._changed.set()

    def consumer(self, name: str) -> ConsumerView | None:
        """The numbers of one consumer by short name; None for what is no consumer."""
        workload = self.catalogue.workloads.get(name)
        if workload is None or self.workshop is None:
            return None
        deployment = self.workshop.feed.snapshot.deployments.get(workload.deployment)
        found = self._link.numbers.of(name) if self._link.numbers else None
        snapshot = self.workshop.feed.snapshot

        def room() -> Room:
            return room_for(deployment, snapshot) if deployment else Room(None, "it has no deployment")

        shown = consumer_view(workload, deployment, found, self.clock.now().timestamp(), room)
        return with_log(shown, self._link.heard.of(name)) if self._link.heard else shown

    async def _connect(self) -> None:
        try:
            await self._link.connect()
        except PosdeckError as error:
            self._view = replace(self._view, snapshot=_empty(self.opening, str(error)))
            self._tell()
            return
        if self.workshop is not None:
            await self._link.settle_what_was_left()
            await self._load_actions()

    async def _load_rules(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROWS_FIRST):
                await self.wait_for(_has_pods)
        await self._judging.load()
        await self._load_actions()
        await self._follow_stored()

    async def _follow_stored(self) -> None:
        """Sessions of earlier times and of other terminals, for whoever watches."""
        while True:
            if await self.read_stored():
                self._changed.set()
            await self.clock.sleep(STORED_PERIOD)

    def _session_changed(self, driver: SessionDriver) -> None:
        self._changed.set()
        if driver.session.phase.value in {"ended", "verifying", "refused"}:
            self._spawn(self._load_actions())

    async def _publish_for_ever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                if self.workshop is not None:
                    await self._screening.look_ahead(self.workshop.feed.snapshot)
                self._publish()
            except Exception as error:  # a view that silently stands still would be taken for the present
                self._defect("the view could not be made anew", error)
            await self.clock.sleep(TICK)

    def _defect(self, what: str, error: BaseException) -> None:
        """Something of posdeck itself failed: said on screen, and nothing counts as healthy by the old view."""
        text = f"{what}: {type(error).__name__}: {error}. What is shown may be old; leave and start posdeck again."
        if text not in self.notices:
            self.notices.append(text)
        blind = tuple(dict.fromkeys((*self._view.cannot_tell, text)))
        self._view = replace(self._view, cannot_tell=blind, notices=tuple(self.notices))
        self._tell()

    def _publish(self) -> None:
        if self.workshop is not None:
            snapshot = self.workshop.feed.snapshot
            self._histories.take(snapshot, self.clock.now())
        else:
            snapshot = self._view.snapshot
        consumers = self._consumers()
        levels = self._link.numbers.levels if self._link.numbers else ()
        standing, workshop = self.standing(), self.workshop
        screened = self._screening.snapshot if not self.lifting.active else _as_it_came
        self._view = View(
            snapshot=screened(snapshot),
            surroundings=replace(
                surroundings_of(self.opening, standing, workshop.cluster if workshop else None),
                unredacted_until=self.lifting.until,
            ),
            consumers=consumers,
            **self._judged(snapshot, consumers, levels),
            news=self._remarking.latest,
            levels=levels,
            scalers=self._link.scalers,
            sessions=self._open_summaries(),
            actions=self._actions,
            usage_history=self._histories.usage,
            hpa_history=self._histories.hpas,
            notices=tuple(self.notices),
        )
        self._tell()

    def _judged(
        self, snapshot: Snapshot, consumers: Mapping[str, ConsumerView], levels: Any
    ) -> dict[str, Any]:
        """What the rules say, with what people said of it; announced is only what may be shown to anybody."""
        found = self._judging.judged(snapshot, consumers, levels, self._link)
        if "problems" not in found:
            return found
        found["problems"] = self._remarking.apply(found["problems"])
        shown = {name: self._screening.problems(found[name]) for name in ("problems", "watched", "risks")}
        # what is still being read would look like news when it comes
        if all(snapshot.feed(k).state is not FeedState.CONNECTING for k in JUDGED_BY):
            self._remarking.announce(shown["problems"])
        return found if self.lifting.active else {**found, **shown}

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener(self._view)

    def _consumers(self) -> dict[str, ConsumerView]:
        names = [w.name for w in self.catalogue.workloads.values() if "consumers" in w.groups or w.queue]
        views = ((name, self.consumer(name)) for name in names)
        return {name: view for name, view in views if view is not None}

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._defect("a part of posdeck ended", error)


def _as_it_came(snapshot: Snapshot) -> Snapshot:
    return snapshot


def _has_pods(view: View) -> bool:
    return view.snapshot.feed(Kind.PODS).state is not FeedState.CONNECTING


def _empty(opening: Opening, problem: str = "") -> Snapshot:
    """A snapshot before the first data: every kind connecting, or stale with the reason why not."""
    problem = problem or opening.problem
    state = FeedState.STALE if problem else FeedState.CONNECTING
    target = opening.target
    return Snapshot(
        connection=Connection(
            context=target.context if target else (opening.request.context or ""),
            server=target.server.url if target else "",
            namespace=opening.namespace,
        ),
        feeds={kind: Feed(kind, state, reason=problem) for kind in Kind},
    )

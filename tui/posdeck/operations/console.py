"""The headless application: one namespace of one cluster, live, with its runbooks, its gate and its record.
The terminal interface and the command line are front ends of this; neither adds a way to write."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posdeck.audit.origin import os_actor, os_place, this_process
from posdeck.audit.record import Actor
from posdeck.clock import SystemClock
from posdeck.cluster.connection import connect
from posdeck.cluster.feed import ClusterFeed
from posdeck.cluster.snapshot import Connection, Feed, FeedState, Kind, Snapshot
from posdeck.errors import AuditError, PosdeckError, UnreachableError
from posdeck.operations.binding import binding_problem, read_bindings
from posdeck.operations.forwards import Forwards
from posdeck.operations.histories import Histories
from posdeck.operations.kinds import Kinds, read_all, read_table
from posdeck.operations.logs import read_logs, save_log
from posdeck.operations.namespace_numbers import NamespaceNumbers
from posdeck.operations.numbers import Numbers
from posdeck.operations.others import PERIOD, other_facts, read_budgets
from posdeck.operations.processing import consumer_view
from posdeck.operations.standing import Standing
from posdeck.operations.view import Problem, Surroundings, View
from posdeck.operations.workshop import Workshop
from posdeck.redaction.redactor import Redactor

if TYPE_CHECKING:  # rules, runbooks and record are loaded when the first rows are out; see _load_rules
    from posdeck.audit.sqlite import AuditStore
    from posdeck.clock import Clock
    from posdeck.cluster.transport import Transport
    from posdeck.findings.consumer_facts import Budget
    from posdeck.operations.assessment import Assessor
    from posdeck.operations.driver import SessionDriver
    from posdeck.operations.front import LogLine, LogRequest, RunbookSummary, Unsubscribe
    from posdeck.operations.kinds import ServerTable
    from posdeck.operations.library import RunbookLibrary
    from posdeck.operations.opening import Opening
    from posdeck.operations.session_store import SessionStore
    from posdeck.operations.view import ActionSummary, ConsumerView, SessionView

TICK = 0.1  # seconds between two views at the most
ACTIONS_SHOWN = 20
WHOLE_PERIOD = 15.0  # seconds between two looks at the numbers of the namespace as a whole
ROWS_FIRST = 5.0  # seconds that the rules wait for the first rows, when they may be loaded later


class Console:
    """Implements ``posdeck.operations.front.Front``. Made and used on one event loop."""

    def __init__(
        self,
        opening: Opening,
        *,
        clock: Clock | None = None,
        embedded: bool = False,
        rules_later: bool = False,
    ) -> None:
        """``rules_later`` loads rules and runbooks when the first rows are out; until then every view says that
        nothing can be told yet. Only for who watches: a subcommand's one answer needs the rules."""
        self.opening = opening
        self.catalogue = opening.catalogue
        self.clock: Clock = clock or SystemClock()
        self.redactor = Redactor(opening.settings.redaction_patterns)
        self.workshop: Workshop | None = None
        self.embedded = embedded
        self.kinds = Kinds()
        self.forwards = Forwards(self._require_workshop)
        self._actor: Actor = os_actor()
        self._listeners: list[Callable[[View], None]] = []
        self._session_listeners: list[Callable[[SessionView], None]] = []
        self._drivers: dict[str, SessionDriver] = {}
        self._histories = Histories()
        self._assessor: Assessor | None = None if rules_later else self._rules()
        self._rules_problem = "the rules are still being loaded"
        self._rules_tried = asyncio.Event()  # loaded, or failed to
        if not rules_later:
            self._rules_tried.set()
        self._numbers: Numbers | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._actions: tuple[ActionSummary, ...] = ()
        self._budgets: tuple[Budget, ...] | None = None
        self._whole: NamespaceNumbers | None = None  # numbers of the namespace as a whole
        self.settled = asyncio.Event()  # what an earlier posdeck left has been looked at
        self._view = View(snapshot=_empty(opening), surroundings=self._surroundings(None))
        self.notices: list[str] = []

    @cached_property
    def library(self) -> RunbookLibrary:
        """The runbooks of the content folder."""
        from posdeck.operations.library import RunbookLibrary

        return RunbookLibrary(self.opening.folders, self.catalogue, self.clock)

    @cached_property
    def _sessions(self) -> SessionStore:
        from posdeck.operations.session_store import SessionStore

        return SessionStore(self.opening.state)

    # what a front end sees

    @property
    def view(self) -> View:
        """The present view."""
        return self._view

    def subscribe(self, listener: Callable[[View], None]) -> Unsubscribe:
        """Call ``listener`` with every new view."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def subscribe_sessions(self, listener: Callable[[SessionView], None]) -> Unsubscribe:
        """Call ``listener`` with every change of a session."""
        self._session_listeners.append(listener)
        return lambda: (
            self._session_listeners.remove(listener) if listener in self._session_listeners else None
        )

    async def start(self) -> None:
        """Connect in the background; returns at once."""
        self._spawn(self._publish_for_ever())
        self._spawn(self._connect())
        if self._assessor is None:
            self._spawn(self._load_rules())
        else:
            self._spawn(self._load_actions())

    async def stop(self) -> None:
        """End everything. A session that waits stays stored and can be resumed; a run is cancelled."""
        try:
            for driver in list(self._drivers.values()):
                if driver.session.run:
                    with contextlib.suppress(PosdeckError):
                        await driver.cancel("posdeck was closed")
                await driver.let_go()
            await self.forwards.close()
        finally:
            await self._close()

    async def _close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._numbers is not None:
            await self._numbers.stop()
        if self.workshop is not None:
            await self.workshop.feed.stop()
            await self.workshop.transport.close()
            await self.workshop.close()

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
        return self._assessor.not_yet_told() if self._assessor is not None else ()

    def look_again(self) -> None:
        """Judge anew though nothing changed: time alone can make a problem certain."""
        self._changed.set()

    # runbooks

    def runbooks(self) -> Sequence[RunbookSummary]:
        """The library."""
        return self.library.summaries()

    def runbook_for(self, short_name: str) -> tuple[str, Mapping[str, str]] | None:
        """The runbook that fits a workload's present state best."""
        for problem in self._view.problems:
            if problem.short == short_name and problem.runbook:
                return problem.runbook, problem.params
        return self.library.for_workload(short_name)

    def restart_for(self, short_name: str) -> tuple[str, Mapping[str, str]] | None:
        """The operation that restarts exactly this workload."""
        return self.library.restarting(short_name)

    def runbook_markdown(self, runbook_id: str) -> str:
        """The runbook as a document."""
        return self.library.markdown(runbook_id)

    async def open_session(
        self,
        runbook_id: str,
        params: Mapping[str, str],
        *,
        check_only: bool = False,
    ) -> SessionView:
        """Begin a session. Raises UnknownNameError, ContentError, or UnreachableError without a cluster."""
        from posdeck.operations.driver import SessionDriver
        from posdeck.operations.session_view import view_of

        workshop = self._require_workshop()
        runbook, session = self.library.new_session(
            runbook_id, params, actor=self._actor.user, check_only=check_only
        )
        digests = self.library.playbook_digests(runbook)
        driver = SessionDriver(
            workshop, runbook, session, self._sessions, self._on_session, playbook_digests=digests
        )
        self._drivers[session.id] = driver
        await driver.start()
        return view_of(driver)

    async def resume_session(self, session_id: str) -> SessionView:
        """Take a stored session up again, after a crash, a lost terminal or a handover."""
        from posdeck.operations.driver import SessionDriver
        from posdeck.operations.session_view import view_of

        if session_id in self._drivers:
            return view_of(self._drivers[session_id])
        workshop = self._require_workshop()
        session = self._sessions.load(session_id)
        runbook = self.library.runbook(session.runbook)
        digests = self.library.playbook_digests(runbook)
        driver = SessionDriver(
            workshop, runbook, session, self._sessions, self._on_session, playbook_digests=digests
        )
        self._drivers[session.id] = driver
        await driver.resume(self._actor.user, self.library.digest(runbook))
        return view_of(driver)

    def session(self, session_id: str) -> SessionView:
        """One session as it stands."""
        from posdeck.operations.session_view import view_of

        return view_of(self.driver(session_id))

    def driver(self, session_id: str) -> SessionDriver:
        """The driver of a session of this process. Raises UnknownNameError."""
        if session_id not in self._drivers:
            self._sessions.load(session_id)
            raise PosdeckError(f"session {session_id}", "is not running here", "Resume it first.")
        return self._drivers[session_id]

    async def answer(self, session_id: str, choice: str) -> None:
        """Answer the question that waits."""
        await self.driver(session_id).answer(choice)

    async def confirm(
        self,
        session_id: str,
        *,
        typed: str,
        reason: str,
        ticket: str,
        break_glass: str = "",
        informed: Sequence[str] = (),
    ) -> None:
        """Confirm the act that waits; ``informed`` are the contacts who have been told of it."""
        driver = self.driver(session_id)
        await driver.confirm(
            typed=typed, reason=reason, ticket=ticket, break_glass=break_glass, informed=informed
        )

    async def cancel(self, session_id: str) -> None:
        """Stop what runs and follow the step's on_cancel."""
        await self.driver(session_id).cancel()

    # reading

    def logs(self, request: LogRequest) -> AsyncIterator[LogLine]:
        """Log lines as they come, redacted."""
        return read_logs(self._require_workshop(), request)

    async def object(self, kind: str, name: str) -> Mapping[str, Any]:
        """The object as the server has it; values of a Secret never leave the server's answer."""
        from posdeck.operations.objects import read_object

        return await read_object(self._require_workshop(), self.kinds, kind, name)

    async def table(self, kind: str) -> ServerTable:
        """What the server prints of one kind."""
        return await read_table(self._require_workshop(), self.kinds, kind)

    async def all_tables(self) -> Sequence[ServerTable]:
        """What ``kubectl get all`` lists."""
        return await read_all(self._require_workshop(), self.kinds)

    async def save_log(self, name: str, lines: Sequence[LogLine]) -> Path:
        """Keep log lines in a file of this user's, recorded first."""
        return await save_log(self._require_workshop(), name, lines)

    async def audit_records(self, limit: int = 200) -> Sequence[ActionSummary]:
        """The newest records first."""

        def read() -> list[ActionSummary]:
            from posdeck.operations import journal

            if not self.opening.audit_file.exists():
                return []
            with journal.reading_store(self.opening.audit_file) as store:
                return [journal.summary(e) for e in journal.acts(store, limit)]

        return await asyncio.to_thread(read)

    async def audit_record(self, record_id: str) -> Mapping[str, Any]:
        """One record whole."""

        def read() -> Mapping[str, Any]:
            from posdeck.operations import journal

            with journal.reading_store(self.opening.audit_file) as store:
                record = journal.find(store, record_id)
                if record is None:
                    raise PosdeckError(f"record {record_id}", "is not in the store")
                return journal.whole(store, record)

        return await asyncio.to_thread(read)

    # inside

    def _require_workshop(self) -> Workshop:
        if self.workshop is None:
            raise UnreachableError(
                "cluster",
                self.opening.problem or "not connected yet",
                "Wait for the connection, or see posdeck doctor.",
            )
        return self.workshop

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

    async def _connect(self) -> None:
        if self.opening.target is None:
            return
        try:
            transport: Transport = await connect(self.opening.target, clock=self.clock)
        except PosdeckError as error:
            self._fail(str(error))
            return
        from posdeck.execution.runs import PlaybookRunner

        target = self.opening.target
        feed = ClusterFeed(transport, target, clock=self.clock)
        self._numbers = Numbers(self.catalogue, transport, self.clock, self._changed.set)
        numbers = self._numbers
        self.workshop = Workshop(
            catalogue=self.catalogue,
            folders=self.opening.folders,
            clock=self.clock,
            target=target,
            transport=transport,
            feed=feed,
            runner=PlaybookRunner(clock=self.clock, collections=(self.opening.folders.collections,)),
            redactor=self.redactor,
            state=self.opening.state,
            open_store=self._open_store,
            standing=self.standing,
            readings=self.consumer,
            refresh_readings=numbers.refresh,
        )
        feed.subscribe(lambda _: self._changed.set())
        feed.start()
        numbers.start()
        self._spawn(self._settle_what_was_left())
        self._spawn(self._look_at_budgets())
        if numbers.source is not None:
            self._whole = NamespaceNumbers(numbers.source, self.catalogue)
            self._spawn(self._ask_for_the_whole(self._whole))

    def _open_store(self) -> AuditStore:
        from posdeck.audit.sqlite import open_store

        return open_store(self.opening.audit_file, self.clock, self.redactor)

    async def _settle_what_was_left(self) -> None:
        """Intents of a posdeck that died are settled once the cluster has said who it is."""
        workshop = self._require_workshop()
        await workshop.feed.wait_for(lambda s: bool(s.connection.version or s.connection.namespace_uid))
        await workshop.identify()
        self._spawn(self._identify_again())
        try:
            await self._rules_tried.wait()
            from posdeck.operations import recovery

            running = await asyncio.to_thread(recovery.clear_runs, self.opening.state)
            if await asyncio.to_thread(self.opening.audit_file.exists):
                self.notices += await recovery.settle_orphans(workshop, running)
        except PosdeckError as error:
            self.notices.append(str(error))
        finally:
            self.settled.set()
        await self._load_actions()

    async def _ask_for_the_whole(self, whole: NamespaceNumbers) -> None:
        while True:
            await whole.poll()
            self._changed.set()
            await self.clock.sleep(WHOLE_PERIOD)

    async def _look_at_budgets(self) -> None:
        workshop = self._require_workshop()
        while True:
            self._budgets = await read_budgets(workshop.transport, workshop.target.namespace)
            self._changed.set()
            await self.clock.sleep(PERIOD)

    async def _identify_again(self) -> None:
        """When the feed sees another cluster or namespace, ask anew who it is: writes follow the answer."""
        workshop = self._require_workshop()
        while True:
            seen = _identity(workshop.feed.snapshot)
            await workshop.feed.wait_for(lambda s, seen=seen: _identity(s) != seen)  # type: ignore[misc]
            await workshop.identify()
            self._changed.set()

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
        found = self._numbers.of(name) if self._numbers else None
        return consumer_view(workload, deployment, found, self.clock.now().timestamp())

    def _on_session(self, driver: SessionDriver) -> None:
        from posdeck.operations.session_view import view_of

        view = view_of(driver)
        for listener in tuple(self._session_listeners):
            listener(view)
        self._changed.set()
        if driver.session.phase.value in {"ended", "verifying", "refused"}:
            self._spawn(self._load_actions())

    def _fail(self, reason: str) -> None:
        snapshot = _empty(self.opening, reason)
        self._view = replace(self._view, snapshot=snapshot)
        self._tell()

    async def _publish_for_ever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._publish()
            await self.clock.sleep(TICK)

    def _publish(self) -> None:
        if self.workshop is not None:
            snapshot = self.workshop.feed.snapshot
            self._histories.take(snapshot, self.clock.now())
        else:
            snapshot = self._view.snapshot
        consumers = self._consumers()
        levels = self._numbers.levels if self._numbers else ()
        self._view = View(
            snapshot=snapshot,
            surroundings=self._surroundings(snapshot),
            consumers=consumers,
            **self._assessed(snapshot, consumers, levels),
            levels=levels,
            sessions=self._session_summaries(),
            actions=self._actions,
            usage_history=self._histories.usage,
            hpa_history=self._histories.hpas,
        )
        self._tell()

    def _assessed(
        self, snapshot: Snapshot, consumers: Mapping[str, ConsumerView], levels: Any
    ) -> dict[str, Any]:
        """What the rules say, or that they say nothing yet."""
        if self._assessor is None:
            return {"cannot_tell": (self._rules_problem,)}
        other = other_facts(self._budgets, levels)
        if self._whole is not None:
            other, consumers = self._whole.add_to(other), {**consumers, **self._whole.publishers()}
        report = self._assessor.assess(snapshot, consumers, other)
        return {"problems": report.problems, "risks": report.risks, "cannot_tell": report.cannot_tell}

    def _rules(self) -> Assessor:
        """Rules and runbooks; a fifth of a second of one core, so off the event loop once that runs."""
        from posdeck.operations.assessment import Assessor

        return Assessor(self.catalogue, self.clock, self.library)

    async def _load_rules(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROWS_FIRST):
                await self.wait_for(_has_pods)

        def load() -> Assessor:
            from posdeck.operations import recovery  # noqa: F401 — loaded here, away from the event loop

            made = self._rules()
            self.library.summaries()  # reads the folder
            return made

        try:
            self._assessor = await asyncio.to_thread(load)
        except Exception as error:  # whatever it is, nothing may look healthy because of it
            self._rules_problem = f"the rules could not be loaded: {error}"
        finally:
            self._rules_tried.set()
        await self._load_actions()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener(self._view)

    def _consumers(self) -> dict[str, ConsumerView]:
        names = [w.name for w in self.catalogue.workloads.values() if "consumers" in w.groups or w.queue]
        views = ((name, self.consumer(name)) for name in names)
        return {name: view for name, view in views if view is not None}

    def _session_summaries(self) -> tuple[Any, ...]:
        if not self._drivers:
            return ()
        from posdeck.operations.session_view import summary_of

        return tuple(
            summary_of(d.session, d.runbook.metadata.title)
            for d in self._drivers.values()
            if d.session.ending is None
        )

    def _surroundings(self, snapshot: Snapshot | None) -> Surroundings:
        environment = self.catalogue.environment
        writes, reason = self._writes(snapshot)
        return Surroundings(environment.name, environment.production, writes, reason, bound=writes == "ask")

    def _writes(self, snapshot: Snapshot | None) -> tuple[str, str]:
        standing = self.standing() if snapshot is not None else None
        if self.opening.read_only:
            return "read-only", "started with --read-only"
        if self.catalogue.environment.policy.read_only:
            return "read-only", "by the environment's policy"
        if standing is None or self.workshop is None or snapshot is None:
            return "read-only", "not connected yet"
        cluster = self.workshop.cluster
        problem = binding_problem(standing.accept, standing.environment, standing.binding, cluster)
        if problem:
            return "read-only", problem
        return "ask", ""

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _has_pods(view: View) -> bool:
    feed = view.snapshot.feed(Kind.PODS)
    return bool(view.snapshot.pods) or feed.state is not FeedState.CONNECTING


def _identity(snapshot: Snapshot) -> tuple[str, str, str]:
    connection = snapshot.connection
    return connection.namespace_uid, connection.cluster_uid, connection.identity.username


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

"""The guiding half of the console: the library of runbooks, and the sessions that are carried out in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError

if TYPE_CHECKING:  # runbooks are loaded when the first rows are out; see ``console``
    from posdeck.audit.record import Actor
    from posdeck.catalogue.model import Catalogue
    from posdeck.clock import Clock
    from posdeck.operations.driver import SessionDriver
    from posdeck.operations.front import RunbookSummary, Unsubscribe
    from posdeck.operations.library import RunbookLibrary
    from posdeck.operations.opening import Opening
    from posdeck.operations.session_store import SessionStore
    from posdeck.operations.view import SessionSummary, SessionView, View
    from posdeck.operations.workshop import Workshop
    from posdeck.runbooks.model import Runbook
    from posdeck.runbooks.session import Session


KEPT = 20  # sessions that are over, with their evidence and output


class Guiding:
    """Runbooks and their sessions. ``console.Console`` says where, with what and for whom."""

    opening: Opening
    catalogue: Catalogue
    clock: Clock

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._session_listeners: list[Callable[[SessionView], None]] = []
        self._drivers: dict[str, SessionDriver] = {}
        self._stored: tuple[SessionSummary, ...] = ()

    @property
    def view(self) -> View:
        """The present view."""
        raise NotImplementedError

    def require_workshop(self) -> Workshop:
        """What sessions and reads work with. Raises UnreachableError before the first connection."""
        raise NotImplementedError

    def _session_changed(self, driver: SessionDriver) -> None:
        raise NotImplementedError

    @cached_property
    def library(self) -> RunbookLibrary:
        """The runbooks of the content folder."""
        from posdeck.operations.library import RunbookLibrary

        return RunbookLibrary(self.opening.folders, self.catalogue, self.clock)

    @cached_property
    def _sessions(self) -> SessionStore:
        from posdeck.operations.session_store import SessionStore

        return SessionStore(self.opening.state)

    # the library

    def runbooks(self) -> Sequence[RunbookSummary]:
        """The library."""
        return self.library.summaries()

    def runbook_for(self, short_name: str) -> tuple[str, Mapping[str, str]] | None:
        """The runbook that fits a workload's present state best."""
        for problem in self.view.problems:
            if problem.short == short_name and problem.runbook:
                return problem.runbook, problem.params
        workload = self.catalogue.workloads.get(short_name)
        for problem in (
            self.view.problems if workload else ()
        ):  # one that it is part of, as what it depends on
            if workload and workload.deployment in problem.workloads:
                found = self.library.for_finding(problem.id, short_name)
                if found is not None:
                    return found
        return self.library.for_workload(short_name)

    def restart_for(self, short_name: str) -> tuple[str, Mapping[str, str]] | None:
        """The operation that restarts exactly this workload."""
        return self.library.restarting(short_name)

    def runbook_markdown(self, runbook_id: str) -> str:
        """The runbook as a document."""
        return self.library.markdown(runbook_id)

    # sessions

    def subscribe_sessions(self, listener: Callable[[SessionView], None]) -> Unsubscribe:
        """Call ``listener`` with every change of a session."""
        self._session_listeners.append(listener)
        return lambda: (
            self._session_listeners.remove(listener) if listener in self._session_listeners else None
        )

    async def open_session(
        self,
        runbook_id: str,
        params: Mapping[str, str],
        *,
        check_only: bool = False,
        straight: bool = False,
    ) -> SessionView:
        """Begin a session, at its first step or ``straight`` at its shortcut. Raises UnknownNameError, ContentError,
        or UnreachableError without a cluster."""
        workshop = self.require_workshop()
        runbook, session = self.library.new_session(
            runbook_id, params, actor=self._actor.user, check_only=check_only
        )
        environment, cluster, namespace = self._place()
        session = replace(session, environment=environment, cluster=cluster, namespace=namespace)
        driver = self._drive(workshop, runbook, session)
        await driver.start(straight=straight)
        return self.session(session.id)

    def _place(self) -> tuple[str, str, str]:
        """Where sessions belong that are begun here: environment, cluster and namespace."""
        cluster = self.view.snapshot.connection.cluster_uid
        return self.catalogue.environment.name, cluster, self.opening.namespace

    async def resume_session(self, session_id: str) -> SessionView:
        """Take a stored session up again, after a crash, a lost terminal or a handover. Raises PosdeckError when it
        belongs elsewhere, or another posdeck carries it on."""
        if session_id not in self._drivers:
            driver = self._drive_stored(session_id)
            session_id = driver.session.id
            try:
                if driver.session.over:
                    raise PosdeckError(f"session {session_id}", "is over", "Begin the runbook anew.")
                digest = self.library.digest(driver.runbook)
            except PosdeckError:
                await self._part_with(driver)
                raise
            await driver.resume(self._actor.user, digest)
        return self.session(session_id)

    def _take(self, session_id: str) -> Session:
        """A stored session that nobody else carries on, and that belongs here."""
        from posdeck.operations.stored import refuse_elsewhere

        session = self._sessions.load(session_id)
        refuse_elsewhere(session, self._place())
        self._sessions.claim(session.id)
        return self._sessions.load(session.id)  # what it was the moment before may be old

    def _drive(self, workshop: Workshop, runbook: Runbook, session: Session) -> SessionDriver:
        from posdeck.operations.driver import SessionDriver

        digests = self.library.playbook_digests(runbook)
        self._sessions.claim(session.id)
        driver = SessionDriver(
            workshop, runbook, session, self._sessions, self._on_session, playbook_digests=digests
        )
        self._drivers[session.id] = driver
        self._let_old_ones_go()
        return driver

    def _let_old_ones_go(self) -> None:
        """A console that is open for weeks keeps the last sessions at hand; older ones are read from the store."""
        over = [key for key, driver in self._drivers.items() if driver.at_rest]
        for key in over[:-KEPT]:
            del self._drivers[key]

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

    async def hand_over(self, session_id: str, to: str, note: str = "") -> str:
        """Leave an open session, or one that is only stored, to somebody else: it is on record, nobody goes on with it
        here unless they take it up again, and the brief for ``to`` is given back. Raises PosdeckError while something
        of it runs, when it is over, belongs elsewhere, or cannot be recorded."""
        stored = session_id not in self._drivers
        driver = self._drive_stored(session_id) if stored else self._drivers[session_id]
        try:
            if stored:
                await driver.recall()
            brief = await driver.hand_over(to, note)
        except PosdeckError:
            if stored:
                await self._part_with(driver)
            raise
        await self._part_with(driver)
        return brief

    def _drive_stored(self, session_id: str) -> SessionDriver:
        workshop = self.require_workshop()
        session = self._take(session_id)
        try:
            return self._drive(workshop, self.library.runbook(session.runbook), session)
        except PosdeckError:
            self._sessions.release(session.id)
            raise

    async def _part_with(self, driver: SessionDriver) -> None:
        """Let a session go that stays stored for somebody else."""
        await driver.let_go()
        self._drivers.pop(driver.session.id, None)
        self._sessions.release(driver.session.id)
        await self.read_stored()
        self._session_changed(driver)

    async def answer(self, session_id: str, choice: str) -> None:
        """Answer the question that waits."""
        await self.driver(session_id).answer(choice)

    async def take_back(self, session_id: str, step: str = "") -> SessionView:
        """Take an act of a session back, also of one that is over: its way back is planned, and waits to be
        confirmed. Raises PosdeckError when there is no act that can be taken back."""
        if session_id not in self._drivers:
            workshop = self.require_workshop()
            session = self._take(session_id)
            runbook = self.library.runbook(session.runbook)
            if not session.over:
                return await self._take_back_of_open(session.id, step)
            if self.library.digest(runbook) != session.digest:
                self._sessions.release(session.id)
                raise PosdeckError(
                    f"session {session.id}",
                    "its runbook or a playbook of it changed since, so its way back may be another one",
                    "posdeck audit show tells what the act changed; undo that with an act of its own.",
                )
            session_id = session.id
            self._drive(workshop, runbook, replace(session, actor=self._actor.user))
        driver = self.driver(session_id)
        self._sessions.claim(session_id)
        await driver.take_back(step)
        return self.session(session_id)

    async def _take_back_of_open(self, session_id: str, step: str) -> SessionView:
        """Take a stored session up, and there take back; a way back that was already begun goes on by itself."""
        await self.resume_session(session_id)
        driver = self.driver(session_id)
        await driver.wait_until_quiet()
        if not driver.session.rolling_back:
            await driver.take_back(step)
        return self.session(session_id)

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

    def _on_session(self, driver: SessionDriver) -> None:
        from posdeck.operations.session_view import view_of

        view = view_of(driver)
        if driver.session.over:
            self._sessions.release(driver.session.id, over=True)
        for listener in tuple(self._session_listeners):
            listener(view)
        self._session_changed(driver)

    def _open_summaries(self) -> tuple[SessionSummary, ...]:
        """The sessions that are not over: of this process, then those that are stored."""
        stored = tuple(each for each in self._stored if each.id not in self._drivers)
        if not self._drivers:
            return stored
        from posdeck.operations.session_view import summary_of

        own = (summary_of(d.session, d.runbook.metadata.title) for d in self._drivers.values())
        return (*(each for each in own if not self._drivers[each.id].session.over), *stored)

    async def read_stored(self) -> bool:
        """Look for sessions of earlier times and of other terminals; whether there is anything new."""
        from posdeck.operations.stored import summaries

        titles = {each.id: each.title for each in self.runbooks()}
        found = await asyncio.to_thread(summaries, self._sessions, titles, self._place())
        new, self._stored = found != self._stored, found
        return new

    async def _leave_sessions(self, cause: str) -> None:
        """A session that waits stays stored and can be resumed; a run is cancelled."""
        for driver in list(self._drivers.values()):
            if driver.session.run:
                with contextlib.suppress(PosdeckError):
                    await driver.cancel(cause)
            await driver.let_go()
            self._sessions.release(driver.session.id, over=driver.session.over)

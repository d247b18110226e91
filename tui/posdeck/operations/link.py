"""The connection of a console, and what is kept up beside it: who the cluster is, what an earlier posdeck left,
disruption budgets, KEDA's objects, errors in logs, and the numbers of the namespace as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from posdeck.cluster.connection import connect
from posdeck.cluster.expiry import expiries
from posdeck.cluster.feed import ClusterFeed
from posdeck.cluster.snapshot import Snapshot
from posdeck.errors import PosdeckError, UnreachableError
from posdeck.operations.log_errors import LogErrors
from posdeck.operations.namespace_numbers import NamespaceNumbers
from posdeck.operations.numbers import Numbers
from posdeck.operations.others import PERIOD, read_budgets
from posdeck.operations.scaled_objects import PERIOD as SCALERS_PERIOD
from posdeck.operations.scaled_objects import Scalers, read_scalers
from posdeck.operations.workshop import Workshop

if TYPE_CHECKING:  # the record is loaded when somebody needs it
    from posdeck.audit.sqlite import AuditStore
    from posdeck.clock import Clock
    from posdeck.cluster.transport import Transport
    from posdeck.findings.consumer_facts import Budget
    from posdeck.operations.opening import Opening
    from posdeck.operations.standing import Standing
    from posdeck.operations.view import ConsumerView
    from posdeck.redaction.redactor import Redactor

WHOLE_PERIOD = 15.0  # seconds between two looks at the numbers of the namespace as a whole


class Owner(Protocol):
    """What the connection needs of the console it belongs to."""

    opening: Opening
    clock: Clock
    redactor: Redactor
    seen: Snapshot | None

    def standing(self) -> Standing:
        """Where posdeck stands now."""
        ...

    def consumer(self, name: str) -> ConsumerView | None:
        """The numbers of one consumer."""
        ...


class Link:
    """Connects once; everything later reconnects by itself. ``spawn`` keeps a task until the console stops,
    ``changed`` is called when there is something new to show, ``rules_tried`` is set when the rules are loaded."""

    def __init__(
        self,
        owner: Owner,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
        rules_tried: asyncio.Event,
    ) -> None:
        self.workshop: Workshop | None = None
        self.numbers: Numbers | None = None
        self.whole: NamespaceNumbers | None = None
        self.budgets: tuple[Budget, ...] | None = None
        self.scalers = Scalers()
        self.heard: LogErrors | None = None  # what the logs of consumers tell
        self.expiries: Mapping[str, datetime] | None = None  # of the credentials; None unknown
        self.settled = asyncio.Event()  # what an earlier posdeck left has been looked at
        self.notices: list[str] = []
        self._owner, self._spawn, self._changed = owner, spawn, changed
        self._rules_tried = rules_tried

    def require(self) -> Workshop:
        """What sessions and reads work with. Raises UnreachableError before the first connection."""
        if self.workshop is None:
            raise UnreachableError(
                "cluster",
                self._owner.opening.problem or "not connected yet",
                "Wait for the connection, or see posdeck doctor.",
            )
        return self.workshop

    async def connect(self) -> None:
        """Connect, and begin to read. Raises PosdeckError when it cannot."""
        owner = self._owner
        target = owner.opening.target
        if target is None:
            return
        transport: Transport = await connect(target, clock=owner.clock)
        from posdeck.execution.runs import PlaybookRunner

        folders = owner.opening.folders
        feed = ClusterFeed(transport, target, clock=owner.clock, seen=owner.seen)
        numbers = self.numbers = Numbers(owner.opening.catalogue, transport, owner.clock, self._changed)
        self.workshop = Workshop(
            catalogue=owner.opening.catalogue,
            folders=folders,
            clock=owner.clock,
            target=target,
            transport=transport,
            feed=feed,
            runner=PlaybookRunner(clock=owner.clock, collections=(folders.collections,)),
            redactor=owner.redactor,
            state=owner.opening.state,
            open_store=self._open_store,
            standing=owner.standing,
            readings=owner.consumer,
            refresh_readings=numbers.refresh,
            budgets=lambda: self.budgets,
            scalers=lambda: self.scalers,
        )
        feed.subscribe(lambda _: self._changed())
        feed.start()
        numbers.start()
        workloads = owner.opening.catalogue.workloads
        uncounted = {n: workloads[n].deployment for n in numbers.without("errors_total")}
        self.heard = LogErrors(transport, target.namespace, owner.clock, lambda: feed.snapshot, uncounted)
        self._spawn(self.heard.run(self._changed))
        self._spawn(self._look_at_budgets())
        self._spawn(self._look_at_scalers())
        if numbers.source is not None:
            self.whole = NamespaceNumbers(numbers.source, owner.opening.catalogue)
            self._spawn(self._ask_for_the_whole(self.whole))

    async def close(self) -> None:
        """Close whatever was opened."""
        if self.numbers is not None:
            await self.numbers.stop()
        if self.workshop is not None:
            await self.workshop.feed.stop()
            await self.workshop.transport.close()
            await self.workshop.close()

    async def settle_what_was_left(self) -> None:
        """Intents of a posdeck that died are settled once the cluster has said who it is."""
        workshop = self.require()
        await workshop.feed.wait_for(lambda s: bool(s.connection.version or s.connection.namespace_uid))
        await workshop.identify()
        self._spawn(self._identify_again())
        try:
            await self._rules_tried.wait()
            from posdeck.operations import recovery

            running = await asyncio.to_thread(recovery.clear_runs, self._owner.opening.state)
            if await asyncio.to_thread(self._owner.opening.audit_file.exists):
                self.notices += await recovery.settle_orphans(workshop, running)
        except PosdeckError as error:
            self.notices.append(str(error))
        finally:
            self.settled.set()

    def _open_store(self) -> AuditStore:
        from posdeck.audit.sqlite import open_store

        return open_store(self._owner.opening.audit_file, self._owner.clock, self._owner.redactor)

    async def _ask_for_the_whole(self, whole: NamespaceNumbers) -> None:
        while True:
            await whole.poll()
            self._changed()
            await self._owner.clock.sleep(WHOLE_PERIOD)

    async def _look_at_scalers(self) -> None:
        workshop = self.require()
        while True:
            redacted = self._owner.redactor.text
            self.scalers = await read_scalers(workshop.transport, workshop.target.namespace, redacted)
            self._changed()
            await self._owner.clock.sleep(SCALERS_PERIOD)

    async def _look_at_budgets(self) -> None:
        workshop = self.require()
        self.expiries = await asyncio.to_thread(expiries, workshop.target)
        while True:
            self.budgets = await read_budgets(workshop.transport, workshop.target.namespace)
            self._changed()
            await self._owner.clock.sleep(PERIOD)

    async def _identify_again(self) -> None:
        """When the feed sees another cluster or namespace, ask anew who it is: writes follow the answer."""
        workshop = self.require()
        while True:
            seen = _identity(workshop.feed.snapshot)
            await workshop.feed.wait_for(lambda s, seen=seen: _identity(s) != seen)  # type: ignore[misc]
            await workshop.identify()
            self._changed()


def _identity(snapshot: Snapshot) -> tuple[str, str, str]:
    connection = snapshot.connection
    return connection.namespace_uid, connection.cluster_uid, connection.identity.username

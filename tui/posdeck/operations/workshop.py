"""What a runbook session works with: the cluster, the inventory, the runner and the record, in one place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, urlsplit

from posdeck.errors import (
    AuthExpiredError,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ThrottledError,
)
from posdeck.operations.authority import target_ca_digest
from posdeck.operations.facts import Answer, ClusterFacts, answer_with_async, ask_cluster
from posdeck.operations.scaled_objects import Scalers

if TYPE_CHECKING:
    from posdeck.audit.sqlite import AuditStore
    from posdeck.catalogue.model import Catalogue
    from posdeck.clock import Clock
    from posdeck.cluster.feed import ClusterFeed
    from posdeck.cluster.kubeconfig import Target
    from posdeck.cluster.transport import Transport
    from posdeck.content import ContentFolders
    from posdeck.execution.runs import PlaybookRunner
    from posdeck.findings.consumer_facts import Budget
    from posdeck.operations.facts import Question
    from posdeck.operations.holding import Keeping
    from posdeck.operations.standing import Standing
    from posdeck.operations.view import ConsumerView
    from posdeck.redaction.redactor import Redactor

T = TypeVar("T")
_STATUS: tuple[tuple[type[ClusterError], int], ...] = (
    (AuthExpiredError, 401),
    (ForbiddenError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (InvalidError, 422),
    (ThrottledError, 429),
)


QUESTION_TIMEOUT = 10.0  # seconds: facts that take longer are too old for a gate that asks several


@dataclass(slots=True)
class Workshop:
    """Shared by every session of one process. ``readings`` gives the present numbers of a consumer by short
    name; ``store`` is opened on first use and used in threads only."""

    catalogue: Catalogue
    folders: ContentFolders
    clock: Clock
    target: Target
    transport: Transport
    feed: ClusterFeed
    runner: PlaybookRunner
    redactor: Redactor
    state: Path
    open_store: Callable[[], AuditStore]
    standing: Callable[[], Standing]
    readings: Callable[[str], ConsumerView | None]
    refresh_readings: Callable[[], None] = field(default=lambda: None)
    budgets: Callable[[], tuple[Budget, ...] | None] = field(default=lambda: None)  # None: not read
    scalers: Callable[[], Scalers] = field(default=Scalers)
    cluster: ClusterFacts = field(
        default_factory=lambda: ClusterFacts(reachable=False, problem="not connected yet")
    )
    locks: dict[str, Keeping] = field(default_factory=dict)  # by the id of the intent that holds it
    _store: AuditStore | None = None
    _store_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def inventory(self) -> Path:
        """The inventory folder of this environment."""
        return self.catalogue.folder

    async def identify(self) -> ClusterFacts:
        """Ask which cluster this is, and keep the answer."""
        digest = await asyncio.to_thread(target_ca_digest, self.target)
        self.cluster = await answer_with_async(
            ask_cluster(self.target.namespace, self.target.server.url, digest), self.ask
        )
        return self.cluster

    async def ask(self, question: Question) -> Answer:
        """One request of the gate; an error becomes the status that it stands for, 0 when nothing answered."""
        return await asker(self.transport)(question)

    async def record(self, write: Callable[[AuditStore], T]) -> T:
        """Run ``write`` with the store, in a thread, one at a time. Raises AuditError."""
        async with self._store_lock:
            if self._store is None:
                self._store = await asyncio.to_thread(self.open_store)
            return await asyncio.to_thread(write, self._store)

    async def close(self) -> None:
        """Close the store."""
        async with self._store_lock:
            if self._store is not None:
                store, self._store = self._store, None
                await asyncio.to_thread(store.close)


def asker(transport: Transport) -> Callable[[Question], Awaitable[Answer]]:
    """How questions are asked over a transport; an error becomes the status that it stands for, 0 when nothing
    answered."""

    async def ask(question: Question) -> Answer:
        parts = urlsplit(question.path)
        body = None if question.body is None else json.dumps(question.body).encode()
        headers = {"Content-Type": "application/json"} if body is not None else None
        try:
            response = await transport.request(
                question.method, parts.path, params=parse_qsl(parts.query), headers=headers, body=body,
                timeout=QUESTION_TIMEOUT,
            )  # fmt: skip
        except ClusterError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 0)
            return Answer(status, json.dumps({"message": error.cause}).encode())
        return Answer(response.status, response.body)

    return ask

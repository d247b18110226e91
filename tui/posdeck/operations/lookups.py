"""The reading half of the console: logs, single objects, any kind's table, and the record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posdeck.cluster import resources
from posdeck.cluster.objects import Objects
from posdeck.errors import ClusterError, PosdeckError
from posdeck.kubetext.fields import at, items
from posdeck.operations.kinds import Kinds, read_all, read_table
from posdeck.operations.logs import read_logs, save_log

if TYPE_CHECKING:
    from posdeck.operations.front import LogLine, LogRequest
    from posdeck.operations.kinds import ServerTable
    from posdeck.operations.lifting import Lifting
    from posdeck.operations.opening import Opening
    from posdeck.operations.view import ActionSummary
    from posdeck.operations.workshop import Workshop


_MOST_NAMESPACES = 500  # more than a person completes from


class Lookups:
    """What can be read on request. ``console.Console`` says where and with what."""

    opening: Opening
    kinds: Kinds
    lifting: Lifting

    def require_workshop(self) -> Workshop:
        """What sessions and reads work with. Raises UnreachableError before the first connection."""
        raise NotImplementedError

    def logs(self, request: LogRequest) -> AsyncIterator[LogLine]:
        """Log lines as they come, redacted."""
        return read_logs(self.require_workshop(), request, lambda: self.lifting.active)

    async def object(self, kind: str, name: str) -> Mapping[str, Any]:
        """The object as the server has it; values of a Secret never leave the server's answer."""
        from posdeck.operations.objects import read_object

        return await read_object(self.require_workshop(), self.kinds, kind, name, lifted=self.lifting.active)

    async def table(self, kind: str) -> ServerTable:
        """What the server prints of one kind."""
        return await read_table(self.require_workshop(), self.kinds, kind, lifted=self.lifting.active)

    async def all_tables(self) -> Sequence[ServerTable]:
        """What ``kubectl get all`` lists."""
        return await read_all(self.require_workshop(), self.kinds, lifted=self.lifting.active)

    async def namespaces(self) -> Sequence[str]:
        """The namespaces of the cluster, where this identity may list them; none elsewhere."""
        workshop = self.require_workshop()
        try:
            table = await Objects(workshop.transport, "").table(resources.NAMESPACES, limit=_MOST_NAMESPACES)
        except ClusterError:
            return ()
        found = (at(row, "object", "metadata", "name") for row in items(table.get("rows")))
        return tuple(str(name) for name in found if name)

    async def save_log(self, name: str, lines: Sequence[LogLine], file: str = "") -> Path:
        """Keep log lines in a file of this user's, recorded first."""
        return await save_log(self.require_workshop(), name, lines, file)

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

"""Keeps what is said of findings beside a console: read from the record when it starts and whenever the file has
changed, written to it before it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from posdeck.errors import AuditError, UnknownNameError
from posdeck.operations.news import Newsroom
from posdeck.operations.remarks import Remarks, Scope, Word, note_of, read_remarks
from posdeck.operations.view import News, Problem, Severity, View

if TYPE_CHECKING:
    from posdeck.clock import Clock
    from posdeck.operations.opening import Opening
    from posdeck.operations.standing import Standing
    from posdeck.operations.workshop import Workshop

PERIOD = 5.0  # seconds between two looks at whether the record has grown: another posdeck may have written


class Owner(Protocol):
    """What this needs of the console."""

    opening: Opening
    clock: Clock

    @property
    def view(self) -> View:
        """The present view."""
        ...

    def standing(self) -> Standing:
        """Where posdeck stands now."""
        ...

    def require_workshop(self) -> Workshop:
        """What writes the record. Raises UnreachableError."""
        ...


class Remarking:
    """Remarks and news of one console. ``changed`` is called when something is to be shown anew."""

    def __init__(self, owner: Owner, changed: Callable[[], None], notices: list[str]) -> None:
        self._owner, self._changed, self._notices = owner, changed, notices
        self._remarks = Remarks()
        self._read_at: tuple[int, ...] = ()
        self._newsroom = Newsroom(Severity(owner.opening.settings.announce.least))
        self._posting: set[asyncio.Task[None]] = set()

    @property
    def latest(self) -> News | None:
        """The latest announcement."""
        return self._newsroom.latest

    def apply(self, problems: Sequence[Problem]) -> tuple[Problem, ...]:
        """The problems with what was said of them."""
        return self._remarks.apply(problems, self._scope(), self._owner.clock.now())

    def announce(self, problems: Sequence[Problem]) -> None:
        """Take note of what is new among problems that ``apply`` gave, and post it where that is wanted."""
        news = self._newsroom.take(problems, self._owner.clock.now())
        address = self._owner.opening.settings.announce.webhook
        if news is not None and address:
            task = asyncio.get_running_loop().create_task(self._post(address, news, self._scope()))
            self._posting.add(task)
            task.add_done_callback(self._posting.discard)

    def _scope(self) -> Scope:
        owner = self._owner
        cluster = owner.view.snapshot.connection.cluster_uid
        return Scope(owner.opening.catalogue.environment.name, owner.opening.namespace, cluster)

    async def say(self, key: str, word: Word, text: str = "", until: datetime | None = None) -> None:
        """Record a remark about a problem of the present view. Raises UnknownNameError when there is no such
        problem, AuditError when it cannot be recorded; then it does not count."""
        problem = next((p for p in self._owner.view.problems if p.key == key), None)
        if problem is None:
            raise UnknownNameError(
                f"finding {key}", "it is not among what is wrong now", "See posdeck findings."
            )
        note = note_of(problem, word, self._owner.standing(), text=text, until=until)
        record = await self._owner.require_workshop().record(lambda store: store.append_note(note))
        if record.sequence == self._remarks.last + 1:
            self._remarks.take([record])
        else:
            await self._read()  # others wrote between
        self._changed()

    async def watch(self) -> None:
        """Read the record now and whenever it has grown. Never ends."""
        failed = ""
        while True:
            try:
                await self._read()
                failed = ""
            except AuditError as error:
                if str(error) != failed:
                    failed = str(error)
                    self._notices.append(failed)
            await self._owner.clock.sleep(PERIOD)

    async def stop(self) -> None:
        """Let go of what is being posted."""
        for task in list(self._posting):
            task.cancel()
        await asyncio.gather(*self._posting, return_exceptions=True)

    async def _read(self) -> None:
        path = self._owner.opening.audit_file
        stamp = _stamp(path)
        if stamp == self._read_at:
            return
        found = await asyncio.to_thread(read_remarks, path, self._owner.clock.now(), self._remarks.last)
        self._read_at = stamp
        if found:
            self._remarks.take(found)
            self._changed()

    async def _post(self, address: str, news: News, scope: Scope) -> None:
        from posdeck.operations.webhook import WebhookError, document, post

        body = document(news, environment=scope.environment, namespace=scope.namespace)
        try:
            await post(address, body)
        except WebhookError as error:
            if str(error) not in self._notices:
                self._notices.append(str(error))


def _stamp(path: Path) -> tuple[int, ...]:
    """Whether the record has changed: size and time of the file and of its log."""
    found: list[int] = []
    for each in (path, path.with_name(f"{path.name}-wal")):
        try:
            status = each.stat()
        except OSError:
            found += [0, 0]
        else:
            found += [status.st_size, status.st_mtime_ns]
    return tuple(found)

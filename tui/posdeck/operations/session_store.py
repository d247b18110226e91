"""Sessions on disk: one file each, replaced whole and synced, so that a crash leaves the last complete state."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from posdeck.config import private_folder
from posdeck.errors import PosdeckError, UnknownNameError
from posdeck.runbooks.session import from_json, to_json

if TYPE_CHECKING:
    from posdeck.runbooks.session import Session


class SessionStore:
    """The stored sessions of this user."""

    def __init__(self, state: Path) -> None:
        self._folder = private_folder(state / "sessions")

    async def save(self, session: Session) -> None:
        """Store a session durably."""
        await asyncio.to_thread(self._save, session)

    def load(self, session_id: str) -> Session:
        """One session by its id or the start of it. Raises UnknownNameError, PosdeckError when damaged."""
        exact = self._folder / f"{session_id}.json"
        found = [exact] if exact.is_file() else sorted(self._folder.glob(f"{session_id}*.json"))
        if len(found) != 1:
            cause = "matches several stored sessions" if found else "is not stored here"
            raise UnknownNameError(f"session {session_id}", cause, "posdeck runbook sessions lists them.")
        return from_json(found[0].read_bytes())

    def open_sessions(self) -> list[Session]:
        """The sessions that are not over, newest first; a damaged file is left out (``damaged`` names it)."""
        found = []
        for path in self._folder.glob("*.json"):
            try:
                session = from_json(path.read_bytes())
            except (PosdeckError, OSError):
                continue
            if not session.over:
                found.append(session)
        return sorted(found, key=lambda s: s.updated, reverse=True)

    def damaged(self) -> list[Path]:
        """Files that cannot be read as a session."""
        bad = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                from_json(path.read_bytes())
            except (PosdeckError, OSError):
                bad.append(path)
        return bad

    def _save(self, session: Session) -> None:
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".session-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(to_json(session))
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(self._folder / f"{session.id}.json")
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            raise PosdeckError(
                f"session {session.id}", f"cannot be stored: {error}", "Make room in the state folder."
            ) from error

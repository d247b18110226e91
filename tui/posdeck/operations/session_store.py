"""Sessions on disk: one file each, replaced whole and synced, so that a crash leaves the last complete state.

Whoever carries a session on holds its claim, a lock that the system takes back when the process ends: two terminals
must not drive the same session.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from posdeck.config import private_folder
from posdeck.errors import PosdeckError, UnknownNameError
from posdeck.runbooks.session import from_json, to_json

if TYPE_CHECKING:
    from posdeck.runbooks.session import Session

_OVER = "ended"


class SessionStore:
    """The stored sessions of this user."""

    def __init__(self, state: Path) -> None:
        self._folder = private_folder(state / "sessions")
        self._claims: dict[str, int] = {}
        self._known: dict[Path, tuple[int, Session | None]] = {}  # by file, with when it was written

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
        known: dict[Path, tuple[int, Session | None]] = {}
        for path in self._folder.glob("*.json"):
            with contextlib.suppress(OSError):
                written = path.stat().st_mtime_ns
                before = self._known.get(path)
                known[path] = before if before and before[0] == written else (written, _open_in(path))
        self._known = known
        found = [session for _, session in known.values() if session is not None]
        return sorted(found, key=lambda s: s.updated, reverse=True)

    def claim(self, session_id: str) -> None:
        """Keep others from carrying the session on, until ``release`` or the end of this process. Raises PosdeckError
        where another posdeck does."""
        if session_id in self._claims:
            return
        handle = self._locked(session_id)
        if handle is None:
            raise PosdeckError(
                f"session {session_id}",
                "is carried on by another posdeck of yours, on this machine",
                "Go on there, or close that one first; a session stays stored.",
            )
        self._claims[session_id] = handle

    def claimed_elsewhere(self, session_id: str) -> bool:
        """Whether another process carries it on at this moment."""
        if session_id in self._claims:
            return False
        handle = self._locked(session_id)
        if handle is not None:
            os.close(handle)
        return handle is None

    def release(self, session_id: str, *, over: bool = False) -> None:
        """Let go of a session; others may carry it on, unless it is ``over``."""
        handle = self._claims.pop(session_id, None)
        if handle is None:
            return
        if over:
            (self._folder / f"{session_id}.claim").unlink(missing_ok=True)
        os.close(handle)

    def _locked(self, session_id: str) -> int | None:
        """The descriptor that holds the lock of a session; None where somebody else has it."""
        handle = os.open(self._folder / f"{session_id}.claim", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle

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
                f"session {session.id}", f"cannot be stored: {error}", f"Make room in {self._folder}."
            ) from error


def _open_in(path: Path) -> Session | None:
    """The session of a file, where it can be read and is not over; most are over, and are not read whole."""
    raw = path.read_bytes()
    try:
        if json.loads(raw).get("phase") == _OVER:
            return None
        return from_json(raw)
    except (PosdeckError, ValueError, AttributeError):
        return None

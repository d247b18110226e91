"""The SQLite file under the store: its schema, how it is opened, and its errors in our words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from posdeck.audit import custody
from posdeck.errors import AuditError

APPLICATION_ID = 0x706F7364  # "posd"
USER_VERSION = 1
BUSY_SECONDS = 5.0
COLUMNS = "sequence, id, at, kind, subject, body, previous, hash"

# The triggers hold back mistakes, not an attacker, who can drop them: the chain shows an attacker's work.
SCHEMA_STATEMENTS = (
    """CREATE TABLE records (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT""",
    "CREATE UNIQUE INDEX one_outcome ON records (subject) WHERE kind = 'outcome'",
    "CREATE INDEX by_subject ON records (subject)",
    "CREATE INDEX by_kind ON records (kind, sequence)",
    """CREATE TABLE evidence (
  digest TEXT PRIMARY KEY,
  salt BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT""",
    """CREATE TRIGGER records_only_at_the_end BEFORE INSERT ON records
WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), 0) + 1 FROM records)
  OR EXISTS (SELECT 1 FROM records WHERE id = NEW.id)
  OR (NEW.kind = 'outcome'
      AND EXISTS (SELECT 1 FROM records WHERE kind = 'outcome' AND subject = NEW.subject))
BEGIN SELECT RAISE(ABORT, 'records are only appended'); END""",
    """CREATE TRIGGER records_never_change BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'records never change'); END""",
    """CREATE TRIGGER records_never_go BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'records are never deleted'); END""",
    """CREATE TRIGGER evidence_never_changes BEFORE UPDATE ON evidence
BEGIN SELECT RAISE(ABORT, 'evidence never changes'); END""",
    """CREATE TRIGGER evidence_goes_only_on_record BEFORE DELETE ON evidence
WHEN NOT EXISTS (SELECT 1 FROM records WHERE kind = 'erasure' AND subject = OLD.digest)
BEGIN SELECT RAISE(ABORT, 'an erasure is recorded first'); END""",
)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into AuditErrors with a cause and a remedy."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite quotes damaged bytes in its message
        raise AuditError(str(path), "is damaged (its schema is not text)", MOVE_ASIDE) from error
    except sqlite3.Error as error:
        text = str(error)
        code = getattr(error, "sqlite_errorname", "") or ""
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            cause = f"is held by another process for more than {BUSY_SECONDS:.0f} s"
            raise AuditError(str(path), cause, "Try again; see who holds it with: fuser") from error
        if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise AuditError(str(path), f"is damaged ({text})", MOVE_ASIDE) from error
        if code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
            raise AuditError(str(path), f"could not be written ({text})", "Free space on its disk") from error
        if code.startswith("SQLITE_READONLY"):
            raise AuditError(str(path), "may not be written", "Check the file's mode and mount") from error
        raise AuditError(str(path), f"refused by the database ({text})") from error


MOVE_ASIDE = (
    "Examine it with: posdeck audit verify. Keep it as it is for whoever investigates; "
    "a new record begins once the file and its .head are moved elsewhere"
)


class Database:
    """One connection, shared by threads under a lock, never across a fork; it notices when its file was
    exchanged under it."""

    def __init__(self, path: Path, *, reading: bool) -> None:
        self.path = path
        self.reading = reading
        self.lock = threading.RLock()
        self._pid = os.getpid()
        with translated(path):
            self._connection = _connect(path, reading=reading)
        self._inode = _inode(path)

    def close(self) -> None:
        """Give the file back; the write-ahead log is folded in when this was the last connection."""
        if os.getpid() == self._pid:
            with self.lock:
                self._connection.close()

    def usable(self) -> bool:
        """Whether the file can still be written through this connection."""
        return not self.reading and os.getpid() == self._pid and _inode(self.path) == self._inode

    def check_in_place(self) -> None:
        """Raise AuditError when this is not the file that was opened, or not the process that opened it."""
        if os.getpid() != self._pid:
            raise AuditError(
                str(self.path), "was opened before a fork", "Open the store in the child process"
            )
        if _inode(self.path) != self._inode:
            cause = "was moved, deleted or replaced while in use"
            raise AuditError(
                str(self.path), cause, "Find out by whom, put the file back, start posdeck again"
            )

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the store."""
        with self.lock, translated(self.path):
            self.check_in_place()
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._end("ROLLBACK")

    @contextmanager
    def write(self, *, keep: bool = True) -> Iterator[sqlite3.Connection]:
        """The only writer of all processes until the end, then committed to the disk (or, without ``keep``,
        rolled back)."""
        if self.reading:
            raise AuditError(str(self.path), "was opened for reading only")
        with self.lock, translated(self.path):
            self.check_in_place()
            custody.inspect(self.path)
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT" if keep else "ROLLBACK")
            except BaseException:
                self._end("ROLLBACK")
                raise

    def _end(self, statement: str) -> None:
        if self._connection.in_transaction:
            self._connection.execute(statement)

    def compare(self, same: Callable[[sqlite3.Connection], bool]) -> None:
        """Raise AuditError unless ``same`` holds for a connection that has nothing in memory yet: a file that was
        overwritten under us looks whole through the pages that we have read before."""
        with translated(self.path), closing(_connect_reading(self.path)) as fresh:
            if not same(fresh):
                raise AuditError(str(self.path), "is damaged (it does not end as it did)", MOVE_ASIDE)

    def fold_log(self) -> None:
        """Move the write-ahead log into the file, unless somebody is reading just now: a log that was damaged
        later would silently lose what is only there."""
        with self.lock, translated(self.path):
            self._connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def _inode(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)


def _connect(path: Path, *, reading: bool) -> sqlite3.Connection:
    if reading:
        return _connect_reading(path)
    connection = _open(path, "mode=rw")
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: Path, query: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?{query}"
    connection = sqlite3.connect(
        address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = _decode
    return connection


def _decode(stored: bytes) -> str:
    """Damaged text must reach the chain's check, which names the record, instead of ending the query."""
    return stored.decode("utf-8", "surrogateescape")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA secure_delete = ON")  # erased evidence and freed pages are overwritten
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise AuditError(
            str(path), f"cannot use a write-ahead log (mode {mode})", "Put it on a local file system"
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in SCHEMA_STATEMENTS:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {USER_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    complaint = schema_complaint(connection)
    if complaint:
        raise AuditError(str(path), complaint, MOVE_ASIDE)


def _connect_reading(path: Path) -> sqlite3.Connection:
    """Read-only. Where not even the shared-memory file can be made (a copy on read-only media), the file
    alone is read, which is right as long as no log lies beside it."""
    connection = _open(path, "mode=ro")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        log = path.with_name(path.name + "-wal")
        if not str(getattr(error, "sqlite_errorname", "")).startswith(
            ("SQLITE_CANTOPEN", "SQLITE_READONLY")
        ) or (log.exists() and log.stat().st_size):
            raise
        connection = _open(path, "mode=ro&immutable=1")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def schema_complaint(connection: sqlite3.Connection) -> str:
    """What about tables, triggers and the file's own marks is not as posdeck made it; empty when all is."""
    marks = [
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    ]
    if marks[0] != APPLICATION_ID:
        return "is not an audit store of posdeck"
    if marks[1] != USER_VERSION:
        return f"has schema version {marks[1]}, this posdeck knows {USER_VERSION}"
    question = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as reference:
        for statement in SCHEMA_STATEMENTS:
            reference.execute(statement)
        wanted = reference.execute(question).fetchall()
    if connection.execute(question).fetchall() != wanted:
        return "has tables or triggers that posdeck did not make"
    return ""

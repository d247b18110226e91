"""The record of this machine, in one SQLite file: appended under a lock that holds across processes,
committed to the disk before the change that it announces, redacted on its way in."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posdeck.audit import custody
from posdeck.audit.chain import link
from posdeck.audit.checkpoint import checkpoint_of
from posdeck.audit.database import COLUMNS, MOVE_ASIDE, Database
from posdeck.audit.evidence import Evidence, Sealed, seal
from posdeck.audit.head import SEALED_AT_CLOSE, SEALED_AT_ONCE, Head, head_path, image_of, write_head
from posdeck.audit.reading import AuditReader, tail
from posdeck.audit.record import (
    Actor,
    Intent,
    Note,
    Outcome,
    Place,
    Record,
    RecordKind,
    Refusal,
    canonical,
    format_time,
    plain,
)
from posdeck.errors import AuditError
from posdeck.redaction.redactor import Redactor

if TYPE_CHECKING:  # the clock brings asyncio along, which the write plugins do without
    from posdeck.clock import Clock

__all__ = ["AuditStore", "Evidence", "open_store"]

# Who did it and to which object is kept as it is, also where a user name is an e-mail address: that is what
# the record is for.
_EXACT = frozenset(
    {
        *(
            "id",
            "act",
            "act_class",
            "actor",
            "target",
            "process",
            "runbook",
            "playbook",
            "session_id",
            "run_id",
        ),
        *("rollback_of", "plan_digest", "preview_digest", "break_glass", "overrides", "intent_id", "result"),
        *("verification", "generation_after", "template_hash_after", "resource_version_after", "duration_ms"),
        *("settled", "evidence", "rule", "topic", "digest", "owner", "media_type", "size"),
    }
)


def open_store(
    path: Path, clock: Clock, redactor: Redactor | None = None, *, read_only: bool = False
) -> AuditStore:
    """The store at ``path``, made (0600, in a folder 0700) unless ``read_only``. Opened for writing, its
    tail must be sound and reach as far as it once did; AuditError or ChainBrokenError say what is wrong.
    ``read_only`` opens a damaged store as well, to be verified."""
    if read_only:
        custody.inspect(path, reading=True)
    else:
        custody.prepare(path)
        if head_path(path).exists() and path.stat().st_size == 0:
            raise AuditError(str(path), "is gone, yet its .head says that there was a record", MOVE_ASIDE)
    store = AuditStore(Database(path, reading=read_only), clock, redactor or Redactor())
    if not read_only:
        try:
            store.check_tail()
        except AuditError:
            store.close()
            raise
    return store


class AuditStore(AuditReader):
    """Append-only; every call blocks on the disk, so the interface calls it in a thread. Threads may share
    it; a forked child opens its own."""

    def __init__(self, database: Database, clock: Clock, redactor: Redactor) -> None:
        super().__init__(database)
        self._unsealed = False
        self.head_problem = ""  # why the .head beside the file could not be brought up to date
        self._clock = clock
        self._redactor = redactor

    def append_intent(self, intent: Intent) -> Record:
        """Commit what is about to be done; the record's id is the intent's. On an error nothing may be
        done."""
        return self._append(RecordKind.INTENT, intent.id, plain(intent))

    def append_outcome(self, outcome: Outcome) -> Record:
        """Commit how an intent ended. AuditError when there is no such intent or it already has an
        outcome."""
        return self._append(RecordKind.OUTCOME, _new_id(), plain(outcome))

    def append_refusal(self, refusal: Refusal) -> Record:
        """Commit that a write was not let happen."""
        return self._append(RecordKind.REFUSAL, _new_id(), plain(refusal))

    def append_note(self, note: Note) -> Record:
        """Commit anything else worth finding later."""
        return self._append(RecordKind.NOTE, _new_id(), plain(note))

    def save_evidence(self, owner_id: str, name: str, text: str, media_type: str = "text/plain") -> str:
        """Redact and keep a text (logs, a description, a diff) for an intent, run or session; the chain gets
        its digest, which is returned. AuditError when it does not fit on the disk."""
        redacted = _encodable(self._redactor.text(text)).encode()
        sealed = seal(redacted)
        custody.check_space(self.path.parent, len(sealed.body))
        body = {
            "owner": owner_id,
            "name": name,
            "media_type": media_type,
            "digest": sealed.digest,
            "size": len(redacted),
        }
        self._append(RecordKind.EVIDENCE, _new_id(), body, sealed)
        return sealed.digest

    def erase_evidence(self, digest: str, reason: str, actor: Actor, place: Place) -> Record:
        """Remove a text for good, overwriting it in the file, and record who did so and why; the chain still
        verifies. AuditError without a reason or when there is no such text."""
        if not reason.strip():
            raise AuditError(digest, "is not erased without a reason", "Say why it has to go")
        body = {"digest": digest, "reason": reason, "actor": plain(actor), "place": plain(place)}
        return self._append(RecordKind.ERASURE, _new_id(), body)

    def check_writable(self) -> None:
        """Raise AuditError unless a record could be written now: file in place, tail sound, lock to be had,
        disk with room. Writes for real and rolls back."""
        self._database.check_in_place()
        custody.check_space(self.path.parent)
        with self._database.write(keep=False) as connection:
            last = tail(connection)
            self._database.compare(lambda fresh: tail(fresh) == last)
            probe = link(last, record_id=_new_id(), at=self._clock.now(), kind="probe", subject="", body="{}")
            connection.execute(_INSERT, _row(probe))
        self._remember()
        if self.head_problem:
            raise AuditError(
                str(head_path(self.path)), self.head_problem, "Check the folder's mode and mount"
            )

    def _append(
        self,
        kind: RecordKind,
        record_id: str,
        body: dict[str, Any],
        evidence: Sealed | None = None,
    ) -> Record:
        cleaned = self._clean(body)
        text = canonical(cleaned)
        subject = str(cleaned.get(_SUBJECT.get(kind, ""), ""))
        with self._database.write() as connection:
            self._check_new(connection, kind, record_id, subject)
            record = link(
                tail(connection),
                record_id=record_id,
                at=self._clock.now(),
                kind=kind.value,
                subject=subject,
                body=text,
            )
            connection.execute(_INSERT, _row(record))
            if evidence is not None:
                values = (evidence.digest, evidence.salt, evidence.body)
                connection.execute("INSERT INTO evidence (digest, salt, body) VALUES (?, ?, ?)", values)
            if kind is RecordKind.ERASURE:
                connection.execute("DELETE FROM evidence WHERE digest = ?", (subject,))
        self._after(record)
        return record

    def _after(self, record: Record) -> None:
        """The record is committed; what comes now makes it safer and must not make it look failed."""
        self._unsealed = True
        try:
            self._database.fold_log()
            self._remember()
        except AuditError as error:
            self.head_problem = f"is behind record {record.sequence} ({error.cause})"

    def _check_new(
        self, connection: sqlite3.Connection, kind: RecordKind, record_id: str, subject: str
    ) -> None:
        if _exists(connection, "SELECT 1 FROM records WHERE id = ?", record_id):
            raise AuditError(
                f"{kind} {record_id}", "is already recorded", "Give each intent an id of its own"
            )
        if kind is RecordKind.OUTCOME:
            if not _exists(connection, "SELECT 1 FROM records WHERE kind = 'intent' AND id = ?", subject):
                raise AuditError(
                    f"outcome of {subject}", "no such intent is recorded", "Record the intent first"
                )
            if _exists(connection, "SELECT 1 FROM records WHERE kind = 'outcome' AND subject = ?", subject):
                raise AuditError(
                    f"outcome of {subject}", "the intent already has an outcome", "Read it instead"
                )
        if kind is RecordKind.ERASURE and not _exists(
            connection, "SELECT 1 FROM evidence WHERE digest = ?", subject
        ):
            raise AuditError(f"evidence {subject}", "is not here", "It may be erased already")

    def _clean(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body as it may be kept: redacted but for identities, and encodable."""
        cleaned = {}
        for key, value in body.items():
            whole = _encodable_value(value)
            cleaned[key] = whole if key in _EXACT else self._redactor.value({key: whole})[key]
        return cleaned

    def close(self) -> None:
        """Seal the file if this store wrote to it, and release it."""
        if self._unsealed and self._database.usable():
            try:
                self._remember(SEALED_AT_CLOSE)
            except AuditError as error:  # the records are safe; what is missing is said by verify
                self.head_problem = error.cause
        super().close()

    def _remember(self, limit: int = SEALED_AT_ONCE) -> None:
        """Bring the .head up to date, as the only writer: an older head never replaces a newer one."""
        with self._database.write(keep=False) as connection:
            last = tail(connection)
            if last is None:
                return
            image = image_of(connection, limit)
            self._unsealed = not image
            try:
                write_head(self.path, Head(checkpoint_of(last), image))
                self.head_problem = ""
            except OSError as error:
                self.head_problem = f"cannot be written ({error.strerror})"


_INSERT = f"INSERT INTO records ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constant column names
_SUBJECT = {
    RecordKind.INTENT: "id",
    RecordKind.OUTCOME: "intent_id",
    RecordKind.NOTE: "subject",
    RecordKind.EVIDENCE: "owner",
    RecordKind.ERASURE: "digest",
    RecordKind.REFUSAL: "session_id",
}


def _row(record: Record) -> tuple[object, ...]:
    return (
        record.sequence,
        record.id,
        format_time(record.at),
        record.kind,
        record.subject,
        record.body,
        record.previous,
        record.hash,
    )


def _new_id() -> str:
    return str(uuid.uuid4())


def _exists(connection: sqlite3.Connection, question: str, value: str) -> bool:
    return connection.execute(question, (value,)).fetchone() is not None


def _encodable(text: str) -> str:
    """Bytes that were no UTF-8 (a log, a terminal's name) become question marks instead of an error."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _encodable_value(value: Any) -> Any:
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, dict):
        return {_encodable(str(key)): _encodable_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable_value(item) for item in value]
    return value

"""The small file beside the store that remembers how far the record went and what the whole file looked like.

It shows accidents (a lost log, an old copy put back) and edits anywhere in the file, also in bytes that
belong to no record. Whoever may write the store may write this too: against an attacker only a copy kept
elsewhere helps.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from posdeck.audit import custody
from posdeck.audit.checkpoint import Checkpoint, parse_checkpoint
from posdeck.errors import AuditError

SEALED_AT_ONCE = 1024 * 1024  # bytes: up to here the image is taken after each record, some milliseconds
SEALED_AT_CLOSE = 64 * 1024 * 1024  # up to here when the store is closed; a larger one has no image

_IMAGE = re.compile(r"image sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Head:
    """The last record, and the digest of the file's content right after it (empty: not taken)."""

    checkpoint: Checkpoint
    image: str = ""


def head_path(path: Path) -> Path:
    """Where the head of the store at ``path`` is remembered."""
    return path.with_name(path.name + ".head")


def write_head(path: Path, head: Head) -> None:
    """Replace the remembered head. Raises OSError."""
    image = f"image sha256:{head.image}\n" if head.image else ""
    custody.write_private(head_path(path), f"{head.checkpoint}\n{image}")


def read_head(path: Path) -> Head | None:
    """What is remembered of the store at ``path``; None when nothing is. Raises AuditError."""
    source = head_path(path)
    try:
        text = source.read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuditError(str(source), f"cannot be read ({error.strerror})") from error
    first, _, rest = text.partition("\n")
    match = _IMAGE.fullmatch(rest.strip())
    if rest.strip() and match is None:
        raise AuditError(str(source), "was changed by something other than posdeck")
    return Head(parse_checkpoint(first, str(source)), match[1] if match else "")


def image_of(connection: sqlite3.Connection, limit: int) -> str:
    """SHA-256 of all pages as this transaction sees them, log included; empty for more than ``limit`` bytes
    or where this Python's SQLite cannot tell. The file itself is not opened: closing it would drop SQLite's
    locks."""
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    if pages * size > limit or not hasattr(connection, "serialize"):
        return ""
    return hashlib.sha256(connection.serialize()).hexdigest()

"""The head of the chain as one short line, to be copied where whoever may write the store may not write.

Only such a copy finds a tail that was cut off or a chain that was rewritten as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from posdeck.audit.record import SCHEMA, Record, format_time, parse_time
from posdeck.errors import AuditError

_LINE = re.compile(r"(\S+) (\d{1,18}) sha256:([0-9a-f]{64}) (\S{20,32})")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The chain up to and with ``sequence`` ends in ``hash``; ``at`` is that record's time."""

    sequence: int
    hash: str
    at: datetime

    def __str__(self) -> str:
        return f"{SCHEMA} {self.sequence} sha256:{self.hash} {format_time(self.at)}"


def checkpoint_of(record: Record) -> Checkpoint:
    """The checkpoint that has this record as its head."""
    return Checkpoint(record.sequence, record.hash, record.at)


def parse_checkpoint(text: str, source: str = "checkpoint") -> Checkpoint:
    """The checkpoint that ``str`` wrote; AuditError names ``source`` when it is none."""
    match = _LINE.fullmatch(text.strip())
    if match is None or match[1] != SCHEMA:
        raise AuditError(
            source, "is no checkpoint of this schema", f"It reads: {SCHEMA} COUNT sha256:HASH TIME"
        )
    try:
        return Checkpoint(int(match[2]), match[3], parse_time(match[4]))
    except ValueError as error:
        raise AuditError(source, f"holds a time that cannot be read ({error})") from error

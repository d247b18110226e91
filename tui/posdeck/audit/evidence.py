"""Texts kept beside the chain: the chain holds a salted digest, so that a text can be erased and the chain
stands."""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass
from datetime import datetime

from posdeck.audit.record import Record

_SALT_SIZE = 16


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence, without its text. ``size`` is in bytes, after redaction; ``erased_at`` and
    ``erased_because`` are set once its text is gone."""

    record_id: str
    sequence: int
    owner_id: str
    name: str
    media_type: str
    digest: str
    size: int
    saved_at: datetime
    erased_at: datetime | None = None
    erased_because: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A text as it is stored: compressed, with the salt of its digest."""

    digest: str
    salt: bytes
    body: bytes


def seal(text: bytes) -> Sealed:
    """Pack a (redacted) text under a salt of its own."""
    salt = os.urandom(_SALT_SIZE)
    return Sealed(evidence_digest(salt, text), salt, zlib.compress(text, 6))


def evidence_digest(salt: bytes, text: bytes) -> str:
    """``sha256:`` of salt and text. The salt goes when the text is erased: a short text cannot then be
    guessed from the digest that stays in the chain."""
    return "sha256:" + hashlib.sha256(salt + text).hexdigest()


def unseal(sealed: Sealed) -> bytes:
    """The text; ValueError when it is not, to the last stored byte, what the digest says."""
    engine = zlib.decompressobj()
    try:
        text = engine.decompress(sealed.body)
    except zlib.error as error:
        raise ValueError(f"it cannot be unpacked ({error})") from error
    if not engine.eof or engine.unused_data:
        raise ValueError("it is shorter or longer than it was")
    if evidence_digest(sealed.salt, text) != sealed.digest:
        raise ValueError("its text differs from its digest")
    return text


def describe(record: Record, erasure: Record | None) -> Evidence:
    """What an evidence record says of its text, and the record that erased it if there is one."""
    body = record.content
    return Evidence(
        record_id=record.id,
        sequence=record.sequence,
        owner_id=record.subject,
        name=str(body["name"]),
        media_type=str(body["media_type"]),
        digest=str(body["digest"]),
        size=int(body["size"]),
        saved_at=record.at,
        erased_at=erasure.at if erasure else None,
        erased_because=str(erasure.content.get("reason", "")) if erasure else "",
    )

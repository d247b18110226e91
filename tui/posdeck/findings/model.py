"""What a finding is. A rule says what it sees; the engine adds since when, what it follows from, and what could
not be told. Nothing here touches the network or the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

NO_PARAMS: Mapping[str, str] = MappingProxyType({})


class Severity(StrEnum):
    """How bad it is; RISK is a standing weakness and never an incident."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    RISK = "risk"

    @property
    def rank(self) -> int:
        """0 for the worst: a sort key."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Confidence(StrEnum):
    """How sure a rule is of what it says: read from the cluster, concluded, or supposed."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Standing(StrEnum):
    """Whether the condition holds now, has just ceased (and may return), or can no longer be seen."""

    PRESENT = "present"
    ENDING = "ending"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Key:
    """The identity of a finding from one assessment to the next."""

    id: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.id}/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``name`` is the object's full name, ``short`` what people call it; ``evidence``
    are fields of objects with their values; ``pods`` the names of the pods concerned. ``since`` comes from the
    cluster's own times where it can; with ``since_at_least`` it is only the first moment known. ``explains``
    are findings that follow from this one, ``explained_by`` those that this one follows from."""

    id: str
    severity: Severity
    kind: str
    name: str
    short: str
    text: str
    since: datetime | None = None
    since_at_least: bool = False
    evidence: tuple[tuple[str, str], ...] = ()
    likely: str = ""
    explains: tuple[Key, ...] = ()
    explained_by: tuple[Key, ...] = ()
    confidence: Confidence = Confidence.HIGH
    params: Mapping[str, str] = field(default_factory=lambda: NO_PARAMS)
    pods: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()  # full names of the deployments concerned
    standing: Standing = Standing.PRESENT
    # what several findings have in common when one fault is behind them: ("image", "registry/app:2")
    cause: tuple[str, str] | None = None
    released: datetime | None = None  # when the release came that it began with

    @property
    def key(self) -> Key:
        """Its identity: rule, kind and name."""
        return Key(self.id, self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A rule that could not tell, and why; ``names`` are the objects concerned, none for the whole namespace."""

    rule: str
    reason: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one assessment. ``findings`` are wrong now, worst first, without what follows from
    another; ``folded`` are those; ``risks`` are standing weaknesses."""

    findings: tuple[Finding, ...] = ()
    folded: tuple[Finding, ...] = ()
    risks: tuple[Finding, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    all_by_key: Mapping[Key, Finding] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @property
    def worst(self) -> Severity | None:
        """The worst severity now; None when nothing is wrong (which ``unknown`` may qualify)."""
        return self.findings[0].severity if self.findings else None

    def followers(self, finding: Finding) -> tuple[Finding, ...]:
        """The findings that fold under this one."""
        return tuple(self.all_by_key[key] for key in finding.explains if key in self.all_by_key)

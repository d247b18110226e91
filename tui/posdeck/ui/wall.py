"""The catalogue as the screens use it: short names, and the categories in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from posdeck.catalogue.model import Catalogue, WorkloadState

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Member:
    """One workload as the catalogue knows it."""

    short: str
    full: str
    group: str
    purpose: str = ""
    expected: int | None = None
    asleep: bool = False
    queue: bool = False


@dataclass(frozen=True, slots=True)
class Wall:
    """The catalogue's workloads in the catalogue's order."""

    members: tuple[Member, ...] = ()
    by_full: Mapping[str, Member] = field(default_factory=lambda: _NONE)
    by_short: Mapping[str, Member] = field(default_factory=lambda: _NONE)

    def short(self, full: str) -> str:
        """The short name of a deployment, or of what bears its name; unknown names stay as they are."""
        member = self.by_full.get(full)
        return member.short if member else full

    def full(self, short: str) -> str:
        """The deployment's full name."""
        member = self.by_short.get(short)
        return member.full if member else short

    def shorten(self, name: str, owner: str) -> str:
        """``name`` of a pod or replica set with its deployment's full name replaced by the short one."""
        member = self.by_full.get(owner)
        return member.short + name[len(owner) :] if member and name.startswith(owner) else name

    def shortened(self, name: str) -> str:
        """``name`` of whatever belongs to a deployment of the catalogue by its beginning, shortened like a pod's."""
        owner = next((full for full in self.by_full if name == full or name.startswith(f"{full}-")), "")
        return self.shorten(name, owner)

    def groups(self) -> list[tuple[str, list[Member]]]:
        """The categories with their members."""
        found: dict[str, list[Member]] = {}
        for member in self.members:
            found.setdefault(member.group, []).append(member)
        return list(found.items())


def wall(members: tuple[Member, ...]) -> Wall:
    """A wall of these members."""
    return Wall(
        members,
        MappingProxyType({m.full: m for m in members}),
        MappingProxyType({m.short: m for m in members}),
    )


def wall_of(catalogue: Catalogue) -> Wall:
    """The wall of a catalogue: its sections, in their order."""
    return wall(
        tuple(
            Member(
                short=workload.name,
                full=workload.deployment,
                group=section.group.title,
                purpose=workload.purpose,
                expected=workload.replicas,
                asleep=workload.state is WorkloadState.ASLEEP,
                queue=workload.queue is not None,
            )
            for section in catalogue.sections()
            for workload in section.workloads
        )
    )


EMPTY_WALL = Wall()

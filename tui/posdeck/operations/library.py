"""The runbooks of the content folder, as front ends list them, and new sessions made from them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.policy import CONFIRM_TYPED
from posdeck.clock import Clock
from posdeck.content import ContentFolders, file_digest
from posdeck.errors import ContentError, UnknownNameError
from posdeck.operations.front import ParamSummary, RunbookSummary
from posdeck.runbooks.digests import digest, playbook_files, playbooks_named
from posdeck.runbooks.loading import Library, load_library
from posdeck.runbooks.matching import by_finding, changes_anything
from posdeck.runbooks.model import Act, Diagnose, Kind, Param, Runbook
from posdeck.runbooks.params import prefill, resolve
from posdeck.runbooks.rendering import document
from posdeck.runbooks.session import Session, new_session
from posdeck.runbooks.validation import near

RESTART = "restart.yml"
THOROUGH = 3  # looks; a procedure takes at least so many before it acts


@dataclass
class RunbookLibrary:
    """Loads on first use; a runbook that cannot be read is left out and named in ``library.problems``."""

    folders: ContentFolders
    catalogue: Catalogue
    clock: Clock

    @cached_property
    def library(self) -> Library:
        """The folder, read once."""
        return load_library(self.folders.runbooks)

    def runbook(self, runbook_id: str) -> Runbook:
        """The runbook of that id. Raises UnknownNameError."""
        found = self.library.get(runbook_id)
        if found is None:
            self._say_if_left_out(runbook_id)
            known = [r.id for r in self.library.runbooks]
            raise UnknownNameError(
                f"runbook {runbook_id}", "there is none of this id", near(runbook_id, known)
            )
        return found

    def _say_if_left_out(self, runbook_id: str) -> None:
        """Raise ContentError with the place and the mistake for which a runbook of this id was left out."""
        about = [p for p in self.library.problems if p.path.stem == runbook_id]
        if about:
            first, more = about[0], len(about) - 1
            others = f", and {more} more" if more else ""
            raise ContentError(
                first.path,
                first.line,
                f"runbook {runbook_id} is left out because of a mistake ({first.rule}): {first.message}{others}",
                f"{first.remedy} ".lstrip() + "posdeck runbook lint lists every mistake.",
            )

    def summaries(self) -> list[RunbookSummary]:
        """All of them, as the library screen lists them."""
        return [
            RunbookSummary(
                id=r.id,
                title=r.metadata.title,
                summary=r.metadata.summary,
                owner=r.metadata.owner,
                kind=r.metadata.kind.value,
                params=tuple(p.name for p in r.params),
                changes=changes_anything(r),
                asks=tuple(self._asks(p) for p in r.params),
            )
            for r in sorted(self.library.runbooks, key=lambda r: (_rank(r), r.id))
        ]

    def markdown(self, runbook_id: str) -> str:
        """The runbook as a document."""
        return document(self.runbook(runbook_id), named=self._named)

    def _named(self, target: str) -> list[dict[str, str]]:
        """What a target without parameters stands for in commands: its deployments, in this namespace."""
        workloads = self.catalogue.workloads
        names = [target] if target in workloads else _Names(self.catalogue).members(target)
        namespace = self.catalogue.environment.namespace
        return [
            {"namespace": namespace, "name": name, "deployment": workloads[name].deployment} for name in names
        ]

    def for_finding(self, finding: str, short: str) -> tuple[str, Mapping[str, str]] | None:
        """The runbook that answers a finding on a workload, with its parameters filled in."""
        groups = self._groups(short)
        found: list[tuple[Runbook, Mapping[str, str]]] = []
        for runbook in by_finding(self.library.runbooks, finding):
            filled = prefill(runbook, short, groups)
            if filled or not any(p.required and p.default is None for p in runbook.params):
                found.append((runbook, filled))
        if short in self.catalogue.workloads:
            found = [each for each in found if each[1] or _concerns(each[0], (short, *groups))]
        # what finds out comes before what knows only one answer, and what is made for the group before what fits all
        found.sort(key=lambda each: (_looks(each[0]) < THOROUGH, _fits_all(each[0])))
        return (found[0][0].id, found[0][1]) if found else None

    def for_workload(self, short: str) -> tuple[str, Mapping[str, str]] | None:
        """The procedure for a workload of which nothing particular is known to be wrong."""
        groups = self._groups(short)
        usual = [r for r in self.library.runbooks if r.metadata.kind is not Kind.RECOMMENDATION]
        for runbook in sorted(usual, key=lambda r: (_rank(r), not _begins_at(r, short), r.id)):
            filled = prefill(runbook, short, groups)
            if runbook.metadata.triggers and (filled or _begins_at(runbook, short)):
                return runbook.id, filled
        return None

    def restarting(self, short: str) -> tuple[str, Mapping[str, str]] | None:
        """The operation whose shortcut restarts exactly this workload."""
        groups = self._groups(short)
        for runbook in self.library.runbooks:
            act = runbook.step(runbook.metadata.shortcut) if runbook.metadata.shortcut else None
            if not isinstance(act, Act) or act.playbook != RESTART:
                continue
            if not runbook.params and act.target == short:
                return runbook.id, {}
            filled = prefill(runbook, short, groups)
            if filled and act.target == f"{{{{ params.{next(iter(filled))} }}}}":
                return runbook.id, filled
        return None

    def digest(self, runbook: Runbook) -> str:
        """The digest of a runbook and its playbooks. Raises ContentError when one is missing."""
        return digest(runbook, playbook_files(runbook, self.folders.playbooks))

    def playbook_digests(self, runbook: Runbook) -> dict[str, str]:
        """The digest of each playbook file that the runbook names."""
        return {name: file_digest(self.folders.playbooks / name) for name in playbooks_named(runbook)}

    def new_session(
        self, runbook_id: str, params: Mapping[str, str], *, actor: str, check_only: bool = False
    ) -> tuple[Runbook, Session]:
        """A session before its first step, parameters resolved. Raises UnknownNameError, PosdeckError."""
        runbook = self.runbook(runbook_id)
        resolved = resolve(runbook, params, _Names(self.catalogue))
        session = new_session(
            runbook,
            session_id=uuid.uuid4().hex[:8],
            digest=self.digest(runbook),
            params=resolved,
            actor=actor,
            at=self.clock.now(),
            typed_confirmation=self.catalogue.environment.policy.confirm == CONFIRM_TYPED,
            check_only=check_only,
        )
        return runbook, session

    def _asks(self, param: Param) -> ParamSummary:
        source = param.source
        choices = param.choices
        if param.type == "workload" and source is not None and source.group is not None:
            choices = _Names(self.catalogue).members(source.group)
        return ParamSummary(
            name=param.name,
            type=param.type,
            help=param.help,
            choices=choices,
            default="" if param.default is None else str(param.default),
            required=param.required,
            of=(source.param or "") if source is not None else "",
        )

    def _groups(self, short: str) -> tuple[str, ...]:
        workload = self.catalogue.workloads.get(short)
        return (*workload.groups, "all") if workload else ()


@dataclass(frozen=True, slots=True)
class _Names:
    """The catalogue as parameter resolution asks it."""

    catalogue: Catalogue

    def short_name(self, name: str) -> str:
        return self.catalogue.workload(name).name

    def members(self, group: str) -> tuple[str, ...]:
        if group == "all":
            return tuple(self.catalogue.workloads)
        found = self.catalogue.groups.get(group)
        return found.members if found else ()


def _concerns(runbook: Runbook, names: tuple[str, ...]) -> bool:
    """Whether a runbook that asks for no workload has a step on one of these workloads or groups."""
    return any(getattr(step, "target", None) in names for step in runbook.steps)


def _fits_all(runbook: Runbook) -> bool:
    """Whether it can be carried out on any workload, whatever its group."""
    return any(
        p.type == "workload" and p.source is not None and p.source.group == "all" for p in runbook.params
    )


def _rank(runbook: Runbook) -> int:
    """The place of its kind in the library: procedures, operations, recommendations."""
    return tuple(Kind).index(runbook.metadata.kind)


def _begins_at(runbook: Runbook, short: str) -> bool:
    """Whether it asks nothing and looks at exactly this workload first: it was written for it."""
    first = runbook.steps[0]
    return not runbook.params and isinstance(first, Diagnose) and first.target == short


def _looks(runbook: Runbook) -> int:
    """How many steps look before the first that acts."""
    return sum(1 for _ in takewhile(lambda step: not isinstance(step, Act), runbook.steps)) - 1


def as_json(summary: RunbookSummary) -> dict[str, Any]:
    """A summary as JSON types."""
    return {
        "id": summary.id,
        "title": summary.title,
        "summary": summary.summary,
        "owner": summary.owner,
        "kind": summary.kind,
        "params": list(summary.params),
        "changes": summary.changes,
    }

"""The lint: what is wrong with a runbook beyond its own shape, with file, line, rule and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from posdeck.errors import ContentError
from posdeck.runbooks import graph
from posdeck.runbooks.checks import BEFORE_NAMES, CHECK_IDS, READING_FACTS, READING_IDS
from posdeck.runbooks.conditions import UNSURE, facts_named
from posdeck.runbooks.findings_ids import FINDING_IDS
from posdeck.runbooks.loading import Library, LoadedRunbook, Location, Problem
from posdeck.runbooks.model import Act, Decide, Diagnose, Done, Runbook, Tell, Verify
from posdeck.runbooks.playbooks import PlaybookReading, read_playbook
from posdeck.runbooks.substitution import malformed, placeholders

SOON_DAYS = 30
RESERVED_VARS = ("posdeck_", "ansible_")


@dataclass(frozen=True, slots=True)
class LintContext:
    """What a lint knows besides the runbooks: the playbooks, today, and the inventory where there is one.

    ``groups`` maps each group to its hosts and ``contacts`` holds the contacts' keys; None leaves out the
    rules that need them.
    """

    playbooks: Path
    today: date
    groups: Mapping[str, Collection[str]] | None = None
    contacts: Collection[str] | None = None


def lint(library: Library, context: LintContext) -> tuple[Problem, ...]:
    """Everything wrong in a folder of runbooks and the playbooks they name, ordered by file and line."""
    problems = list(library.problems)
    readings: dict[str, PlaybookReading | None] = {}
    ids = {runbook.id for runbook in library.runbooks}
    for loaded in library.loaded:
        problems.extend(_Linter(loaded, context, ids, readings).problems())
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda each: (str(each.path), each.line, each.rule)))


def lint_one(loaded: LoadedRunbook, context: LintContext, known_ids: Collection[str]) -> tuple[Problem, ...]:
    """Everything wrong with one runbook; ``known_ids`` are the runbooks that it may offer."""
    return tuple(_Linter(loaded, context, known_ids, {}).problems())


class _Linter:
    def __init__(
        self,
        loaded: LoadedRunbook,
        context: LintContext,
        known_ids: Collection[str],
        readings: dict[str, PlaybookReading | None],
    ) -> None:
        self._runbook: Runbook = loaded.runbook
        self._document = loaded.document
        self._context = context
        self._known_ids = known_ids
        self._readings = readings
        self._params = {param.name for param in loaded.runbook.params}

    def problems(self) -> Iterator[Problem]:
        yield from self._metadata()
        yield from self._parameters()
        for index, step in enumerate(self._runbook.steps):
            yield from self._step(step, ("steps", index))
        if not any(step.id in self._duplicates() for step in self._runbook.steps):
            yield from self._whole_graph()

    def _at(
        self, location: Location, rule: str, message: str, remedy: str, severity: str = "error"
    ) -> Problem:
        return Problem(self._document.path, self._document.line(location), rule, message, remedy, severity)

    def _metadata(self) -> Iterator[Problem]:
        about = self._runbook.metadata
        today = self._context.today
        where: Location = ("metadata", "review_by")
        if about.review_by < today:
            message = f"the review was due on {about.review_by}"
            yield self._at(
                where, "review-overdue", message, f"{about.owner}: read it again and set a new day."
            )
        elif (about.review_by - today).days <= SOON_DAYS:
            message = f"the review is due on {about.review_by}"
            yield self._at(where, "review-due", message, f"{about.owner}: read it again.", "warning")
        for index, trigger in enumerate(about.triggers):
            if trigger not in FINDING_IDS:
                message = f"there is no finding {trigger}"
                yield self._at(
                    ("metadata", "triggers", index), "unknown-trigger", message, near(trigger, FINDING_IDS)
                )
        yield from self._shortcut()
        for index, contact in enumerate(about.contacts):
            yield from self._contact(contact.who, ("metadata", "contacts", index))
        for index, who in enumerate(self._runbook.policy.inform):
            yield from self._contact(who, ("policy", "inform", index))

    def _shortcut(self) -> Iterator[Problem]:
        """A shortcut must not jump over an act: what it passes over may only look, ask or tell."""
        wanted = self._runbook.metadata.shortcut
        if wanted is None:
            return
        first = next((step.id for step in self._runbook.steps if isinstance(step, Act)), None)
        if wanted != first:
            message = f"{wanted} is not the first act"
            remedy = f"Write {first}." if first else "Take it away: this runbook has no act."
            yield self._at(("metadata", "shortcut"), "unknown-shortcut", message, remedy)

    def _contact(self, who: str, where: Location) -> Iterator[Problem]:
        known = self._context.contacts
        if known is not None and who not in known:
            yield self._at(where, "unknown-contact", f"the inventory has no contact {who}", near(who, known))

    def _parameters(self) -> Iterator[Problem]:
        workloads = {param.name for param in self._runbook.params if param.type == "workload"}
        seen: set[str] = set()
        for index, param in enumerate(self._runbook.params):
            where: Location = ("params", index)
            if param.name in seen:
                yield self._at(
                    where, "duplicate-param", f"the parameter {param.name} is given twice", "Rename one."
                )
            seen.add(param.name)
            source = param.source
            if source and source.param and source.param not in workloads:
                message = f"{param.name} belongs to {source.param}, which is no workload parameter"
                yield self._at((*where, "source"), "unknown-param", message, near(source.param, workloads))
            groups = self._context.groups
            if source and source.group and groups is not None and source.group not in groups:
                message = f"the inventory has no group {source.group}"
                yield self._at((*where, "source"), "unknown-group", message, near(source.group, groups))

    def _duplicates(self) -> set[str]:
        ids = [step.id for step in self._runbook.steps]
        return {each for each in ids if ids.count(each) > 1}

    def _step(self, step: graph.AnyStep, where: Location) -> Iterator[Problem]:
        if step.id in self._duplicates():
            yield self._at(
                (*where, "id"), "duplicate-step", f"the step id {step.id} is used twice", "Rename one."
            )
        yield from self._edges(step, where)
        yield from self._texts(step.model_dump(by_alias=True), where, before=False)
        if isinstance(step, Diagnose):
            yield from self._diagnose(step, where)
        elif isinstance(step, Decide):
            yield from self._decide(step, where)
        elif isinstance(step, Act):
            yield from self._act(step, where)
        elif isinstance(step, Tell):
            for index, who in enumerate(step.who):
                yield from self._contact(who, (*where, "who", index))
        elif isinstance(step, Done):
            for index, offer in enumerate(step.offers):
                if offer.runbook not in self._known_ids:
                    message = f"offers a runbook {offer.runbook} that is not in the library"
                    place = (*where, "offers", index, "runbook")
                    yield self._at(place, "unknown-runbook", message, near(offer.runbook, self._known_ids))

    def _edges(self, step: graph.AnyStep, where: Location) -> Iterator[Problem]:
        ids = {each.id for each in self._runbook.steps}
        missing: set[str] = set()
        for edge in graph.edges_of(self._runbook, step):
            if edge.to == "":
                message = f"step {step.id} is the last one and is no done step"
                yield self._at(
                    where, "missing-next", message, "Give it a next, or write a done step below it."
                )
            elif edge.to is not None and edge.to not in ids and edge.to not in missing:
                missing.add(edge.to)
                message = f"step {step.id} leads to {edge.to}, which does not exist"
                place = self._edge_place(step, edge, where)
                yield self._at(place, "unknown-step", message, near(edge.to, ids))

    def _edge_place(self, step: graph.AnyStep, edge: graph.Edge, where: Location) -> Location:
        if isinstance(step, Decide):
            index = next(i for i, choice in enumerate(step.choices) if choice.id == edge.exit)
            return (*where, "choices", index, "next")
        by_exit = {"failed": "on_failure", "cannot-tell": "on_cannot_tell", "cancelled": "on_cancel"}
        return (*where, by_exit.get(edge.exit, "next"))

    def _texts(self, value: Any, where: Location, *, before: bool) -> Iterator[Problem]:
        if isinstance(value, Mapping):
            for key, part in value.items():
                yield from self._texts(part, (*where, key), before=before or key == "rollback")
        elif isinstance(value, list | tuple):
            for index, part in enumerate(value):
                yield from self._texts(part, (*where, index), before=before)
        elif isinstance(value, str):
            yield from self._text(value, where, before=before)

    def _text(self, text: str, where: Location, *, before: bool) -> Iterator[Problem]:
        if malformed(text):
            message = "holds template marks that are not a simple placeholder"
            yield self._at(
                where, "bad-placeholder", message, "Write {{ params.name }} and nothing else inside."
            )
        # the target's own facts are for texts that people read; what Ansible gets comes from parameters
        for_ansible = any(part in ("vars", "target", "params") for part in where[2:])
        spaces: dict[str, Collection[str]] = {
            "params": self._params,
            "target": () if for_ansible else ("name", "deployment", "namespace"),
            "session": ("id",),
            **({"before": BEFORE_NAMES} if before else {}),
        }
        for space, name in placeholders(text):
            if space not in spaces:
                message = f"nothing called {space}.{name} can be filled in here"
                remedy = "before.… is for a rollback; elsewhere use params.…, target.… or session.id."
                yield self._at(where, "bad-placeholder", message, remedy)
            elif name not in spaces[space]:
                rule = "unknown-param" if space == "params" else "bad-placeholder"
                message = f"there is no {space}.{name}"
                yield self._at(where, rule, message, near(name, spaces[space]))

    def _diagnose(self, step: Diagnose, where: Location) -> Iterator[Problem]:
        if step.reading is not None and step.reading not in READING_IDS:
            message = f"there is no reading {step.reading}"
            yield self._at((*where, "reading"), "unknown-reading", message, near(step.reading, READING_IDS))
        if step.playbook is not None:
            yield from self._playbook(step.playbook, (*where, "playbook"), writes=False)
        yield from self._target(step.target, (*where, "target"))
        yield from self._vars(step.vars, (*where, "vars"))

    def _decide(self, step: Decide, where: Location) -> Iterator[Problem]:
        ids = [choice.id for choice in step.choices]
        if UNSURE not in ids:
            message = f"step {step.id} has no way out for somebody who does not know"
            remedy = "Add a choice with id: unsure that leads to a person or to a safe end."
            yield self._at((*where, "choices"), "no-unsure", message, remedy)
        for each in sorted({each for each in ids if ids.count(each) > 1}):
            yield self._at(
                (*where, "choices"), "duplicate-choice", f"the choice {each} is given twice", "Rename one."
            )
        if step.unattended is not None and step.unattended not in ids:
            message = f"the unattended choice {step.unattended} is none of the choices"
            yield self._at((*where, "unattended"), "unknown-choice", message, near(step.unattended, ids))
        diagnoses = {each.id: each for each in self._runbook.steps if isinstance(each, Diagnose)}
        for index, choice in enumerate(step.choices):
            place = (*where, "choices", index, "suggest_when")
            for fact in facts_named(choice.suggest_when) if choice.suggest_when else ():
                source, _, name = fact.partition(".")
                if source not in diagnoses:
                    message = f"{fact}: there is no diagnose step {source}"
                    yield self._at(place, "unknown-fact", message, near(source, diagnoses))
                    continue
                reading = diagnoses[source].reading
                if reading in READING_FACTS and name not in READING_FACTS[reading]:
                    message = f"{fact}: the reading {reading} brings no {name}"
                    yield self._at(place, "unknown-fact", message, near(name, READING_FACTS[reading]))

    def _act(self, step: Act, where: Location) -> Iterator[Problem]:
        yield from self._playbook(step.playbook, (*where, "playbook"), writes=True)
        yield from self._target(step.target, (*where, "target"))
        yield from self._vars(step.vars, (*where, "vars"))
        if not step.verify:
            message = f"step {step.id} changes something and does not verify it"
            yield self._at(where, "act-without-verify", message, "Add verify with a check or a playbook.")
        if step.rollback is None and step.irreversible is None:
            message = f"step {step.id} says neither how it is taken back nor why it cannot be"
            yield self._at(
                where, "act-without-rollback", message, "Add rollback, or irreversible with the reason."
            )
        if step.rollback is not None and step.irreversible is not None:
            message = f"step {step.id} has a rollback and calls itself irreversible"
            yield self._at((*where, "irreversible"), "act-without-rollback", message, "Keep one of the two.")
        for index, proof in enumerate(step.verify):
            yield from self._verify(proof, (*where, "verify", index))
        if step.rollback is not None:
            place: Location = (*where, "rollback")
            yield from self._playbook(step.rollback.playbook, (*place, "playbook"), writes=True)
            yield from self._vars(step.rollback.vars, (*place, "vars"))
            if not step.rollback.verify:
                message = f"the rollback of step {step.id} does not verify that it worked"
                yield self._at(place, "act-without-verify", message, "Add verify with a check or a playbook.")
            for index, proof in enumerate(step.rollback.verify):
                yield from self._verify(proof, (*place, "verify", index))

    def _verify(self, proof: Verify, where: Location) -> Iterator[Problem]:
        if proof.check is not None and proof.check not in CHECK_IDS:
            message = f"there is no check {proof.check}"
            yield self._at((*where, "check"), "unknown-check", message, near(proof.check, CHECK_IDS))
        if proof.playbook is not None:
            yield from self._playbook(proof.playbook, (*where, "playbook"), writes=False)
        yield from self._vars(proof.vars, (*where, "vars"))

    def _target(self, target: str, where: Location) -> Iterator[Problem]:
        groups = self._context.groups
        if "{{" in target or groups is None:
            return
        known = {*groups, *(host for hosts in groups.values() for host in hosts)}
        if target not in known:
            yield self._at(where, "unknown-target", f"the inventory has no {target}", near(target, known))

    def _vars(self, given: Mapping[str, Any], where: Location) -> Iterator[Problem]:
        for name in given:
            if name.startswith(RESERVED_VARS) or name in ("confirm", "reason", "ticket"):
                message = f"the variable {name} is set by posdeck itself"
                yield self._at((*where, name), "reserved-variable", message, "Choose another name.")

    def _playbook(self, name: str, where: Location, *, writes: bool) -> Iterator[Problem]:
        path = self._context.playbooks / name
        if name not in self._readings:
            if not path.is_file():
                known = sorted(each.name for each in self._context.playbooks.glob("*.y*ml"))
                yield self._at(where, "unknown-playbook", f"there is no playbook {name}", near(name, known))
                return
            try:
                self._readings[name] = read_playbook(path, self._context.playbooks)
            except ContentError as error:
                yield Problem(Path(error.path), error.line or 1, "bad-playbook", error.cause, error.remedy)
                self._readings[name] = None
        reading = self._readings[name]
        if reading is None:
            return
        for file, line, rule, message, remedy in reading.trouble:
            yield Problem(file, line, rule, message, remedy)
        if not writes:
            for use in reading.writes:
                place = f"{use.path.name}:{use.line}"
                message = f"{name} is used to look, and {use.module} at {place} may change something"
                yield self._at(
                    where, "diagnose-writes", message, "Use a read-only module, or make the step an act."
                )

    def _whole_graph(self) -> Iterator[Problem]:
        index = {step.id: number for number, step in enumerate(self._runbook.steps)}
        inside = graph.reachable(self._runbook)
        for step in self._runbook.steps:
            if step.id not in inside:
                message = f"no path comes to step {step.id}"
                yield self._at(
                    ("steps", index[step.id]), "unreachable-step", message, "Lead to it, or remove it."
                )
        for each in graph.without_end(self._runbook):
            message = f"from step {each} no path comes to a done step"
            yield self._at(
                ("steps", index[each]), "never-ends", message, "Lead one way out of it to a done step."
            )
        for each in graph.circles_without_question(self._runbook):
            message = f"step {each} is on a circle that asks nobody"
            yield self._at(
                ("steps", index[each]), "endless-circle", message, "Put a decide step on the way round."
            )
        for each in graph.acts_on_circles(self._runbook):
            message = f"step {each} could be done again and again in one session"
            yield self._at(
                ("steps", index[each]), "act-on-circle", message, "End, and let a new session begin."
            )


def near(name: str, known: Collection[str]) -> str:
    """A remedy that names the nearest known name, or all of them when they are few."""
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return f"Did you mean {close[0]}?"
    few = sorted(known)
    return f"There are: {', '.join(few)}." if 0 < len(few) <= 12 else "Check the name."

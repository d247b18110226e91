"""A runbook as a Markdown document, for when nothing works but a terminal: complete, commands included."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from posdeck.runbooks.conditions import AllOf, AnyOf, Fact
from posdeck.runbooks.graph import AnyStep
from posdeck.runbooks.model import Act, Decide, Diagnose, Done, Offer, Param, Rollback, Runbook, Tell, Verify
from posdeck.runbooks.substitution import replace_placeholders

_COMPARED = {
    "equals": "is",
    "not_equals": "is not",
    "above": "is above",
    "below": "is below",
    "at_least": "is at least",
    "at_most": "is at most",
    "contains": "contains",
}


Named = Callable[[str], Sequence[Mapping[str, str]]]


def _nobody(_target: str) -> Sequence[Mapping[str, str]]:
    return ()


def document(
    runbook: Runbook, values: Mapping[str, Mapping[str, Any]] | None = None, named: Named = _nobody
) -> str:
    """The whole runbook as Markdown; ``values`` (namespace → name → value) fill the placeholders they know,
    the others stay as ``<name>``. ``named`` gives what a step's target stands for: the values of ``target``
    for each of its workloads."""
    return "\n".join(_Writer(runbook, values or {}, named).lines()).rstrip() + "\n"


def command(template: str, values: Mapping[str, Mapping[str, Any]]) -> str:
    """A kubectl line with what is known filled in; what is not stands as ``<name>``."""

    def shown(space: str, name: str) -> str:
        value = values.get(space, {}).get(name)
        return f"<{name}>" if value is None else str(value)

    return replace_placeholders(template, shown).strip()


def duration(seconds: int) -> str:
    """``300`` as ``5 min``."""
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


class _Writer:
    def __init__(self, runbook: Runbook, values: Mapping[str, Mapping[str, Any]], named: Named) -> None:
        self._runbook = runbook
        self._values = values
        self._named = named
        self._numbers = {step.id: number for number, step in enumerate(runbook.steps, 1)}

    def lines(self) -> Iterator[str]:
        about = self._runbook.metadata
        yield f"# {about.title}"
        yield ""
        yield self._text(about.summary)
        yield ""
        yield f"`{about.id}` · {about.kind.value} · {about.severity.value} · about {duration(about.expected_duration)}"
        yield f"· owner {about.owner} · review by {about.review_by}"
        yield from self._list("Symptoms", about.symptoms)
        yield from self._list("Risks", about.risks)
        yield from self._list("Who should know", tuple(f"{each.who}: {each.why}" for each in about.contacts))
        yield from self._list("What it asks first", tuple(self._param(each) for each in self._runbook.params))
        yield ""
        yield "## Steps"
        for step in self._runbook.steps:
            yield ""
            yield f"### {self._numbers[step.id]}. {step.title}"
            yield ""
            yield from self._step(step)

    def _text(self, text: str) -> str:
        return command(text, self._values)

    def _list(self, title: str, items: tuple[str, ...]) -> Iterator[str]:
        if items:
            yield ""
            yield f"## {title}"
            yield ""
            for item in items:
                yield f"- {self._text(item)}"

    def _param(self, param: Param) -> str:
        extra = ""
        if param.source and param.source.group:
            extra = f" (one of the group {param.source.group})"
        elif param.choices:
            extra = f" ({', '.join(param.choices)})"
        default = f"; without it: {param.default}" if param.default is not None else ""
        return f"`{param.name}`{extra}: {param.help}{default}"

    def _to(self, step_id: str | None) -> str:
        if step_id is None or step_id not in self._numbers:
            return "the end"
        return f"step {self._numbers[step_id]}, {self._runbook.step(step_id).title}"

    def _kubectl(self, step: Diagnose | Act) -> Iterator[str]:
        if step.kubectl:
            targets = self._named(step.target) or ({},)
            yield ""
            yield "```sh"
            yield from dict.fromkeys(
                command(step.kubectl, {**self._values, **({"target": each} if each else {})})
                for each in targets
            )
            yield "```"

    def _step(self, step: AnyStep) -> Iterator[str]:
        if isinstance(step, Diagnose):
            yield self._text(f"Look at {step.target}: {step.why}")
            yield from self._kubectl(step)
            yield from self._onward(step)
        elif isinstance(step, Decide):
            yield from self._decide(step)
        elif isinstance(step, Act):
            yield from self._act(step)
        elif isinstance(step, Tell):
            yield f"Tell {', '.join(step.who)}:"
            yield ""
            yield f"> {self._text(step.say)}"
            yield from self._onward(step)
        else:
            yield from self._done(step)

    def _onward(self, step: Diagnose | Tell) -> Iterator[str]:
        failure = getattr(step, "on_failure", None)
        if failure:
            yield ""
            yield f"If this cannot be read: {self._to(failure)}."
        if step.next is not None:
            yield ""
            yield f"Then {self._to(step.next)}."

    def _decide(self, step: Decide) -> Iterator[str]:
        yield f"**{self._text(step.question)}**"
        yield ""
        for choice in step.choices:
            when = f" Suggested when {in_words(choice.suggest_when)}." if choice.suggest_when else ""
            yield f"- {self._text(choice.label)} → {self._to(choice.next)}.{when}"

    def _act(self, step: Act) -> Iterator[str]:
        effect = self._runbook.class_of(step).value
        yield f"**Change {self._text(step.target)} ({effect}).** {self._text(step.why)}"
        yield ""
        yield self._text(step.preview)
        yield from self._kubectl(step)
        yield ""
        yield f"- Verified by: {', '.join(_proof(each) for each in step.verify)}"
        yield f"- {self._undo(step.rollback, step.irreversible)}"
        yield f"- When it worked: {self._to(self._runbook.following(step))}"
        yield f"- When it failed: {self._to(step.on_failure)}"
        yield f"- When nobody can tell: {self._to(step.cannot_tell_leads_to)}"
        yield f"- When it is cancelled: {self._to(step.on_cancel)}"

    def _undo(self, rollback: Rollback | None, irreversible: str | None) -> str:
        if rollback is None:
            return f"No way back: {self._text(irreversible or 'not said')}"
        line = f" (`{self._text(rollback.kubectl)}`)" if rollback.kubectl else ""
        return f"The way back: {self._text(rollback.title)}{line}"

    def _done(self, step: Done) -> Iterator[str]:
        yield f"**{step.outcome.value}.** {self._text(step.result)}"
        for offer in step.offers:
            yield ""
            yield f"- Perhaps next: `{_call(offer, self._values)}`. {self._text(offer.because)}"


def _call(offer: Offer, values: Mapping[str, Mapping[str, Any]]) -> str:
    given = "".join(f" --param {name}={command(str(value), values)}" for name, value in offer.params.items())
    return f"posdeck runbook run {offer.runbook}{given}"


def _proof(proof: Verify) -> str:
    return f"{proof.check or proof.playbook} within {duration(proof.timeout)}"


def in_words(condition: Fact | AllOf | AnyOf) -> str:
    """A condition as a person would say it."""
    if isinstance(condition, AllOf):
        return " and ".join(_bracketed(part) for part in condition.all)
    if isinstance(condition, AnyOf):
        return " or ".join(_bracketed(part) for part in condition.any)
    if condition.known is not None:
        return f"{condition.fact} is {'known' if condition.known else 'not known'}"
    for key, words in _COMPARED.items():
        value = getattr(condition, key)
        if value is not None:
            return f"{condition.fact} {words} {value}"
    return condition.fact


def _bracketed(part: Fact | AllOf | AnyOf) -> str:
    return in_words(part) if isinstance(part, Fact) else f"({in_words(part)})"

"""When evidence suggests an answer: declarative conditions in three values, because unknown is not false."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

if TYPE_CHECKING:
    from posdeck.runbooks.model import Decide

Number = StrictInt | StrictFloat
FactName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*$")]
UNSURE = "unsure"

_COMPARISONS = ("equals", "not_equals", "above", "below", "at_least", "at_most", "contains", "known")


class Fact(BaseModel):
    """One comparison of one fact, named ``step.fact``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fact: FactName
    equals: StrictStr | StrictBool | Number | None = None
    not_equals: StrictStr | StrictBool | Number | None = None
    above: Number | None = None
    below: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    contains: StrictStr | None = None
    known: StrictBool | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> Fact:
        if sum(getattr(self, each) is not None for each in _COMPARISONS) != 1:
            raise ValueError(f"a condition compares in exactly one way: {', '.join(_COMPARISONS)}")
        return self


class AllOf(BaseModel):
    """True when every part is; false as soon as one is false."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    all: tuple[Condition, ...] = Field(min_length=1)


class AnyOf(BaseModel):
    """True as soon as one part is; false when every part is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    any: tuple[Condition, ...] = Field(min_length=1)


def _kind(value: Any) -> str:
    """Tells the three apart by their key, so that an error names the one that was meant."""
    for key, model in (("all", AllOf), ("any", AnyOf)):
        if isinstance(value, model) or (isinstance(value, Mapping) and key in value):
            return key
    return "comparison"


Condition = Annotated[
    Annotated[Fact, Tag("comparison")] | Annotated[AllOf, Tag("all")] | Annotated[AnyOf, Tag("any")],
    Discriminator(_kind),
]
AllOf.model_rebuild()
AnyOf.model_rebuild()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The choice that the evidence suggests. ``certain`` is false when nothing was suggested (the choice is
    then ``unsure``); ``unknown`` names the facts that would have been needed."""

    choice: str
    because: str
    certain: bool
    unknown: tuple[str, ...] = ()


def facts_named(condition: Fact | AllOf | AnyOf) -> Iterator[str]:
    """Every fact that a condition asks for."""
    if isinstance(condition, Fact):
        yield condition.fact
        return
    for part in condition.all if isinstance(condition, AllOf) else condition.any:
        yield from facts_named(part)


def holds(condition: Fact | AllOf | AnyOf, facts: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds over ``facts`` (``step.fact`` → value); None when a fact is unknown."""
    if isinstance(condition, Fact):
        return _compare(condition, facts.get(condition.fact))
    if isinstance(condition, AllOf):
        parts = [holds(part, facts) for part in condition.all]
        return False if False in parts else None if None in parts else True
    parts = [holds(part, facts) for part in condition.any]
    return True if True in parts else None if None in parts else False


def _compare(condition: Fact, value: Any) -> bool | None:
    if condition.known is not None:
        return (value is not None) is condition.known
    if value is None:
        return None
    if condition.equals is not None:
        return _same(value, condition.equals)
    if condition.not_equals is not None:
        return not _same(value, condition.not_equals)
    if condition.contains is not None:
        return _contains(value, condition.contains)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _bounds(condition, value)


def _same(value: Any, wanted: Any) -> bool:
    """Equal in type as well: True is not 1."""
    return isinstance(value, bool) is isinstance(wanted, bool) and bool(value == wanted)


def _contains(value: Any, wanted: str) -> bool | None:
    if isinstance(value, str):
        return wanted.casefold() in value.casefold()
    if isinstance(value, list | tuple):
        return wanted in value
    return None


def _bounds(condition: Fact, value: float) -> bool:
    if condition.above is not None:
        return value > condition.above
    if condition.below is not None:
        return value < condition.below
    if condition.at_least is not None:
        return value >= condition.at_least
    return condition.at_most is not None and value <= condition.at_most


def suggest(step: Decide, facts: Mapping[str, Any]) -> Suggestion:
    """The first choice whose condition holds; ``unsure``, naming what is not known, when none does."""
    missing: dict[str, None] = {}
    for choice in step.choices:
        if choice.suggest_when is None:
            continue
        verdict = holds(choice.suggest_when, facts)
        if verdict:
            return Suggestion(choice.id, choice.because or _reason(choice.suggest_when, facts), True)
        if verdict is None:
            missing.update(
                (name, None) for name in facts_named(choice.suggest_when) if facts.get(name) is None
            )
    if missing:
        return Suggestion(UNSURE, f"not known: {', '.join(missing)}", False, tuple(missing))
    return Suggestion(UNSURE, "the evidence points to none of the answers", False)


def unattended_choice(step: Decide, suggestion: Suggestion) -> str:
    """The answer for a confirmed run without a screen: what the evidence says, else the author's choice."""
    if suggestion.certain:
        return suggestion.choice
    return step.unattended or UNSURE


def _reason(condition: Fact | AllOf | AnyOf, facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} is {facts[name]}" for name in facts_named(condition) if name in facts)

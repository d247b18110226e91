"""A runbook as written: frozen models of ``apiVersion: runbook/v1``, unknown keys refused.

The models say what one file may contain; what needs other files or the whole graph is in ``validation``.
Durations are whole seconds here, and ``90s``, ``5m`` or ``1h`` in YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from posdeck.runbooks.conditions import Condition
from posdeck.runbooks.substitution import Value

API_VERSION = "runbook/v1"

_DURATION = re.compile(r"([1-9][0-9]{0,4})(s|m|h)")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def _seconds(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration is a whole number with a unit: 90s, 5m or 1h")
    return int(match[1]) * _UNITS[match[2]]


def _written_date(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)):
        return value
    raise ValueError("a date is written year-month-day: 2027-01-31")


Duration = Annotated[
    int,
    BeforeValidator(_seconds),
    WithJsonSchema(
        {"type": "string", "pattern": "^[1-9][0-9]{0,4}(s|m|h)$", "examples": ["90s", "5m", "1h"]}
    ),
]
WrittenDate = Annotated[date, BeforeValidator(_written_date)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
PlaybookFile = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*\.ya?ml$", max_length=120)
]


class Severity(StrEnum):
    """How bad it is when this runbook is needed."""

    CRITICAL = "critical"
    WARNING = "warning"
    ROUTINE = "routine"


class Kind(StrEnum):
    """Where the library lists it: it finds a trouble's cause, does one documented thing, or lowers a standing risk."""

    PROCEDURE = "procedure"
    OPERATION = "operation"
    RECOMMENDATION = "recommendation"


class ActClass(StrEnum):
    """``mitigate`` returns to what ran here before; ``change`` makes something new, bound by more rules."""

    MITIGATE = "mitigate"
    CHANGE = "change"


class Outcome(StrEnum):
    """How a runbook ended, in the words of the person who called for it."""

    RESOLVED = "resolved"
    ESCALATED = "escalated"
    NOT_RESOLVED = "not-resolved"
    CANNOT_TELL = "cannot-tell"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, validate_default=True)


class Contact(_Model):
    """Whom to know about: a contact's key in the inventory, and what for."""

    who: Text = Field(description="A contact of the inventory, such as operations or finance.")
    why: Text


class Metadata(_Model):
    """What the library shows, and who answers for the text."""

    id: Slug
    title: Text = Field(max_length=80)
    kind: Kind = Field(default=Kind.PROCEDURE, description="Where the library lists it.")
    summary: Text
    owner: Text
    severity: Severity
    review_by: WrittenDate = Field(description="The day by which somebody must have read this again.")
    triggers: tuple[Slug, ...] = Field(
        default=(), description="Ids of the findings that this runbook answers."
    )
    symptoms: tuple[Text, ...] = Field(min_length=1)
    contacts: tuple[Contact, ...] = ()
    risks: tuple[Text, ...] = ()
    expected_duration: Duration
    shortcut: Slug | None = Field(
        default=None,
        description="The act that a front end's restart key goes straight to; the steps before it that only "
        "look are then carried out beside it.",
    )


class Source(_Model):
    """Where a parameter's values come from: a group of the inventory, or another parameter's deployment."""

    group: Name | None = None
    param: Name | None = Field(
        default=None, description="For a revision: the workload parameter it belongs to."
    )

    @model_validator(mode="after")
    def _one(self) -> Source:
        if (self.group is None) == (self.param is None):
            raise ValueError("a source names either a group or a param")
        return self


class Param(_Model):
    """One question asked before the first step."""

    name: Name
    type: Literal["workload", "choice", "integer", "revision", "text"]
    help: Text
    source: Source | None = None
    choices: tuple[Text, ...] = ()
    minimum: StrictInt | None = None
    maximum: StrictInt | None = None
    default: Value = None
    required: StrictBool = True

    @model_validator(mode="after")
    def _fits_its_type(self) -> Param:
        if self.type in ("workload", "revision") and self.source is None:
            raise ValueError(f"a parameter of type {self.type} needs a source")
        if self.type == "workload" and self.source and self.source.group is None:
            raise ValueError("a workload comes from a group: source: {group: consumers}")
        if self.type == "revision" and self.source and self.source.param is None:
            raise ValueError("a revision belongs to a workload parameter: source: {param: workload}")
        if self.type == "choice" and len(self.choices) < 2:
            raise ValueError("a choice needs at least two choices")
        if self.default is not None:
            _check_default(self)
        return self


def _check_default(param: Param) -> None:
    whole = isinstance(param.default, int) and not isinstance(param.default, bool)
    if param.type in ("integer", "revision"):
        if not whole:
            raise ValueError("the default of a whole number is a whole number")
    elif not isinstance(param.default, str):
        raise ValueError(f"the default of a {param.type} is text; put it in quotes")
    if param.type == "choice" and param.default not in param.choices:
        raise ValueError("the default is none of the choices")


class BlastRadius(_Model):
    """How much this runbook may touch; an environment's own, tighter bound wins."""

    objects_at_once: StrictInt = Field(default=1, ge=1)
    per_hour: StrictInt | None = Field(default=None, ge=1)


class Policy(_Model):
    """Bounds that hold for every act of this runbook; the environment may add to them, never take away."""

    act_class: ActClass = Field(default=ActClass.MITIGATE, alias="class")
    blast_radius: BlastRadius = BlastRadius()
    inform: tuple[Text, ...] = Field(default=(), description="Contacts to be told of an act.")


class Rendering(_Model):
    """How evidence is best shown."""

    form: Literal["table", "log", "numbers", "text", "manifest"] = "text"
    highlight: tuple[Text, ...] = Field(default=(), description="Words to pick out, case ignored.")
    headline: Text | None = None


class Diagnose(_Model):
    """Look, change nothing: a read-only playbook, or one of posdeck's own readings."""

    type: Literal["diagnose"]
    id: Slug
    title: Text = Field(max_length=60)
    why: Text
    playbook: PlaybookFile | None = None
    reading: Slug | None = Field(
        default=None, description="One of posdeck's own readings, such as queue-numbers."
    )
    target: Text
    vars: Mapping[Name, Value] = Field(default_factory=dict)
    evidence: Rendering = Rendering()
    timeout: Duration = 60
    kubectl: Text | None = None
    continue_on_failure: StrictBool = True
    next: Slug | None = None
    on_failure: Slug | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Diagnose:
        if (self.playbook is None) == (self.reading is None):
            raise ValueError("a diagnose step names either a playbook or a reading")
        return self


class Choice(_Model):
    """One answer to a question, and where it leads."""

    id: Slug
    label: Text
    next: Slug
    suggest_when: Condition | None = Field(default=None, description="Suggested when the evidence says so.")
    because: Text | None = Field(default=None, description="The reason shown beside the suggestion.")


class Decide(_Model):
    """A question to the person, with the evidence, a suggestion, and always a way out called ``unsure``."""

    type: Literal["decide"]
    id: Slug
    title: Text = Field(max_length=60)
    question: Text
    why: Text | None = None
    choices: tuple[Choice, ...] = Field(min_length=2)
    unattended: Slug | None = Field(
        default=None,
        description="The choice for a confirmed run without a screen when the evidence suggests nothing.",
    )


class Verify(_Model):
    """One proof that an act did what it was for: a built-in check or a read-only playbook."""

    check: Slug | None = None
    playbook: PlaybookFile | None = None
    target: Text | None = Field(default=None, description="The act's own target when left out.")
    vars: Mapping[Name, Value] = Field(default_factory=dict)
    timeout: Duration = 300

    @model_validator(mode="after")
    def _one_proof(self) -> Verify:
        if (self.check is None) == (self.playbook is None):
            raise ValueError("a verification names either a check or a playbook")
        return self


class Rollback(_Model):
    """The playbook that takes an act back."""

    playbook: PlaybookFile
    title: Text = Field(default="Take it back", max_length=60)
    target: Text | None = None
    vars: Mapping[Name, Value] = Field(default_factory=dict)
    verify: tuple[Verify, ...] = ()
    timeout: Duration = 300
    kubectl: Text | None = None


class Act(_Model):
    """Change something: previewed, confirmed, run, verified; reversible, or with the reason why it is not."""

    type: Literal["act"]
    id: Slug
    title: Text = Field(max_length=60)
    why: Text
    playbook: PlaybookFile
    target: Text
    vars: Mapping[Name, Value] = Field(default_factory=dict)
    preview: Text = Field(description="In one sentence: what will change, and what will be felt.")
    act_class: ActClass | None = Field(default=None, alias="class")
    confirm: Literal["policy", "typed"] = Field(
        default="policy", description="typed: the target's name is typed in every environment."
    )
    timeout: Duration = 300
    verify: tuple[Verify, ...] = ()
    rollback: Rollback | None = None
    irreversible: Text | None = Field(default=None, description="Why this cannot be taken back.")
    next: Slug | None = None
    on_failure: Slug
    on_cannot_tell: Slug | None = Field(default=None, description="on_failure when left out.")
    on_cancel: Slug
    kubectl: Text

    @property
    def cannot_tell_leads_to(self) -> str:
        """The step after a verification that could not tell."""
        return self.on_cannot_tell or self.on_failure


class Tell(_Model):
    """Somebody has to be told, or asked; who was told is recorded."""

    type: Literal["contact"]
    id: Slug
    title: Text = Field(max_length=60)
    who: tuple[Text, ...] = Field(min_length=1, description="Contacts of the inventory.")
    say: Text
    why: Text | None = None
    next: Slug | None = None


class Offer(_Model):
    """Another procedure that may be right from here, with its parameters filled in."""

    runbook: Slug
    params: Mapping[Name, Value] = Field(default_factory=dict)
    because: Text


class Done(_Model):
    """An end."""

    type: Literal["done"]
    id: Slug
    title: Text = Field(default="Done", max_length=60)
    result: Text
    outcome: Outcome
    offers: tuple[Offer, ...] = ()


Step = Annotated[Diagnose | Decide | Act | Tell | Done, Field(discriminator="type")]


class Runbook(_Model):
    """One guided procedure."""

    api_version: Literal["runbook/v1"] = Field(alias="apiVersion")
    metadata: Metadata
    params: tuple[Param, ...] = ()
    policy: Policy = Policy()
    steps: tuple[Step, ...] = Field(min_length=1)

    @property
    def id(self) -> str:
        """The runbook's id."""
        return self.metadata.id

    def step(self, step_id: str) -> Diagnose | Decide | Act | Tell | Done:
        """The step of that id; KeyError when there is none (validation excludes it)."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def following(self, step: Diagnose | Act | Tell) -> str | None:
        """The id of the step after ``step``: its own ``next``, else the step written below it."""
        if step.next is not None:
            return step.next
        ids = [each.id for each in self.steps]
        below = ids.index(step.id) + 1
        return ids[below] if below < len(ids) else None

    def class_of(self, act: Act) -> ActClass:
        """The class of an act: its own, else the runbook's."""
        return act.act_class or self.policy.act_class

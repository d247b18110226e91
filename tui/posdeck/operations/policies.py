"""The environment's policies as rules of the gate. Break-glass may set each of them aside, on record; a rollback of a
confirmed act is carried by it and needs none of them but the bound on objects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from posdeck.operations.facts import Facts
from posdeck.operations.precedents import HOUR
from posdeck.operations.standing import Standing, Verdict
from posdeck.operations.write import CHANGE, Write

OVERRIDE = 'or set it aside, on record: --break-glass "REASON"'


def _bound(write: Write, standing: Standing) -> bool:
    """Whether the policies for changes bind this write."""
    return write.effect == CHANGE and not standing.carried


def freeze(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """No change while a freeze is on."""
    if not _bound(write, standing) or not standing.policy.freezes:
        return None
    if standing.now is None:
        return _no(
            "freeze", "the time is not known, so whether a freeze is on cannot be told", "Set the clock"
        )
    found = standing.policy.freeze_at(standing.now)
    if found is None:
        return None
    return _no(
        "freeze",
        f"changes to environment {standing.environment} are frozen until {_time(found.end)}: {found.reason}",
        f"Wait until then; a mitigation is possible now; {OVERRIDE}",
    )


def change_window(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """A change happens inside a change window, where windows are kept."""
    windows = standing.policy.change_windows
    if not _bound(write, standing) or not windows:
        return None
    if standing.now is not None and any(w.contains(standing.now) for w in windows):
        return None
    return _no(
        "change-window",
        f"changes to environment {standing.environment} are made {' or '.join(str(w) for w in windows)}, "
        f"and it is {_time(standing.now) if standing.now else 'an unknown time'}",
        f"Wait for the window; a mitigation is possible now; {OVERRIDE}",
    )


def staging_first(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """A change has passed in staging, exactly as it is to run here, not long ago."""
    wanted = standing.policy.staging_first
    if not _bound(write, standing) or wanted is None:
        return None
    known = standing.precedents
    if known is not None and known.staged_at is not None:
        return None
    what = f"runbook {write.runbook}" if write.runbook else f"playbook {write.playbook or 'unknown'}"
    because = f"; {known.staged_problem}" if known is not None and known.staged_problem else ""
    return _no(
        "staging-first",
        f"{what}, as it is now, has not passed in environment {wanted.environment} within "
        f"{wanted.within_hours} h{because}",
        f"Run it there first: posdeck --environment {wanted.environment} runbook run "
        f"{write.runbook or 'RUNBOOK'}; {OVERRIDE}",
    )


def approvals(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """Enough other people have approved exactly this plan."""
    needed = standing.policy.approvals
    if not _bound(write, standing) or needed < 1:
        return None
    actor = standing.actor
    own = {actor.user, actor.kubernetes_user}
    given = standing.precedents.approvals if standing.precedents is not None else ()
    valid = {
        a.approver
        for a in given
        if write.plan_digest and a.plan_digest == write.plan_digest and a.approver not in own
    }
    if len(valid) >= needed:
        return None
    return _no(
        "approvals",
        f"environment {standing.environment} asks for {needed} approval{'s' if needed > 1 else ''} of this plan "
        f"by somebody else, and there {'are' if len(valid) != 1 else 'is'} {len(valid) or 'none'}: "
        "posdeck has no channel yet that proves who the second person is",
        f"Set approvals: 0 in the inventory of {standing.environment} until there is one; {OVERRIDE}",
    )


def objects_at_once(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """One act touches no more objects at a time than is allowed; a serial playbook touches one at a time."""
    allowed = standing.policy.blast_radius.objects_at_once
    by = f"environment {standing.environment}"
    own = write.limits.objects_at_once
    if own is not None and own < allowed and not standing.carried:
        allowed, by = own, f"runbook {write.runbook}"
    if write.at_once <= allowed:
        return None
    return _no(
        "blast-radius",
        f"it touches {write.at_once} objects at a time, and {by} allows {_count(allowed, 'object')} at a time",
        f"Do it in parts, or let the playbook take them in turn (serial: {allowed}); {OVERRIDE}",
    )


def acts_per_hour(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """There were not too many acts within the last hour, counted from the record."""
    if standing.carried:
        return None
    known = standing.precedents
    bounds = (
        (
            f"environment {standing.environment}",
            standing.policy.blast_radius.per_hour,
            known.acts if known else None,
        ),
        (f"runbook {write.runbook}", write.limits.per_hour, known.of_runbook if known else None),
    )
    for by, allowed, acts in bounds:
        if allowed is None:
            continue
        if acts is None:
            return _no("blast-radius", "the acts of the last hour could not be counted", "Try again")
        if len(acts) >= allowed:
            free = sorted(acts)[len(acts) - allowed] + HOUR
            return _no(
                "blast-radius",
                f"{_count(len(acts), 'act')} changed something within the last hour, and {by} allows "
                f"{allowed} an hour",
                f"Wait until {_time(free + timedelta(seconds=59))}, and ask why so many are needed; {OVERRIDE}",
            )
    return None


def contacts(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """Whoever has to know of a change was told before; of a mitigation they may be told afterwards."""
    if not _bound(write, standing):
        return None
    wanted = wanted_contacts(write, standing.policy.inform)
    missing = [who for who in wanted if who not in write.informed]
    if not missing:
        return None
    options = " ".join(f"--informed {who}" for who in missing)
    return _no(
        "inform",
        f"{', '.join(missing)} {'has' if len(missing) == 1 else 'have'} to be told before a change",
        f"Tell them, then say so: {options}; {OVERRIDE}",
    )


def wanted_contacts(write: Write, inform: tuple[str, ...]) -> tuple[str, ...]:
    """The contact ids that environment and runbook name, each once."""
    return tuple(dict.fromkeys((*inform, *write.limits.inform)))


def _no(rule: str, cause: str, remedy: str) -> Verdict:
    return Verdict(rule, cause, f"{remedy}.", overridable=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

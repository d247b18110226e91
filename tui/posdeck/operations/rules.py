"""The rules of the gate, in the order in which they are asked; each says yes by returning None.

One explicit list. A rule sees the write, the facts read afresh and where posdeck stands; it never asks anything.
"""

from __future__ import annotations

from posdeck.catalogue.policy import CONFIRM_TYPED
from posdeck.operations import policies
from posdeck.operations.aftermath import changed_since
from posdeck.operations.binding import binding_problem
from posdeck.operations.facts import Facts
from posdeck.operations.standing import Rule, Standing, Verdict
from posdeck.operations.write import CHANGE, Write


def read_only(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """Neither the option nor the environment's policy forbids writing."""
    if standing.read_only:
        return Verdict(
            "read-only", "posdeck was started with --read-only", "Start it without --read-only to write."
        )
    if standing.policy.read_only:
        return Verdict(
            "read-only",
            f"environment {standing.environment} is read-only by its policy",
            f"Change read_only in the inventory of {standing.environment}, or run the kubectl command yourself.",
        )
    return None


def cluster_identity(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """The cluster is the one that the environment is bound to."""
    problem = binding_problem(standing.accept, standing.environment, standing.binding, facts.cluster)
    if not problem:
        return None
    if standing.accept == "embedded":
        remedy = "Choose the environment that belongs to this cluster with --environment."
    elif not facts.cluster.reachable:
        remedy = "Restore the connection and try again."
    else:
        remedy = (
            f"Make sure that the context is right; if it is: posdeck environment bind {standing.environment}"
            f"{f' --context {standing.place.context}' if standing.place.context else ''}"
        )
    return Verdict("cluster-identity", problem, remedy)


def target_exists(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """The target can be read, or is not there yet and the write creates it."""
    if facts.target is not None or (write.act.id == "apply" and facts.target_problem.startswith("404")):
        return None
    return Verdict(
        "target",
        f"it cannot be read ({facts.target_problem or 'no answer'})",
        "Check the name and the namespace, then preview again.",
    )


def target_as_previewed(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """The target read afresh equals what the preview showed."""
    difference = write.expected.difference(facts.found) if facts.target is not None else ""
    if not difference:
        return None
    return Verdict("target-changed", difference, "Look at the new preview and confirm again.")


def as_the_act_left_it(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """What is to be taken back is as the act left it: a rollback never takes back what somebody else did."""
    left = write.left.get(f"{write.resource.kind}/{write.name}", "")
    difference = changed_since(left, facts.target) if write.undoes and left else ""
    if not difference:
        return None
    return Verdict(
        "changed-since",
        f"{difference}; taking the act back would undo that too",
        "Ask whoever changed it; then do what is still needed as an act of its own: a revision with runbook "
        "roll-back, replicas with scale-workload, an HPA's bounds with set-hpa-bounds.",
    )


def known_aftermath(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """What the act left is known at all."""
    if not write.undoes or write.left.get(f"{write.resource.kind}/{write.name}"):
        return None
    return Verdict(
        "aftermath-unknown",
        "what the act left behind was not seen, so nobody can tell whether somebody else changed it since",
        'Compare it with the record of the act; when it is as it should be: --break-glass "REASON".',
        overridable=True,
    )


def permission(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """RBAC allows it."""
    if facts.allowed:
        return None
    if facts.allowed is None:
        return Verdict(
            "permission",
            f"the API server could not be asked whether {facts.username or 'you'} may {facts.permission}: "
            f"{facts.permission_reason}",
            "Restore the connection and try again.",
        )
    because = f" ({facts.permission_reason})" if facts.permission_reason else ""
    return Verdict(
        "permission",
        f"{facts.username or 'this identity'} may not {facts.permission}{because}",
        "Ask for the operator role of docs/rbac/, or for a colleague who has it.",
    )


def confirmation(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """The target's short name was typed where the policy asks for it, and never another name."""
    if standing.carried:
        return None
    wanted = write.confirm_as or write.short
    if standing.policy.confirm != CONFIRM_TYPED and not write.limits.typed:
        if write.typed in {"y", "yes", wanted}:
            return None
        return Verdict("confirmation", "it was not confirmed", f"Confirm with --confirm {wanted}.")
    if write.typed == wanted:
        return None
    said = f"{write.typed!r} was typed" if write.typed else "nothing was typed"
    return Verdict(
        "confirmation",
        f"{said}, and the target is {wanted} ({write.name})",
        f"Type {wanted} to confirm, on the command line --confirm {wanted}.",
    )


def reason(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """A reason is given where the policy asks for one."""
    if standing.carried or not standing.policy.reason_required or write.reason.strip():
        return None
    return Verdict(
        "reason",
        f"environment {standing.environment} asks for a reason with every write",
        'Say why, on the command line --reason "…".',
        overridable=True,
    )


def ticket(write: Write, facts: Facts, standing: Standing) -> Verdict | None:
    """A change carries a ticket where the policy asks for one; a mitigation may name it afterwards."""
    if not standing.policy.ticket_required or write.ticket.strip() or write.effect != CHANGE:
        return None
    if standing.carried:
        return None
    return Verdict(
        "ticket",
        f"environment {standing.environment} asks for a ticket with every change",
        "Name one, on the command line --ticket ID.",
        overridable=True,
    )


# what no reason sets aside, judged before anyone has confirmed and again just before the write
PREVIEW_RULES: tuple[Rule, ...] = (
    read_only,
    cluster_identity,
    target_exists,
    target_as_previewed,
    as_the_act_left_it,
    permission,
)
# the environment's policies, as far as they need nothing of the person
POLICY_RULES: tuple[Rule, ...] = (
    known_aftermath,
    policies.freeze,
    policies.change_window,
    policies.staging_first,
    policies.approvals,
    policies.objects_at_once,
    policies.acts_per_hour,
)
# what only the confirmation brings
CONFIRMED_RULES: tuple[Rule, ...] = (confirmation, reason, ticket, policies.contacts)
ALL_RULES = (*PREVIEW_RULES, *POLICY_RULES, *CONFIRMED_RULES)

"""KEDA's objects and the proposals for one as lines."""

from __future__ import annotations

from posdeck.operations.proposal import ProposalView, costs
from posdeck.operations.scaled_objects import ScaledObject, Scalers, ScalerState
from posdeck.operations.spans import span
from posdeck.ui.plain import plain, wrap
from posdeck.ui.plotting import beside, plot_lines
from posdeck.ui.rows.cells import Line
from posdeck.ui.tones import Tone

_STATES = {
    ScalerState.ACTIVE: ("●", Tone.GOOD),
    ScalerState.IDLE: ("○", Tone.NORMAL),
    ScalerState.PAUSED: ("‖", Tone.WARN),
    ScalerState.FALLBACK: ("▲", Tone.WARN),
    ScalerState.FAILING: ("✖", Tone.BAD),
    ScalerState.UNKNOWN: ("?", Tone.DIM),
}
_WIDE = 130


def scaler_lines(scaled: ScaledObject, cells: int) -> list[Line]:
    """One ScaledObject: its state in a word, its triggers, its bounds, and what fails."""
    mark, tone = _STATES[scaled.state]
    paused = f" at {plain(scaled.paused_at)} replicas" if scaled.paused_at else ""
    lines: list[Line] = [
        (
            (f"{mark} {scaled.state.value}{paused}", tone),
            (f"  {scaled.minimum}–{scaled.maximum} replicas, cooldown {scaled.cooldown} s", Tone.NORMAL),
        )
    ]
    owns = f"scaledobject/{plain(scaled.name)} owns hpa/{plain(scaled.hpa)}"
    lines += [((f"  {text}", Tone.STRONG),) for text in wrap(owns, cells - 2)]
    if scaled.reason:
        lines += [((f"  {text}", Tone.DIM),) for text in wrap(plain(scaled.reason, 400), cells - 2)]
    for trigger in scaled.triggers:
        secret = f", read with {plain(trigger.authentication)}" if trigger.authentication else ""
        value = f"{plain(trigger.value)} for each replica{secret}"
        lines.append(((f"  trigger {plain(trigger.type)} {plain(trigger.about)}: {value}", Tone.NORMAL),))
    lines += [((f"  ✖ cannot be read: {plain(name)}", Tone.BAD),) for name in scaled.failing]
    if scaled.fallback_replicas is not None:
        lines.append(((f"  without its trigger it runs {scaled.fallback_replicas} replicas", Tone.DIM),))
    return lines


def scaler_word(scaled: ScaledObject) -> tuple[str, Tone]:
    """One ScaledObject in a few words, for a card."""
    mark, tone = _STATES[scaled.state]
    about = ", ".join(f"{t.type} {t.about}".strip() for t in scaled.triggers)
    return f"{mark} KEDA {scaled.state.value} · {plain(about)}", tone


def keda_line(scalers: Scalers) -> Line:
    """Whether KEDA is there."""
    if scalers.installed:
        count = len(scalers.objects)
        return (
            (
                f"KEDA is installed · {count} ScaledObject{'' if count == 1 else 's'} in this namespace",
                Tone.DIM,
            ),
        )
    return ((plain(scalers.reason, 300), Tone.WARN if scalers.installed is False else Tone.DIM),)


def proposal_lines(view: ProposalView, cells: int, height: int) -> list[Line]:
    """The page of one proposal."""
    lines: list[Line] = []
    if view.blocked:
        lines += [((text, Tone.WARN),) for text in wrap(plain(view.blocked, 600), cells)]
        lines.append(())
    if view.policy is None or view.would is None or view.as_fixed is None:
        return [*lines, ((f"No proposal: {plain(view.reason, 400)}", Tone.DIM),)]
    policy = view.policy
    said = (
        f"rabbitmq {plain(view.queue)}, value {policy.threshold}, {policy.minimum}–{policy.maximum} replicas"
    )
    lines.append((("Proposed: ", Tone.HEADING), (f"{said}, cooldown {span(policy.cooldown)}", Tone.STRONG)))
    for reason in view.why:
        lines += [((f"  {text}", Tone.DIM),) for text in wrap(plain(reason), cells - 2)]
    would, fixed = costs(view)
    share = f" ({(would - fixed) / fixed:+.0%})" if fixed else ""
    lines.append(
        (
            ("Cost      ", Tone.HEADING),
            (f"{would:,.1f} replica-hours{share}", Tone.STRONG),
            (f", fixed {view.fixed}: {fixed:,.1f}, over {span(view.would.played)}", Tone.NORMAL),
            (f"; {view.would.changes} changes", Tone.DIM),
        )
    )
    lines.append(
        (
            ("Longest wait ", Tone.HEADING),
            (f"{span(view.would.longest_wait)}", Tone.STRONG),
            (f", fixed {view.fixed}: {span(view.as_fixed.longest_wait)}", Tone.NORMAL),
            (f"; peak {view.would.peak:,.0f} messages instead of {view.as_fixed.peak:,.0f}", Tone.NORMAL),
        )
    )
    lines.append(())
    if cells >= _WIDE:
        half, room = (cells - 2) // 2, max(8, height - len(lines))
        return [*lines, *beside([plot_lines(p, view.start, view.end, half, room) for p in view.plots], half)]
    for plot in view.plots:
        lines += [*plot_lines(plot, view.start, view.end, cells, 9), ()]
    return lines

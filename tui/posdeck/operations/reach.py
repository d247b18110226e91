"""How far an act reaches: how many objects a playbook touches at a time, and how far a scaling may go and still be a
mitigation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from posdeck.catalogue.model import Catalogue


def at_once(playbook: Path, objects: int) -> int:
    """The most of ``objects`` that a play of this playbook works on at a time (its ``serial``; else all). What
    cannot be read counts as all."""
    try:
        plays = yaml.safe_load(playbook.read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return objects
    if not isinstance(plays, list) or not plays:
        return objects
    return max(_batch(play.get("serial") if isinstance(play, dict) else None, objects) for play in plays)


def _batch(serial: Any, objects: int) -> int:
    """Ansible's ``serial``: a number, a percentage, or a list of them, of which the last one repeats."""
    if isinstance(serial, list):
        return max((_batch(each, objects) for each in serial), default=objects)
    text = str(serial)
    if text.isdigit() and int(text) > 0:
        return min(int(text), objects)
    if text.endswith("%") and text[:-1].isdigit():
        return min(max(1, objects * int(text[:-1]) // 100), objects)
    return objects


def bounds_of(catalogue: Catalogue, short: str) -> tuple[int, int] | None:
    """The fewest and most replicas within which scaling is a mitigation; None for what the catalogue lacks."""
    workload = catalogue.workloads.get(short)
    return (workload.minimum, workload.maximum) if workload is not None else None

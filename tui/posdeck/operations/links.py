"""Links out of an object to where more is known of it (dashboards, traces, the broker's own pages), from the templates
of the inventory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Template
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from posdeck.catalogue.model import Workload

_SOUND = re.compile(r"https?://[^\s\x00-\x1f\x7f\"'<>\\]+")


@dataclass(frozen=True, slots=True)
class Link:
    """A title and an address; ``problem`` is why there is none."""

    title: str
    url: str = ""
    problem: str = ""


def links_of(workload: Workload, pod: str = "") -> tuple[Link, ...]:
    """The links of a workload, with its names put in as parts of an address; ``pod`` is for the templates that name
    one."""
    known = {"deployment": workload.deployment, "name": workload.name, "namespace": workload.namespace}
    known |= {key: value for key, value in (("queue", workload.queue or ""), ("pod", pod)) if value}
    return tuple(_link(title, template, known) for title, template in workload.links.items())


def _link(title: str, template: str, known: dict[str, str]) -> Link:
    missing = [name for name in Template(template).get_identifiers() if name not in known]
    if missing:
        return Link(title, problem=f"${missing[0]} is not known of this object")
    url = Template(template).safe_substitute({key: quote(value, safe="") for key, value in known.items()})
    if not _SOUND.fullmatch(url):
        return Link(title, problem=f"{url!r:.80} is no address: it has to begin with https:// or http://")
    return Link(title, url)

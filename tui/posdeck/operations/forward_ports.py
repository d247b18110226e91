"""Which ports of the namespace can be forwarded, and which pod's port stands behind one: pure, from a snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posdeck.errors import NotFoundError, UnknownNameError

if TYPE_CHECKING:
    from posdeck.catalogue.model import Workload
    from posdeck.cluster.snapshot import Pod, Service, ServicePort, Snapshot

_SPEC = re.compile(r"(?:(?P<local>\d{1,5}):)?(?P<remote>\d{1,5})")
_LOWEST = 1024  # below it only root may listen


@dataclass(frozen=True, slots=True)
class ForwardChoice:
    """One port to be forwarded. ``resource`` (pod, deployment, service) and ``name`` as kubectl takes them;
    ``remote`` is the port as asked there (a service's own port for a service); ``local`` 0 means any free one,
    and ``exact`` that no other local port will do."""

    resource: str
    name: str
    remote: int
    local: int = 0
    label: str = ""
    exact: bool = False

    @property
    def target(self) -> str:
        """``service/x:80``."""
        return f"{self.resource}/{self.name}:{self.remote}"


def local_for(port: int) -> int:
    """The local port proposed for ``port``: the same, or 8000 above it where only root may listen (80 → 8080)."""
    return port if port >= _LOWEST else port + 8000


def parse_ports(resource: str, name: str, text: str) -> ForwardChoice:
    """``8080:80`` or ``80`` for an object. Raises UnknownNameError for anything else."""
    found = _SPEC.fullmatch(text.strip())
    remote = int(found["remote"]) if found else 0
    local = int(found["local"]) if found and found["local"] else local_for(remote)
    if found is None or not 1 <= remote <= 65535 or not 1 <= local <= 65535:
        raise UnknownNameError(f"port {text.strip()!r}", "is not one", "Write LOCAL:REMOTE, such as 8080:80.")
    return ForwardChoice(resource, name, remote, local, exact=bool(found["local"]))


def choices_for(
    snapshot: Snapshot, resource: str, name: str, workload: Workload | None = None
) -> tuple[ForwardChoice, ...]:
    """The known ports of a pod, a service or a deployment: those that services give it, those that the catalogue
    knows, else those that its containers declare."""
    if resource == "service":
        service = snapshot.services.get(name)
        return tuple(_service_choice(name, p) for p in (service.ports if service else ()) if _tcp(p))
    pods = pods_of(snapshot, resource, name)
    found: list[ForwardChoice] = []
    taken: set[int] = set()
    for service in _services_of(snapshot, pods):
        for port in filter(_tcp, service.ports):
            target = int(port.target) if port.target.isdigit() else 0 if port.target else port.port
            taken |= {port.port, target}
            if resource == "deployment":
                found.append(_service_choice(service.name, port))
            elif target:
                found.append(ForwardChoice(resource, name, target, local_for(target), port.name))
    for label, number in (workload.ports if workload else {}).items():
        if number not in taken:
            taken.add(number)
            found.append(ForwardChoice(resource, name, number, local_for(number), label))
    if not found:
        declared = dict.fromkeys(n for pod in pods[:1] for c in pod.containers for n in c.ports)
        found = [ForwardChoice(resource, name, n, local_for(n)) for n in declared]
    return tuple(found)


def choice_of(
    snapshot: Snapshot, resource: str, name: str, ports: str, workload: Workload | None = None
) -> ForwardChoice:
    """The port that a person asked for by number. A port of a deployment's service means that service's, since
    nothing need listen on that number in the pod (80 of the API is 8080 there). Raises UnknownNameError."""
    asked = parse_ports(resource, name, ports)
    for known in choices_for(snapshot, resource, name, workload):
        if known.remote == asked.remote:
            return replace(known, local=asked.local, exact=asked.exact)
    return asked


def pods_of(snapshot: Snapshot, resource: str, name: str) -> list[Pod]:
    """The pods behind an object, those that are ready first, then those that run."""
    found: Iterable[Pod] = ()
    if resource == "pod":
        found = [snapshot.pods[name]] if name in snapshot.pods else []
    elif resource == "service":
        service = snapshot.services.get(name)
        found = _selected(snapshot, service) if service else []
    else:
        deployment = snapshot.deployments.get(name)
        if deployment is not None:
            sets = {
                rs.uid for rs in snapshot.replica_sets.values() if rs.owner and rs.owner.uid == deployment.uid
            }
            wanted = deployment.selector.items()
            found = [
                p
                for p in snapshot.pods.values()
                if (p.owner is not None and p.owner.uid in sets)
                or (not sets and wanted and all(p.labels.get(k) == v for k, v in wanted))
            ]
    return sorted(found, key=lambda p: (not p.is_ready, p.phase != "Running", p.name))


def pod_for(snapshot: Snapshot, choice: ForwardChoice) -> Pod:
    """The pod that a forward goes to. Raises NotFoundError when none runs."""
    for pod in pods_of(snapshot, choice.resource, choice.name):
        if pod.phase == "Running" and pod.deleted_at is None:
            return pod
    raise NotFoundError(
        choice.target,
        "no pod of it is running",
        "Look at its pods and events; a forward needs a running pod.",
    )


def service_port(snapshot: Snapshot, choice: ForwardChoice) -> str:
    """The target port (a number or a container port's name) of a service's port. Raises NotFoundError."""
    service = snapshot.services.get(choice.name)
    for port in service.ports if service else ():
        if port.port == choice.remote:
            return port.target or str(port.port)
    known = ", ".join(str(p.port) for p in service.ports) if service else ""
    raise NotFoundError(
        choice.target, "the service has no such port", f"It has: {known}." if known else "See :services."
    )


def _service_choice(name: str, port: ServicePort) -> ForwardChoice:
    return ForwardChoice("service", name, port.port, local_for(port.port), port.name)


def _tcp(port: ServicePort) -> bool:
    return port.protocol in {"TCP", ""}


def _selected(snapshot: Snapshot, service: Service) -> list[Pod]:
    wanted = service.selector.items()
    return [p for p in snapshot.pods.values() if wanted and all(p.labels.get(k) == v for k, v in wanted)]


def _services_of(snapshot: Snapshot, pods: list[Pod]) -> list[Service]:
    names = {pod.name for pod in pods}
    services = sorted(snapshot.services.values(), key=lambda s: s.name)
    return [s for s in services if any(p.name in names for p in _selected(snapshot, s))]

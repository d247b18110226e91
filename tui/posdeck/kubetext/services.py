"""CLUSTER-IP, EXTERNAL-IP and PORT(S) of a service, and the addresses behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posdeck.kubetext.fields import at, integer, items, mapping, optional_integer, text, texts
from posdeck.kubetext.labels import NONE, format_labels

_LISTED = 3

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ServiceText:
    """kubectl's cells of a service, apart from its age."""

    type: str
    cluster_ip: str
    external_ip: str
    ports: str
    selector: str


def service_text(service: Object) -> ServiceText:
    """All cells of a service (``printService``). Never raises on odd objects."""
    spec = mapping(service.get("spec"))
    addresses = texts(spec.get("clusterIPs")) or texts([spec.get("clusterIP")])
    return ServiceText(
        type=text(spec.get("type")),
        cluster_ip=(addresses[0] if addresses else "") or NONE,
        external_ip=external_ip(service),
        ports=",".join(_port(port) for port in items(spec.get("ports"))) or NONE,
        selector=format_labels(spec.get("selector")),
    )


def external_ip(service: Object) -> str:
    """The EXTERNAL-IP cell, unabridged."""
    spec = mapping(service.get("spec"))
    kind, external = text(spec.get("type")), texts(spec.get("externalIPs"))
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(external) or NONE
    if kind == "LoadBalancer":
        ingress = items(at(service, "status", "loadBalancer", "ingress"))
        balancers = sorted({text(i.get("ip")) or text(i.get("hostname")) for i in ingress} - {""})
        return ",".join([*balancers, *external]) or "<pending>"
    return text(spec.get("externalName")) if kind == "ExternalName" else "<unknown>"


def _port(port: Object) -> str:
    node_port = integer(port.get("nodePort"))
    via = f":{node_port}" if node_port > 0 else ""
    return f"{integer(port.get('port'))}{via}/{text(port.get('protocol'))}"


def endpoints_text(endpoints: Object) -> str:
    """The ENDPOINTS cell of an Endpoints object: at most three addresses, the rest counted."""
    subsets = items(endpoints.get("subsets"))
    if not subsets:
        return NONE
    found = []
    for subset in subsets:
        addresses = [text(a.get("ip")) for a in items(subset.get("addresses"))]
        ports = items(subset.get("ports"))
        if not ports:
            found += addresses
        for port in ports:
            found += [_host_port(address, integer(port.get("port"))) for address in addresses]
    return _abridged(found)


def slice_ports(endpoint_slice: Object) -> str:
    """The PORTS cell of an EndpointSlice."""
    found = []
    for port in items(endpoint_slice.get("ports")):
        number = optional_integer(port.get("port"))
        found.append(text(port.get("name"), "*") if number is None else str(number))
    return _abridged(found) or "<unset>"


def slice_endpoints(endpoint_slice: Object) -> str:
    """The ENDPOINTS cell of an EndpointSlice."""
    endpoints = items(endpoint_slice.get("endpoints"))
    return _abridged([address for e in endpoints for address in texts(e.get("addresses"))]) or "<unset>"


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host or "%" in host else f"{host}:{port}"


def _abridged(found: list[str]) -> str:
    shown = ",".join(found[:_LISTED])
    return f"{shown} + {len(found) - _LISTED} more..." if len(found) > _LISTED else shown

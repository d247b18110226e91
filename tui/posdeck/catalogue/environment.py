"""The variables of group all, as objects: the environment, its policy, and what surrounds the workloads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from posdeck.catalogue.fields import Fields
from posdeck.catalogue.model import (
    Contact,
    Environment,
    HpaFact,
    HpaMetric,
    ServiceFact,
    ServiceLevel,
    ServicePort,
    Telemetry,
)
from posdeck.catalogue.policy import (
    CONFIRM_TYPED,
    CONFIRM_YES,
    DAYS,
    BlastRadius,
    ChangeWindow,
    Freeze,
    Policy,
    StagingFirst,
)

# these belong to group all only: said of a part of the namespace they would be believed and not obeyed
SHARED_NAMES = (
    "posdeck_environment", "production", "title", "cluster", "policy", "kube_namespace", "namespace_facts",
    "name_prefix", "name_suffix", "group_facts", "services", "hpas", "external_systems", "flows", "workflows",
    "contacts", "telemetry", "service_levels",
)  # fmt: skip

POLICY_NAMES = (
    "read_only", "confirm", "reason_required", "ticket_required", "mitigation_grace_minutes", "staging_first",
    "approvals", "change_windows", "freezes", "blast_radius", "inform", "port_forward",
)  # fmt: skip

HIGHEST_PORT = 65535

_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\Z")
_DNS_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\Z")


def object_name(fields: Fields, name: str) -> str:
    """A Kubernetes object's name; raises ContentError."""
    found = fields.text(name)
    if not _DNS_NAME.match(found):
        raise fields.wrong(name, f"{name} is {found!r}, which Kubernetes does not accept as a name")
    return found


def read_environment(shared: Fields, contacts: Iterable[str]) -> Environment:
    """The environment itself; ``contacts`` are the ids that a policy may name."""
    name = shared.text("posdeck_environment")
    if name != shared.path.name:
        raise shared.wrong(
            "posdeck_environment", f"is {name!r}, in the folder {shared.path.name!r}", "Make them one."
        )
    namespace = shared.text("kube_namespace")
    if not _DNS_LABEL.match(namespace):
        raise shared.wrong("kube_namespace", f"{namespace!r} is no name for a namespace")
    cluster = shared.within("cluster").only(("accept", "context"))
    facts = shared.within("namespace_facts").only(("title", "purpose", "age_days", "compliance", "impact"))
    return Environment(
        name=name,
        title=shared.text("title", name.capitalize()),
        production=shared.flag("production"),
        namespace=namespace,
        accept=cluster.choice("accept", ("bound", "embedded"), "bound"),
        context=cluster.text("context", None),
        policy=read_policy(shared, contacts),
        telemetry=_telemetry(shared),
        namespace_title=facts.text("title", ""),
        namespace_purpose=facts.text("purpose", ""),
        namespace_age_days=facts.whole("age_days", None),
        compliance=facts.names("compliance"),
        impact=facts.text("impact", ""),
    )


def read_policy(shared: Fields, contacts: Iterable[str]) -> Policy:
    """The policy; one that is not given is the strictest."""
    fields = shared.within("policy").only(POLICY_NAMES)
    radius = fields.within("blast_radius").only(("objects_at_once", "per_hour"))
    inform = fields.names("inform")
    for contact in inform:
        if contact not in set(contacts):
            raise fields.wrong("inform", f"there is no contact {contact}", "Add it to contacts.")
    return Policy(
        read_only=fields.flag("read_only", False),
        port_forward=fields.flag("port_forward", True),
        confirm=fields.choice("confirm", (CONFIRM_TYPED, CONFIRM_YES), CONFIRM_TYPED),
        reason_required=fields.flag("reason_required", True),
        ticket_required=fields.flag("ticket_required", True),
        mitigation_grace_minutes=fields.whole("mitigation_grace_minutes", 60),
        staging_first=_staging_first(fields, shared),
        approvals=fields.whole("approvals", 0),
        change_windows=tuple(_window(row) for row in fields.rows("change_windows")),
        freezes=tuple(_freeze(row) for row in fields.rows("freezes")),
        blast_radius=BlastRadius(
            objects_at_once=radius.whole("objects_at_once", 1, least=1),
            per_hour=radius.whole("per_hour", None, least=1),
        ),
        inform=inform,
    )


def _staging_first(policy: Fields, shared: Fields) -> StagingFirst | None:
    fields = policy.within("staging_first").only(("required", "environment", "within_hours"))
    if not fields.flag("required", False):
        return None
    environment = fields.text("environment")
    if environment == shared.text("posdeck_environment") or not (shared.path.parent / environment).is_dir():
        raise fields.wrong("environment", f"{environment} is no other environment of this inventory")
    return StagingFirst(environment, fields.whole("within_hours", least=1))


def _window(row: Fields) -> ChangeWindow:
    from zoneinfo import ZoneInfo

    row.only(("days", "from", "to", "timezone"))
    days = row.names("days") or DAYS
    for day in days:
        if day not in DAYS:
            raise row.wrong("days", f"{day!r} is no day", f"The days are {', '.join(DAYS)}.")
    zone = row.text("timezone", "UTC")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise row.wrong(
            "timezone", f"there is no time zone {zone!r}", 'Write it as "Europe/Berlin".'
        ) from error
    return ChangeWindow(days, row.clock_time("from"), row.clock_time("to"), zone)


def _freeze(row: Fields) -> Freeze:
    row.only(("from", "to", "reason"))
    start, end = row.moment("from"), row.moment("to")
    if end <= start:
        raise row.wrong("to", "the freeze ends before it begins")
    return Freeze(start, end, row.text("reason"))


_SOURCE_NAMES = (
    "source", "reason", "via", "url", "service", "token_file", "ca_file", "username", "password_file",
    "certificate_file", "key_file", "server_name", "vhost", "scrape_seconds", "path",
)  # fmt: skip


def _telemetry(shared: Fields) -> Telemetry:
    fields = shared.within("telemetry").only((*_SOURCE_NAMES, "sources"))
    others = {name: _source(each.only(_SOURCE_NAMES)) for name, each in fields.each("sources")}
    return replace(_source(fields), sources=MappingProxyType(others))


def _source(fields: Fields) -> Telemetry:
    source = fields.choice(
        "source", ("none", "prometheus", "rabbitmq", "endpoint", "external-metrics"), "none"
    )
    via = fields.choice("via", ("direct", "service", "port-forward", "embedded"), "direct")
    telemetry = Telemetry(
        source=source,
        reason=fields.text("reason", "no source is configured in the inventory" if source == "none" else ""),
        via=via,
        url=fields.text("url", None),
        service=fields.text("service", None),
        token_file=fields.text("token_file", None),
        ca_file=fields.text("ca_file", None),
        username=fields.text("username", None),
        password_file=fields.text("password_file", None),
        certificate_file=fields.text("certificate_file", None),
        key_file=fields.text("key_file", None),
        server_name=fields.text("server_name", None),
        vhost=fields.text("vhost", "/"),
        scrape_seconds=fields.whole("scrape_seconds", 60, least=1, most=3600),
        path=fields.text("path", "/metrics"),
    )
    if not telemetry.path.startswith("/"):
        raise fields.wrong("path", f"path is {telemetry.path!r}, and begins with a slash")
    if source in ("prometheus", "rabbitmq", "endpoint"):
        needed = {"direct": "url", "service": "service", "port-forward": "service"}.get(via)
        if needed and getattr(telemetry, needed) is None:
            raise fields.wrong("via", f"via {via} needs {needed}")
        _check_access(fields, telemetry)
    return telemetry


def _check_access(fields: Fields, telemetry: Telemetry) -> None:
    """A credential must fit the way: the API server's proxy passes none on, and none goes out unencrypted."""
    url = telemetry.url or ""
    if url and not re.fullmatch(r"https?://[^/@?#]+(/[^@?#]*)?", url):
        remedy = 'It begins with "https://" and holds no password.'
        raise fields.wrong("url", "url is no address of a source", remedy)
    secret = telemetry.token_file or telemetry.password_file
    if secret and telemetry.via == "service":
        cause = "via service passes no credential on to the source"
        raise fields.wrong("via", cause, "Use via port-forward, or direct.")
    host = re.match(r"http://(\[[^]]*\]|[^/:]*)", url)
    if secret and telemetry.via == "direct" and host and host[1] not in ("127.0.0.1", "localhost", "[::1]"):
        raise fields.wrong("url", "a credential would go out unencrypted", 'Use "https://".')
    if telemetry.password_file and telemetry.username is None:
        raise fields.wrong("password_file", "password_file needs username")
    if telemetry.key_file and telemetry.certificate_file is None:
        raise fields.wrong("key_file", "key_file needs certificate_file")


def read_contacts(shared: Fields) -> dict[str, Contact]:
    """Contacts by id."""
    found = {}
    for key, fields in shared.each("contacts"):
        fields.only(("title", "concerns", "reach"))
        found[key] = Contact(
            key, fields.text("title"), fields.text("concerns", ""), fields.text("reach", None)
        )
    return found


def read_services(shared: Fields) -> dict[str, ServiceFact]:
    """Services by name."""
    found = {}
    for fields in shared.rows("services"):
        fields.only(("name", "purpose", "type", "cluster_ip", "ports"))
        ports = []
        for row in fields.rows("ports"):
            row.only(("port", "node_port", "name"))
            ports.append(
                ServicePort(
                    row.whole("port", least=1, most=HIGHEST_PORT),
                    row.whole("node_port", None, most=HIGHEST_PORT),
                    row.text("name", ""),
                )
            )
        name = object_name(fields, "name")
        found[name] = ServiceFact(
            name=name,
            type=fields.choice(
                "type", ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), "ClusterIP"
            ),
            ports=tuple(ports),
            purpose=fields.text("purpose", ""),
            cluster_ip=fields.text("cluster_ip", None),
        )
    return found


def read_hpas(shared: Fields, deployments: Iterable[str]) -> dict[str, HpaFact]:
    """HPAs by name; each must aim at one of ``deployments``."""
    found = {}
    known = set(deployments)
    for fields in shared.rows("hpas"):
        fields.only(("name", "target", "minimum", "maximum", "metrics"))
        target = fields.text("target")
        if target not in known:
            raise fields.wrong("target", f"no workload has the deployment {target}")
        minimum = fields.whole("minimum", 1)
        metrics = []
        for row in fields.rows("metrics"):
            row.only(("resource", "type", "target"))
            kind = row.choice("type", ("Utilization", "AverageValue"))
            aim = str(row.whole("target", least=1)) if kind == "Utilization" else row.text("target")
            metrics.append(HpaMetric(row.text("resource"), kind, aim))
        name = object_name(fields, "name")
        maximum = fields.whole("maximum", least=max(1, minimum))
        found[name] = HpaFact(name, target, minimum, maximum, tuple(metrics))
    return found


def read_service_levels(shared: Fields) -> dict[str, ServiceLevel]:
    """What the team watches, by id."""
    found = {}
    for fields in shared.rows("service_levels"):
        fields.only(("id", "title", "unit", "query", "objective", "at_least", "bad_ratio", "target"))
        key = fields.text("id")
        target = fields.number("target", None)
        if target is not None and not 0 < target < 1:
            raise fields.wrong("target", f"target is {target}, and must lie between 0 and 1, as 0.999")
        bad_ratio = fields.text("bad_ratio", None)
        if bad_ratio is not None and "$window" not in bad_ratio:
            raise fields.wrong(
                "bad_ratio", "bad_ratio does not name $window", "Write it as rate(x[$window])."
            )
        found[key] = ServiceLevel(
            key,
            fields.text("title"),
            fields.text("unit", ""),
            fields.text("query", None),
            fields.number("objective", None),
            fields.flag("at_least", False),
            bad_ratio,
            target,
        )
    return found

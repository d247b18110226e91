"""The shipped inventory says what the reference document's tables say, in every environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdeck.catalogue.model import Catalogue, Criticality, WorkloadState
from posdeck.catalogue.reading import read_catalogue

INVENTORY = Path(__file__).resolve().parents[2] / "inventory"
ENVIRONMENTS = ("production", "staging", "simulated")

# short name, full name, replicas: from the tables
TABLES = {
    "app": ("spc--pos--be--app--prod", 2),
    "nginx": ("sapoche-micro-pos--nginx--prod", 1),
    "consumer-auto-change-answer-na": ("spc--pos--be--consumer-auto-change-answer-na--prod", 1),
    "consumer-customer": ("spc--pos--be--consumer-customer--prod", 1),
    "consumer-default": ("spc--pos--be--consumer-default--prod", 1),
    "consumer-lis-patient": ("spc--pos--be--consumer-lis-patient--prod", 1),
    "consumer-order": ("spc--pos--be--consumer-order--prod", 1),
    "consumer-orders-bulk-upload": ("spc--pos--be--consumer-orders-bulk-upload--prod", 3),
    "consumer-orders-bulk-upload-svip1": ("spc--pos--be--consumer-orders-bulk-upload-svip1--prod", 1),
    "consumer-orders-bulk-upload-svip2": ("spc--pos--be--consumer-orders-bulk-upload-svip2--prod", 1),
    "consumer-orders-bulk-upload-vip1": ("spc--pos--be--consumer-orders-bulk-upload-vip1--prod", 1),
    "consumer-pos-order": ("spc--pos--be--consumer-pos-order--prod", 1),
    "consumer-rate-card-bulk-upload": ("spc--pos--be--consumer-rate-card-bulk-upload--prod", 1),
    "wrk--batch-publisher": ("spc--pos--be--wrk--batch-publisher--prod", 1),
    "wrk--read-hl7-sftp": ("spc--pos--be--wrk--read-hl7-sftp--prod", 0),
    "wrk--sync-patient": ("spc--pos--be--wrk--sync-patient--prod", 0),
    "cron": ("spc--pos--be--cron--prod", 1),
    "otel-collector": ("spc-pos-otel-collector", 1),
}


@pytest.fixture(params=ENVIRONMENTS)
def catalogue(request: pytest.FixtureRequest) -> Catalogue:
    return read_catalogue(INVENTORY / str(request.param))


def test_the_eighteen_deployments_make_nineteen_pods(catalogue: Catalogue) -> None:
    assert {w.name: (w.deployment, w.replicas) for w in catalogue.workloads.values()} == TABLES
    assert catalogue.expected_pods == 19


def test_the_categories_have_their_sizes(catalogue: Catalogue) -> None:
    sizes = {"main_api": 1, "frontend": 1, "consumers": 11, "workers": 3, "supporting_services": 2}
    assert {name: len(catalogue.workloads_in(name)) for name in sizes} == sizes
    assert {w.category for w in catalogue.workloads.values()} == set(sizes)
    listed = [w.name for s in catalogue.sections() for w in s.workloads]
    assert sorted(listed) == sorted(TABLES)


def test_groups_across_the_categories_agree_with_the_variables(catalogue: Catalogue) -> None:
    """A group is for playbooks, a variable for the interface; they must never say two things."""
    everything = catalogue.workloads.values()

    def members(group: str) -> set[str]:
        return set(catalogue.group(group).members)

    assert members("critical") == {w.name for w in everything if w.criticality is Criticality.CRITICAL}
    assert members("asleep") == {w.name for w in everything if w.state is WorkloadState.ASLEEP}
    assert members("legacy") == {w.name for w in everything if w.state is WorkloadState.LEGACY} == {"nginx"}
    assert members("vip_tiers") == {w.name for w in everything if w.tier != "standard"}
    assert members("single_points_of_failure") == {w.name for w in everything if w.single_point_of_failure}
    assert len([w for w in everything if w.state is WorkloadState.ACTIVE]) == 15


def test_ages_are_the_deployments_ages(catalogue: Catalogue) -> None:
    assert catalogue.environment.namespace_age_days == 682
    ages = {w.name: w.deployment_age_days for w in catalogue.workloads.values() if w.deployment_age_days}
    assert ages == {"wrk--read-hl7-sftp": 315, "wrk--sync-patient": 106}


def test_the_recommended_two_replicas(catalogue: Catalogue) -> None:
    raised = {w.name for w in catalogue.workloads.values() if w.recommended_replicas == 2}
    assert raised == {"consumer-order", "consumer-pos-order", "consumer-customer", "otel-collector"}


def test_services_and_hpa(catalogue: Catalogue) -> None:
    services = {
        s.name: (s.type, s.cluster_ip, [(p.port, p.node_port) for p in s.ports])
        for s in catalogue.services.values()
    }
    assert services == {
        "spc--pos--be--app--prod": ("NodePort", "10.8.21.22", [(80, 32095)]),
        "sapoche-micro-pos--nginx--prod": ("NodePort", "10.8.23.0", [(80, 30059)]),
        "spc-pos-otel-collector": ("ClusterIP", "10.8.18.192", [(4317, None), (4318, None)]),
    }
    (hpa,) = catalogue.hpas.values()
    assert (hpa.name, hpa.target, hpa.minimum, hpa.maximum) == ("spc--pos--be--app--prod",) * 2 + (2, 15)
    assert [(m.resource, m.target) for m in hpa.metrics] == [("cpu", "85"), ("memory", "160Mi")]
    app = catalogue.workload("app")
    assert (app.minimum, app.maximum) == (hpa.minimum, hpa.maximum)


def test_every_external_system_has_someone_who_depends_on_it(catalogue: Catalogue) -> None:
    assert set(catalogue.systems) == {
        "gateway", "database", "queue", "lis", "customer_management", "payments", "bulk_files", "hl7_sftp",
        "tracing_backend",
    }  # fmt: skip
    assert all(system.dependants for system in catalogue.systems.values())
    assert set(catalogue.systems["queue"].dependants) >= set(catalogue.group("consumers").members)
    assert catalogue.systems["hl7_sftp"].dependants == ("wrk--read-hl7-sftp", "wrk--sync-patient")
    assert catalogue.systems["customer_management"].dependants == ("consumer-customer",)


def test_production_is_the_strictest() -> None:
    policies = {name: read_catalogue(INVENTORY / name).environment for name in ENVIRONMENTS}
    production = policies["production"]
    assert production.production
    assert production.accept == "bound"
    assert production.policy.confirm == "typed"
    assert production.policy.reason_required
    assert production.policy.ticket_required
    assert production.policy.inform == ("finance", "operations")
    assert production.policy.staging_first is not None
    assert production.policy.staging_first.environment == "staging"
    assert production.policy.blast_radius.objects_at_once == 1
    assert not policies["staging"].production
    assert policies["simulated"].accept == "embedded"


def test_only_the_simulated_environment_has_queues_and_sizes() -> None:
    """The reference names neither; a guess in production would be a wrong number."""
    for name in ("production", "staging"):
        catalogue = read_catalogue(INVENTORY / name)
        assert catalogue.environment.telemetry.source == "none"
        assert not catalogue.simulated
        assert all(
            w.queue is None and not w.simulated and not w.queries for w in catalogue.workloads.values()
        )
    simulated = read_catalogue(INVENTORY / "simulated")
    consumers = simulated.workloads_in("consumers")
    assert len({w.queue for w in consumers}) == 11
    order = simulated.workload("consumer-order")
    assert order.query("waiting") == 'rabbitmq_queue_messages_ready{queue="pos.order"}'
    assert simulated.workload("app").query("waiting") is None
    app = simulated.workload("app").simulated
    used = app["cpu_idle"] + app["cpu_per_unit"] * app["requests_per_second"] / 2
    assert round(used / 0.250 * 100) == 37


def test_what_environments_share_is_the_same_text() -> None:
    """Three copies of one fact would drift apart; the same bytes cannot."""
    for shared in ("hosts.yml", "group_vars/all/namespace.yml"):
        texts = {(INVENTORY / name / shared).read_bytes() for name in ENVIRONMENTS}
        assert len(texts) == 1, shared

"""The seed of the tests: the 18 deployments, three services and the HPA of the namespace that posdeck knows."""

from __future__ import annotations

from datetime import timedelta

from posdeck.simulator.seed import (
    ContainerSeed,
    DeploymentSeed,
    HpaSeed,
    PortSeed,
    QueueSeed,
    Role,
    Seed,
    ServicePortSeed,
    ServiceSeed,
)

NAMESPACE = "spc--pos"
APP = "spc--pos--be--app--prod"
NGINX = "sapoche-micro-pos--nginx--prod"
COLLECTOR = "spc-pos-otel-collector"


def full(name: str) -> str:
    """The full name of a backend deployment."""
    return f"spc--pos--be--{name}--prod"


ORDER = full("consumer-order")
BULK = full("consumer-orders-bulk-upload")


def _container(
    name: str, image: str, port: int = 0, cpu: str = "100m", memory: str = "128Mi"
) -> ContainerSeed:
    return ContainerSeed(
        name,
        f"registry.example/pos/{image}",
        ports=(PortSeed(port),) if port else (),
        cpu_request=cpu,
        cpu_limit="1",
        memory_request=memory,
        memory_limit="512Mi",
        probe_path="/healthz" if port == 8080 else "",
    )


_CONSUMERS = (  # name, arrivals a second, service rate of a replica, flavour of the log, replicas
    ("auto-change-answer-na", 1.2, 6.0, "consumer", 1),
    ("customer", 2.0, 8.0, "customer", 1),
    ("default", 1.0, 8.0, "consumer", 1),
    ("lis-patient", 2.5, 7.0, "patient", 1),
    ("order", 4.0, 9.0, "order", 1),
    ("orders-bulk-upload", 21.0, 9.0, "bulk", 3),
    ("orders-bulk-upload-svip1", 1.5, 6.0, "bulk", 1),
    ("orders-bulk-upload-svip2", 1.0, 6.0, "bulk", 1),
    ("orders-bulk-upload-vip1", 2.0, 6.0, "bulk", 1),
    ("pos-order", 3.0, 7.0, "order", 1),
    ("rate-card-bulk-upload", 0.6, 3.0, "rate-card", 1),
)


def consumer(name: str, arrivals: float, rate: float, flavour: str, replicas: int) -> DeploymentSeed:
    """One consumer with a queue of its own."""
    return DeploymentSeed(
        full(f"consumer-{name}"),
        (_container("app", "consumer:1.42.3"),),
        replicas=replicas,
        role=Role.CONSUMER,
        queue=QueueSeed(f"pos.{name}", arrivals, rate),
        log_flavour=flavour,
    )


def other(name: str, role: Role, replicas: int = 1, days: int = 200) -> DeploymentSeed:
    """A worker or the cron."""
    return DeploymentSeed(
        full(name),
        (_container("app", "worker:1.42.3"),),
        replicas=replicas,
        role=role,
        age=timedelta(days=days),
    )


def pos_seed() -> Seed:
    """The whole namespace."""
    app = DeploymentSeed(
        APP,
        (_container("app", "app:1.42.3", 8080, "250m", "256Mi"),),
        replicas=2,
        role=Role.API,
        cpu_idle=0.0125,
        cpu_per_unit=0.004,
        memory=103 << 20,
        log_rate=2.0,
        startup_seconds=6.0,
    )
    nginx = DeploymentSeed(
        NGINX, (_container("nginx", "nginx:1.25.3", 8080),), role=Role.PROXY, memory=21 << 20
    )
    collector = DeploymentSeed(
        COLLECTOR,
        (_container("collector", "otel-collector:0.96.0", 4317),),
        role=Role.COLLECTOR,
        memory=74 << 20,
    )
    return Seed(
        NAMESPACE,
        namespace_age=timedelta(days=682),
        deployments=(
            app,
            nginx,
            *(consumer(*row) for row in _CONSUMERS),
            other("wrk--batch-publisher", Role.PUBLISHER),
            other("wrk--read-hl7-sftp", Role.WORKER, 0, 315),
            other("wrk--sync-patient", Role.WORKER, 0, 106),
            other("cron", Role.CRON),
            collector,
        ),
        services=(
            ServiceSeed(
                APP, APP, (ServicePortSeed(80, target=8080, node_port=32095),), "NodePort", "10.8.21.22"
            ),
            ServiceSeed(
                NGINX, NGINX, (ServicePortSeed(80, target=8080, node_port=30059),), "NodePort", "10.8.23.0"
            ),
            ServiceSeed(
                COLLECTOR,
                COLLECTOR,
                (ServicePortSeed(4317, "otlp-grpc"), ServicePortSeed(4318, "otlp-http")),
                "ClusterIP",
                "10.8.18.192",
            ),
        ),
        hpas=(HpaSeed(APP, APP, 2, 15, cpu_utilization=85, memory_average="160Mi"),),
    )

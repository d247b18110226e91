"""A mistake in an inventory is told with its file and line, and never read as something else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posdeck.catalogue.located import Encrypted, parse_yaml
from posdeck.catalogue.reading import read_catalogue
from posdeck.errors import ContentError

Writer = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[2]

HOSTS = """\
all:
  children:
    consumers:
      hosts:
        consumer-order:
          deployment: shop--consumer-order
          purpose: Orders
          replicas: 1
          maximum: 3
        consumer-refund:
          deployment: shop--consumer-refund
          purpose: Refunds
          replicas: 0
          state: asleep
"""
SHARED = """\
posdeck_environment: test
production: false
kube_namespace: shop
name_prefix: shop--
group_facts:
  consumers: {title: Consumers, order: 1}
"""


def test_a_small_inventory_is_enough(write_inventory: Writer) -> None:
    """What is not said is the strictest, or absent."""
    catalogue = read_catalogue(write_inventory())
    order = catalogue.workload("consumer-order")
    assert (order.minimum, order.maximum, order.tier, order.queue) == (1, 3, "standard", None)
    policy = catalogue.environment.policy
    assert (policy.confirm, policy.reason_required, policy.ticket_required) == ("typed", True, True)
    assert catalogue.environment.accept == "bound"
    assert catalogue.environment.telemetry.source == "none"


HOST_MISTAKES = [
    ("deployment: shop--consumer-order\n", "deployment: [a]\n", 6, "a list, and must be text"),
    ("          deployment: shop--consumer-order\n", "", 5, "deployment is missing"),
    ("deployment: shop--consumer-order\n", "deployment: Shop_Order\n", 6, "Kubernetes does not accept"),
    ("deployment: shop--consumer-order\n", 'deployment: "{{ x }}"\n', 6, "is a template"),
    ("purpose: Orders", 'purpose: ""', 7, "purpose is empty"),
    ("purpose: Orders", "purpose: 5", 7, "must be text"),
    ("replicas: 1", 'replicas: "1"', 8, "must be a whole number"),
    ("replicas: 1", "replicas: true", 8, "must be a whole number"),
    ("replicas: 1", "replicas: -1", 8, "must be at least 0"),
    ("replicas: 1", "replicas: 4", 8, "outside its minimum 1 and maximum 3"),
    ("replicas: 1", "replicas: 1.5", 8, "must be a whole number"),
    ("maximum: 3", "maximun: 3", 9, "Did you mean maximum"),
    ("maximum: 3", "maximum: 3\n          maximum: 5", 10, "given twice (first in line 9)"),
    ("maximum: 3", "criticality: dire", 9, "must be one of critical, high, normal, low"),
    ("maximum: 3", "depends_on: [queue]", 9, "queue, which is not among external_systems"),
    ("maximum: 3", "depends_on: queue", 9, "must be a list"),
    ("maximum: 3", "service: shop", 9, "not among services"),
    ("maximum: 3", "hpa: shop", 9, "not among hpas"),
    ("maximum: 3", "sends_traces_to: shop", 9, "not among the hosts"),
    ("maximum: 3", "ports: {http: 70000}", 9, "must be at most 65535"),
    ("maximum: 3", "policy: {read_only: false}", 9, "belongs to group all only"),
    ("maximum: 3", "queries: {waiting: 3}", 9, "must be text"),
    ("state: asleep", "state: sleeping", 14, "must be one of active, asleep, legacy"),
    ("replicas: 0", "replicas: 2", 13, "is asleep and yet expects 2"),
    ("shop--consumer-refund", "shop--consumer-order", 11, "is the deployment of consumer-order already"),
    ("shop--consumer-refund", "consumer-order", 11, "is the short name of another"),
    ("consumer-refund:", "consumer-[1:3]:", 10, "no exact host name"),
    ("consumer-refund:", "consumers:", 10, "names a host and a group"),
    ("    consumers:\n", "    consumers:\n      host: {}\n", 4, "'host' is not part of a group"),
    ("    consumers:\n", "    con sumers:\n", 3, "no name for a group"),
    ("    consumers:\n", "    consumers:\n      vars: {cluster: {}}\n", 4, "belongs to group all only"),
    ("    consumers:\n", "    consumers:\n      vars: {bad-name: 1}\n", 4, "no name for a variable"),
    ("    consumers:\n", "    consumers:\n      children: {all: }\n", 1, "its own ancestor"),
    ("    consumers:\n", "    consumers:\n      children: {consumers: }\n", 3, "its own ancestor"),
    ("      hosts:\n", "      hosts: [\n", 6, "not valid YAML"),
    ("all:\n", "plugin: constructed\nall:\n", 1, "inventory plugin"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), HOST_MISTAKES)
def test_a_mistake_in_the_hosts(write_inventory: Writer, old: str, new: str, line: int, says: str) -> None:
    assert old in HOSTS
    folder = write_inventory(HOSTS.replace(old, new, 1))
    with pytest.raises(ContentError) as told:
        read_catalogue(folder)
    assert says in str(told.value)
    assert (told.value.path.name, told.value.line) == ("hosts.yml", line)


SHARED_MISTAKES = [
    ("posdeck_environment: other", 7, "in the folder 'test'"),
    ("production: yes", 7, "write true or false"),
    ("kube_namespace: Shop", 7, "no name for a namespace"),
    ("policy: {confirm: no}", 7, "write true or false"),
    ("policy: {confirm: maybe}", 7, "must be one of typed, yes"),
    ("policy: {confrim: typed}", 7, "Did you mean confirm"),
    ("policy: {inform: [finance]}", 7, "no contact finance"),
    ("policy: {approvals: -1}", 7, "must be at least 0"),
    ("policy: {blast_radius: {objects_at_once: 0}}", 7, "must be at least 1"),
    (
        "policy: {staging_first: {required: true, environment: nowhere, within_hours: 3}}",
        7,
        "no other environment",
    ),
    (
        "policy: {staging_first: {required: true, environment: test, within_hours: 3}}",
        7,
        "no other environment",
    ),
    ("policy:\n  freezes:\n    - {from: 2026-12-20, to: x, reason: y}", 9, "different readers of YAML"),
    (
        'policy:\n  freezes:\n    - {from: "2026-12-20", to: "2026-12-27", reason: y}',
        9,
        "moment with its zone",
    ),
    (
        'policy:\n  freezes:\n    - {from: "2026-12-20T00:00Z", to: "2026-12-19T00:00Z", reason: y}',
        9,
        "ends before it begins",
    ),
    ("policy:\n  change_windows:\n    - {from: 10:00, to: 12:00}", 9, "different readers of YAML"),
    ('policy:\n  change_windows:\n    - {from: "10", to: "12:00"}', 9, "must be a time"),
    (
        'policy:\n  change_windows:\n    - {from: "10:00", to: "12:00", timezone: Mars/Base}',
        9,
        "no time zone",
    ),
    ('policy:\n  change_windows:\n    - {days: [monday], from: "10:00", to: "12:00"}', 9, "is no day"),
    ("cluster: {accept: any}", 7, "must be one of bound, embedded"),
    ("telemetry: {source: prometheus}", 7, "via direct needs url"),
    ("telemetry: {source: prometheus, via: service}", 7, "via service needs service"),
    ("services:\n  - {name: s, type: NodePorts, ports: []}", 8, "must be one of ClusterIP"),
    ("services:\n  - {name: s, ports: [{port: 0}]}", 8, "must be at least 1"),
    ("hpas:\n  - {name: h, target: nothing, maximum: 3}", 8, "no workload has the deployment"),
    ("hpas:\n  - {name: h, target: shop--consumer-order, minimum: 5, maximum: 3}", 8, "must be at least 5"),
    ("flows:\n  a: {title: A, stages: [{workload: nobody}]}", 8, "there is no workload nobody"),
    ("flows:\n  a: {title: A, stages: [{workload: consumer-order, group: consumers}]}", 8, "names one thing"),
    ("workflows:\n  - {title: A, workloads: [nobody]}", 8, "there is no workload nobody"),
    ("polcy: {read_only: true}", 7, "Did you mean policy"),
    ("number: 010", 7, "different readers of YAML"),
    ("when: 2026-01-01", 7, "different readers of YAML"),
    ("big: 1_000", 7, "different readers of YAML"),
    ("ratio: .inf", 7, "different readers of YAML"),
    ("on: 1", 7, "is not text"),
    ("1: 1", 7, "is not text"),
    ("x: !!python/object/apply:os.system [id]", 7, "is not read here"),
    ("x: &a [*a]", 7, "contains itself"),
    ("x: *nowhere", 7, "undefined alias"),
    ("x: \t- 1", 7, "not valid YAML"),
]


@pytest.mark.parametrize(("extra", "line", "says"), SHARED_MISTAKES)
def test_a_mistake_in_what_is_shared(write_inventory: Writer, extra: str, line: int, says: str) -> None:
    name = extra.split(":", maxsplit=1)[0]
    kept = [one for one in SHARED.splitlines() if not one.startswith(f"{name}:")]
    text = "\n".join([*kept, extra]) + "\n"
    with pytest.raises(ContentError) as told:
        read_catalogue(write_inventory(shared=text))
    assert says in str(told.value)
    removed = len(SHARED.splitlines()) - len(kept)
    assert (told.value.path.name, told.value.line) == ("all.yml", line - removed)


@pytest.mark.parametrize("missing", ["posdeck_environment", "production", "kube_namespace", "group_facts"])
def test_what_every_environment_must_say(write_inventory: Writer, missing: str) -> None:
    kept = [
        one
        for one in SHARED.splitlines()
        if not one.startswith((missing, "  " if missing == "group_facts" else "?"))
    ]
    with pytest.raises(ContentError, match=missing):
        read_catalogue(write_inventory(shared="\n".join(kept) + "\n"))


def test_a_file_for_nobody_is_a_misspelt_name(write_inventory: Writer) -> None:
    """Ansible passes over it in silence."""
    with pytest.raises(ContentError, match="there is no group consumer"):
        read_catalogue(write_inventory(group_vars__consumer="x: 1\n"))
    (write_inventory() / "group_vars/consumer.yml").unlink()
    with pytest.raises(ContentError, match="there is no host consumer-ordr"):
        read_catalogue(write_inventory(**{"host_vars__consumer-ordr": "x: 1\n"}))


def test_a_policy_for_a_part_of_the_namespace_is_refused(write_inventory: Writer) -> None:
    """It would be believed and not obeyed."""
    for place in ("group_vars__consumers", "host_vars__consumer-order"):
        folder = write_inventory(**{place: "policy: {read_only: true}\n"})
        with pytest.raises(ContentError, match="policy belongs to group all only"):
            read_catalogue(folder)
        (folder / f"{place.replace('__', '/')}.yml").unlink()


def test_two_sections_or_none_are_refused(write_inventory: Writer) -> None:
    second = "    others:\n      hosts: {consumer-order: }\n"
    facts = SHARED + "  others: {title: Others, order: 2}\n"
    with pytest.raises(ContentError, match="is in two sections"):
        read_catalogue(write_inventory(HOSTS + second, facts))
    with pytest.raises(ContentError, match="in no group that group_facts gives an order"):
        read_catalogue(write_inventory(shared=SHARED.replace(", order: 1", "")))


def test_other_forms_of_inventory_are_refused_by_name(write_inventory: Writer) -> None:
    folder = write_inventory()
    (folder / "extra.ini").write_text("[consumers]\nconsumer-x\n")
    with pytest.raises(ContentError, match="not YAML"):
        read_catalogue(folder)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="no such inventory folder"):
        read_catalogue(tmp_path / "nowhere")
    with pytest.raises(ContentError, match="holds no inventory file"):
        read_catalogue(tmp_path)


def test_not_utf8_names_the_line(write_inventory: Writer) -> None:
    folder = write_inventory()
    (folder / "group_vars/all.yml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ContentError, match="not UTF-8") as told:
        read_catalogue(folder)
    assert told.value.line == 2


def test_secrets_of_other_playbooks_are_left_closed(write_inventory: Writer) -> None:
    """A vault beside the catalogue does no harm; a vault where posdeck must read is told."""
    sealed = "$ANSIBLE_VAULT;1.1;AES256\n6162\n"
    folder = write_inventory(
        group_vars__consumers=sealed, **{"host_vars__consumer-order": "token: !vault |\n  6162\n"}
    )
    token = read_catalogue(folder).workload("consumer-order").variables["token"]
    assert isinstance(token, Encrypted)
    folder = write_inventory(**{"host_vars__consumer-order": "purpose: !vault |\n  6162\n"})
    with pytest.raises(ContentError, match="purpose is encrypted"):
        read_catalogue(folder)


def test_aliases_do_not_unfold(tmp_path: Path) -> None:
    """A billion laughs stay as many objects as lines."""
    text = "a0: &a0 [lol, lol]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    found = parse_yaml(text, tmp_path)
    assert found["a59"][0] is found["a59"][1] is found["a58"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_reads_or_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    try:
        parse_yaml(text, tmp_path / "any.yml")
    except ContentError as told:
        refusal = told
    else:
        return
    assert refusal.path.name == "any.yml"
    assert refusal.cause


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copied") / "simulated"
    shutil.copytree(ROOT / "inventory/simulated", folder)
    return folder


@settings(deadline=None)
@given(position=st.integers(0, 100_000), junk=st.text(st.characters(codec="utf-8"), max_size=3))
def test_a_damaged_inventory_is_read_or_refused(copied: Path, position: int, junk: str) -> None:
    files = sorted(copied.rglob("*.yml"))
    file = files[position % len(files)]
    original = file.read_text()
    cut = position % len(original)
    file.write_text(original[:cut] + junk + original[cut + 1 :])
    try:
        read_catalogue(copied)
    except ContentError as told:
        refusal: ContentError | None = told
    else:
        refusal = None
    finally:
        file.write_text(original)
    assert refusal is None or str(refusal.path).startswith(str(copied))


def test_reading_needs_nothing_heavy() -> None:
    """The catalogue is read before the first frame."""
    code = (
        "import sys, pathlib; from posdeck.catalogue.reading import read_catalogue;"
        f"read_catalogue(pathlib.Path({str(ROOT / 'inventory/production')!r}));"
        "heavy = ('ansible', 'pydantic', 'kubernetes', 'textual', 'aiohttp', 'asyncio');"
        "print(','.join(m for m in heavy if m in sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "tui"
    )
    assert found.stdout.strip() == ""

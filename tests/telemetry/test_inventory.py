"""What the inventory may say of sources: a credential fits its way, and every example of the document is sound."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.errors import ContentError
from posdeck.operations.numbers import queue_sources

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "telemetry.md").read_text()


def read_with(folder: Path, telemetry: str, chosen: str = "") -> Catalogue:
    """The production inventory with another telemetry file, and a queue for one consumer that reads the source
    ``chosen``."""
    shutil.copytree(ROOT / "inventory", folder / "inventory")
    copy = folder / "inventory" / "production"
    (copy / "group_vars" / "all" / "telemetry.yml").write_text(telemetry)
    (copy / "host_vars").mkdir(exist_ok=True)
    (copy / "host_vars" / "consumer-order.yml").write_text(
        "queue: pos.order\n" + (f"telemetry_source: {chosen}\n" if chosen else "")
    )
    return read_catalogue(copy)


@pytest.mark.parametrize(
    ("telemetry", "cause"),
    [
        ("{source: rabbitmq}", "via direct needs url"),
        ("{source: prometheus, url: 'https://user:secret@p.example'}", "holds no password"),
        ("{source: prometheus, url: p.example}", "url is"),
        ("{source: prometheus, url: 'http://p.example', token_file: t}", "unencrypted"),
        ("{source: prometheus, via: service, service: 'p:9090', token_file: t}", "passes no credential"),
        ("{source: rabbitmq, url: 'https://b', password_file: t}", "needs username"),
        ("{source: prometheus, url: 'https://p', key_file: t}", "needs certificate_file"),
        ("{source: graphite}", "must be one of"),
        ("{sources: {a: {source: rabbitmq}}}", "via direct needs url"),
    ],
)
def test_a_source_that_cannot_work_is_refused_with_its_line(
    tmp_path: Path, telemetry: str, cause: str
) -> None:
    with pytest.raises(ContentError, match=cause) as problem:
        read_with(tmp_path, f"telemetry: {telemetry}\n")
    assert problem.value.line == 1


def test_a_service_levels_window_and_target_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="window"):
        read_with(tmp_path, "service_levels: [{id: a, title: A, bad_ratio: rate(x), target: 0.9}]\n")
    with pytest.raises(ContentError, match="target is 99"):
        read_with(tmp_path / "b", "service_levels: [{id: a, title: A, target: 99}]\n")


def test_a_workload_chooses_among_several_sources(tmp_path: Path) -> None:
    catalogue = read_with(
        tmp_path,
        "telemetry: {source: none, sources: {broker: {source: rabbitmq, url: 'https://b:15671', vhost: pos}}}\n"
        "queries: {dead_letters: $queue.dead, waiting: 'not for the broker'}\n",
        chosen="broker",
    )
    broker = catalogue.environment.telemetry.sources["broker"]
    (source,) = queue_sources(catalogue, "broker", broker)
    assert (source.name, source.queue) == ("consumer-order", "pos.order")
    assert source.queries["dead_letters"] == "$queue.dead"
    assert source.queries["waiting"] == "$queue"
    assert queue_sources(catalogue, "", catalogue.environment.telemetry) == []


def test_a_source_that_is_not_there_is_refused_and_never_read_as_none(tmp_path: Path) -> None:
    """A misspelt name would otherwise show "no source" where there is one."""
    sources = "telemetry: {source: none, sources: {broker: {source: rabbitmq, url: 'https://b:15671'}}}\n"
    with pytest.raises(ContentError, match="telemetry_source names brokr, which is not among") as problem:
        read_with(tmp_path, sources, chosen="brokr")
    assert problem.value.path.name == "consumer-order.yml"
    assert problem.value.line == 2
    assert "There are: broker." in str(problem.value)


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", DOCUMENT, flags=re.DOTALL))
def test_every_example_of_the_document_is_accepted(tmp_path: Path, example: str) -> None:
    assert yaml.safe_load(example)
    read_with(tmp_path, example)

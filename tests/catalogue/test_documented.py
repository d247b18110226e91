"""docs/catalogue.md is true: its example is read, and its tables name every variable there is."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from posdeck.catalogue.environment import POLICY_NAMES, SHARED_NAMES
from posdeck.catalogue.reading import WORKLOAD_NAMES, read_catalogue

TEXT = (Path(__file__).resolve().parents[2] / "docs/catalogue.md").read_text()
# explained in the text or by the shipped files rather than in a table
ELSEWHERE = {"title", "name_prefix", "name_suffix", "policy", "cluster"}


def test_the_example_for_another_team_works_as_written(tmp_path: Path) -> None:
    section = TEXT.split("## Another team's namespace")[1]
    blocks = re.findall(r"   ```yaml\n(.*?)   ```", section, flags=re.DOTALL)
    assert len(blocks) == 2
    folder = tmp_path / "production"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text(textwrap.dedent(blocks[0]))
    (folder / "group_vars/all.yml").write_text(textwrap.dedent(blocks[1]))
    catalogue = read_catalogue(folder)
    assert catalogue.workload("shop--consumer-order").name == "consumer-order"
    assert catalogue.environment.production


def test_every_variable_is_explained() -> None:
    rows = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `")]
    explained = {name.split(".")[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert {*WORKLOAD_NAMES, *SHARED_NAMES, *POLICY_NAMES} - ELSEWHERE <= explained


def test_the_policy_examples_are_read(tmp_path: Path) -> None:
    """The windows, freezes, staging rule and radius of the table, as they stand there."""
    cells = dict(re.findall(r"\| `(change_windows|freezes|staging_first|blast_radius)` \| `(.+?)`", TEXT))
    assert len(cells) == 4
    folder = tmp_path / "production"
    (folder / "group_vars").mkdir(parents=True)
    (tmp_path / "staging").mkdir()
    section = TEXT.split("## Another team's namespace")[1]
    hosts, shared = re.findall(r"   ```yaml\n(.*?)   ```", section, flags=re.DOTALL)
    policy = "policy:\n" + "".join(f"  {name}: {example}\n" for name, example in cells.items())
    (folder / "hosts.yml").write_text(textwrap.dedent(hosts))
    (folder / "group_vars/all.yml").write_text(textwrap.dedent(shared) + policy)
    found = read_catalogue(folder).environment.policy
    assert found.staging_first is not None
    assert found.staging_first.within_hours == 72
    assert [str(w) for w in found.change_windows] == ["tue/thu 10:00–16:00 Europe/Berlin"]
    assert [f.reason for f in found.freezes] == ["year's end"]
    assert found.blast_radius.per_hour == 10

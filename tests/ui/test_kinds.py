"""Every kind of the namespace: get all, any kind by its name, revisions beside each other, a pod described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fake_front import FULL, NOW, FakeFront, hash_of, table, view

from posdeck.operations.kinds import ServerTable
from posdeck.ui.rows.comparison import changed_count, comparison_lines, template_text
from posdeck.ui.rows.manifest import describe_lines
from posdeck.ui.rows.served import cell_order
from posdeck.ui.scene import Scene
from posdeck.ui.widgets.pager import text_of


async def test_get_all_lists_every_kind_under_its_heading(opened) -> None:
    async with opened(size=(140, 40)) as driver:
        await driver.press("colon", *"all", "enter")
        text = driver.text()
        for words in ("PODS  READY", "one-1", "1/1", "JOBS.BATCH  ", "tidy-2", "Failed"):
            assert words in text
        assert "1 kinds could not be read. cronjobs.batch in spc--pos: cannot list" in text


async def test_any_kind_by_its_name_with_the_servers_columns(opened) -> None:
    async with opened(size=(140, 40)) as driver:
        await driver.press("colon", *"jobs.batch", "enter")
        assert "COMPLETIONS" in driver.text()
        assert "tidy-1" in driver.line("Complete")
        await driver.press("slash", *"failed", "enter")
        assert "tidy-1" not in driver.text()
        await driver.press("escape")
        assert "tidy-1" in driver.text()
        await driver.press("down", "d")
        assert ("object", "jobs.batch", "tidy-2") in driver.front.asked or (
            "object", "jobs.batch", "tidy-1"
        ) in driver.front.asked  # fmt: skip
        await driver.press("escape")
        assert "COMPLETIONS" in driver.text()
        await driver.press("escape")
        assert driver.app.console_screen.current.view_name == "overview"


async def test_reading_again_keeps_the_selection_and_takes_other_columns(opened) -> None:
    async with opened(size=(140, 40)) as driver:
        await driver.press("colon", *"jobs.batch", "enter", "down")
        pane = driver.app.console_screen.current
        selected = pane.rows.list.selected
        driver.front.tables["jobs.batch"] = table(
            "jobs.batch", ("Name", "Status", "Completions", "Age"), ("tidy-1", "Complete", "1/1", "3h"),
            ("tidy-2", "Failed", "0/1", "95m"), ("tidy-3", "Running", "0/1", "1s"),
        )  # fmt: skip
        await driver.press("ctrl+r")
        assert "tidy-3" in driver.text()
        assert pane.rows.list.selected == selected
        driver.front.tables["leases"] = table("leases", ("Name", "Holder"), ("lock", "me"))
        await driver.press("colon", *"leases", "enter")
        assert "HOLDER" in driver.text()
        assert "COMPLETIONS" not in driver.text()
        driver.front.tables["empty"] = ServerTable("empty", driver.front.tables["leases"].columns)
        await driver.press("colon", *"empty", "enter")
        assert "There are no empty in this namespace" in driver.text()


async def test_a_name_that_is_neither_view_nor_kind_leaves_one_where_one_is(opened) -> None:
    async with opened(size=(140, 40)) as driver:
        await driver.press("colon", *"unicorns", "enter")
        assert "There is no view “unicorns”" in driver.text()
        assert driver.app.console_screen.current.view_name == "overview"


def test_numbers_and_ages_are_sorted_as_what_they_are() -> None:
    ages = ["2d", "90m", "3h", "10s", "1y"]
    assert sorted(ages, key=lambda a: cell_order(a, "AGE"), reverse=True) == ["10s", "90m", "3h", "2d", "1y"]
    assert sorted(["10", "9", "<none>"], key=lambda n: cell_order(n, "DATA")) == ["<none>", "9", "10"]


class WithTemplates(FakeFront):
    """Replica sets whose templates differ in their image."""

    async def object(self, kind: str, name: str) -> Mapping[str, Any]:
        image = "registry/pos:1.41" if name.endswith("-40") else "registry/pos:1.42"
        labels = {"app": "x", "pod-template-hash": name}
        spec = {"containers": [{"name": "main", "image": image}]}
        return {"kind": "ReplicaSet", "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}}}


async def test_a_revision_beside_the_current_one(opened) -> None:
    async with opened(WithTemplates(), size=(150, 40)) as driver:
        await driver.press("colon", *"revisions", "enter")
        table_shown = driver.app.console_screen.current.rows
        old = f"{FULL['consumer-order']}-{hash_of(FULL['consumer-order'])}-40"
        await driver.press("slash", *"consumer-order", "enter")
        for _ in table_shown.list.keys:
            if table_shown.list.selected != old:
                await driver.press("down")
        await driver.press("x")
        line = driver.line("1.41")
        assert "- " in line.partition("│")[2]
        assert "1.42" in line
        assert "1 line went, 1 came" in driver.text()
        assert "pod-template-hash" not in driver.text()


async def test_a_revision_without_another_has_nothing_beside_it(opened) -> None:
    async with opened(WithTemplates(), size=(150, 40)) as driver:
        await driver.press("colon", *"revisions", "enter", "slash", *"cron", "enter", "down", "x")
        assert "no other revision" in driver.text()


def test_a_comparison_in_a_narrow_window_is_one_column() -> None:
    old, new = ["a", "b", "c"], ["a", "B", "c", "d"]
    text = [text_of(line) for line in comparison_lines(old, new, ("old", "new"), 60)]
    assert text[:2] == ["- old", "+ new"]
    assert text[3:] == ["  a", "- b", "+ B", "  c", "+ d"]
    assert changed_count(old, new) == (1, 2)
    same = comparison_lines(old, old, ("old", "new"), 60)
    assert "the same" in text_of(same[0])
    assert template_text({}) == ["metadata:", "  labels: {}"]


def test_a_pod_described_says_how_its_containers_are_and_were() -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {
            "containers": [
                {"name": "main", "image": "i", "env": [
                    {"name": "LEVEL", "value": "info"},
                    {"name": "PW", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                ]},
            ],
            "volumes": [{"name": "conf", "configMap": {"name": "settings"}}],
        },
        "status": {
            "containerStatuses": [
                {
                    "name": "main", "ready": False, "restartCount": 4,
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                    "lastState": {"terminated": {
                        "exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-03-14T02:13:07Z"}},
                }
            ]
        },
    }  # fmt: skip
    text = "\n".join(text_of(line) for line in describe_lines(pod, Scene(view(), NOW)))
    for words in (
        "waiting, CrashLoopBackOff, back-off 40s", "OOMKilled, exit code 137", "60s ago", "NO, 4 restarts",
        "LEVEL=info", "PW=secretKeyRef(name=db key=password)", "conf = configMap(name=settings)",
    ):  # fmt: skip
        assert words in text

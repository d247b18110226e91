"""A name is exact or refused: nothing that could choose several things ever chooses one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.errors import UnknownNameError

CATALOGUE = read_catalogue(Path(__file__).resolve().parents[2] / "inventory/production")


@pytest.fixture
def catalogue() -> Catalogue:
    return CATALOGUE


def test_short_and_full_names_are_the_same_workload(catalogue: Catalogue) -> None:
    for workload in catalogue.workloads.values():
        assert catalogue.workload(workload.name) is workload
        assert catalogue.workload(workload.deployment) is workload
        assert catalogue.short_name(workload.deployment) == workload.name


@pytest.mark.parametrize(
    "name",
    ["consumer-*", "consumer-orde?", "consumer-[a-z]*", "app,nginx", "app:nginx", "all:!app", "&critical",
     "~app.*",
     "!app", "all", "*", "app nginx", " app", "app\n", "deployment/app", "{app}", "$app"],
)  # fmt: skip
def test_a_pattern_is_refused(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(UnknownNameError, match="not one exact name"):
        catalogue.workload(name)


@pytest.mark.parametrize("name", ["", " ", "\t"])
def test_no_name_is_refused(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(UnknownNameError, match="no name is given"):
        catalogue.workload(name)


def test_a_group_is_no_deployment_and_the_answer_lists_its_members(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownNameError, match="consumer-order, consumer-pos-order") as refused:
        catalogue.workload("order_consumers")
    assert "group of 2" in refused.value.cause


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("consumer-ordr", "consumer-order"),
        ("batch-publisher", "wrk--batch-publisher"),
        ("read-hl7-sftp", "wrk--read-hl7-sftp"),
        ("CRON", "cron"),
        ("deployment/app", "app"),
        ("spc--pos--be--consumer-costumer--prod", "consumer-customer"),
        ("bulk-upload-svip1", "consumer-orders-bulk-upload-svip1"),
    ],
)
def test_a_near_miss_names_what_was_meant_first(catalogue: Catalogue, typed: str, meant: str) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean") as refused:
        catalogue.workload(typed)
    assert refused.value.remedy.removeprefix("Did you mean ").startswith(meant)


def test_a_far_miss_lists_every_name(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownNameError) as refused:
        catalogue.workload("zzzzzzzz")
    assert all(name in refused.value.remedy for name in catalogue.workloads)


def test_a_label_is_not_accepted_as_a_name(catalogue: Catalogue) -> None:
    assert catalogue.workload("consumer-order").label == "order"
    with pytest.raises(UnknownNameError):
        catalogue.workload("order")


def test_a_stranger_is_shortened_unless_that_would_confuse(catalogue: Catalogue) -> None:
    assert catalogue.short_name("spc--pos--be--consumer-new--prod") == "consumer-new"
    assert (
        catalogue.short_name("spc--pos--be--nginx--prod") == "spc--pos--be--nginx--prod"
    )  # nginx is another
    assert catalogue.short_name("something-else") == "something-else"
    assert catalogue.short_name("spc--pos--be----prod") == "spc--pos--be----prod"


def test_an_unknown_group_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean consumers"):
        catalogue.group("consumer")


@given(st.text(max_size=40))
def test_any_other_text_is_refused_in_words(text: str) -> None:
    if text in CATALOGUE.workloads or text in CATALOGUE.by_deployment:
        return
    with pytest.raises(UnknownNameError) as refused:
        CATALOGUE.workload(text)
    assert refused.value.cause
    assert refused.value.remedy


def test_the_catalogue_cannot_be_changed(catalogue: Catalogue) -> None:
    workload = catalogue.workload("app")
    with pytest.raises(AttributeError):
        workload.replicas = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        workload.variables["replicas"] = 3  # type: ignore[index]
    assert len({w for w in catalogue.workloads.values()}) == 18  # noqa: C416 - that they can be hashed is the point

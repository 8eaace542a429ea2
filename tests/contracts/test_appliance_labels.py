"""The table of labels against what it must agree with."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import template_values

from gridflex.config import ROOT
from gridflex.contracts.appliances import (
    UNKNOWN,
    appliance_class,
    appliance_classes,
    appliance_labels,
    normalised,
    parse_labels,
)
from gridflex.contracts.profiles import load_profiles, sums_of_circuits
from gridflex.domain.duty_cycle import Profiles
from gridflex.errors import SchemaError
from ingestion.generator.layouts import CORRECT, LOADS, layouts

DATA = ROOT.parent / "shared" / "data"


def test_labels__every_class_has_a_profile() -> None:
    named = {row.appliance for row in load_profiles().rows}
    assert appliance_classes() - {UNKNOWN} - named == set()


@pytest.mark.parametrize(
    ("dataset", "label", "appliance"),
    [
        ("redd", "dishwaser", "dishwasher"),
        ("redd", "furance", "furnace"),
        ("redd", "miscellaeneous", "miscellaneous"),
        ("redd", "refrigerator", "fridge"),
        ("redd", "outlets_unknown", "outlets"),
        ("greend", "fride w/ freezer", "fridge"),
        ("greend", "ktichen lamp", "lighting"),
        ("greend", "LCD TV", "tv"),
        ("greend", "dryier", "dryer"),
        ("greend", "dishwaser", UNKNOWN),
    ],
)
def test_labels__typos_are_data(dataset: str, label: str, appliance: str) -> None:
    assert appliance_class(dataset, label) == appliance


@pytest.mark.parametrize(
    ("label", "appliance"),
    [
        ("aggregate", "mains"),
        ("Electricity meter", "mains"),
        ("kettle", "kettle"),
        ("Kettle/Toaster", "kettle"),
        ("Washing Machine (2)", "washing_machine"),
        ("washer/dryer", "washer_dryer"),
        ("tumble_dryer", "dryer"),
        ("Freezer (Utility Room)", "freezer"),
        ("Fridge(Garage)", "fridge"),
        ("TV Site(Bedroom)", "tv"),
        ("Guest room television 2", "tv"),
        ("Kitchen toaster", "toaster"),
        ("coffee_machine_1", "coffee_machine"),
    ],
)
def test_labels__of_other_public_sets_in_redds_layout_are_known(label: str, appliance: str) -> None:
    assert appliance_class("redd", label) == appliance


@pytest.mark.parametrize("label", ["fish tank heater", "vaccine freezer", "medical fridge", "kitchen", "", "(fridge)"])
def test_labels__that_say_something_else_are_not_guessed(label: str) -> None:
    """The class decides what may be switched off: only what is known not to matter is dropped from a label."""
    assert appliance_class("redd", label) == UNKNOWN


def test_labels__are_in_the_form_they_are_looked_up_in() -> None:
    assert all(label == normalised(label) for _, label in appliance_labels())


def test_labels__of_the_real_data_sets_are_all_known() -> None:
    if not DATA.is_dir():
        pytest.skip(f"no real data in {DATA}")
    redd = [
        line.split(" ", 1)[1]
        for file in DATA.glob("redd/low_freq/*/labels.dat")
        for line in file.read_text().splitlines()
        if line.strip()
    ]
    greend = [label for labels in json.loads((DATA / "greend/labels.json").read_text()).values() for label in labels]
    assert len(redd) > 100
    assert len(greend) > 70
    unknown = {label for label in redd if appliance_class("redd", label) == UNKNOWN}
    unknown |= {label for label in greend if appliance_class("greend", label) == UNKNOWN}
    assert unknown == set()


@pytest.mark.parametrize(
    "text", ["dataset,label\n", "dataset,label,appliance\nredd,a,b\nredd,A ,c\n"], ids=["columns", "twice"]
)
def test_labels__a_bad_table_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match=r"appliance_labels\.csv"):
        parse_labels(text)


@pytest.mark.parametrize("dataset", ["redd", "greend"])
def test_labels__of_the_generator_are_known_with_and_without_typos(dataset: str) -> None:
    for circuit in (circuit for house in layouts(dataset) for circuit in house):
        assert appliance_class(dataset, circuit.label) != UNKNOWN
        assert appliance_class(dataset, CORRECT.get(circuit.label, circuit.label)) == appliance_class(
            dataset, circuit.label
        )
        assert circuit.load.partition(" ")[0] in LOADS


def test_sums_of_circuits__are_the_same_for_superset_as_for_batch() -> None:
    assert template_values.sums_of_circuits() == sums_of_circuits()


def test_profiles__of_one_class_are_all_sums_of_circuits_or_none_is() -> None:
    rows = [*load_profiles().rows, replace(load_profiles().get("mains"), dataset="redd", aggregate=False)]
    with pytest.raises(ValueError, match="mains: aggregate must be the same in all rows"):
        Profiles.of(rows)

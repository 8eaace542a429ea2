from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.domain.enrolment import Enrolment, Participation, check_ids
from gridflex.domain.readings import HouseId

HOUSES = st.builds(
    HouseId,
    dataset=st.sampled_from(["redd", "lcl"]),
    house=st.sampled_from(["1", "2", "MAC0"]),
    shift=st.integers(0, 2),
)
INSTANTS = st.integers(0, 20)


@st.composite
def enrolments(draw: st.DrawFn) -> Enrolment:
    """About a few houses and appliances, so that one key is met again and again."""
    house, level = draw(HOUSES), draw(st.integers(0, 2))
    return Enrolment(
        house_id=house.of_all_shifts if level == 0 else str(house),
        appliance_id=str(house.series(draw(st.sampled_from("34")))) if level == 2 else "",
        enrolled=draw(st.booleans()),
        reachable=draw(st.booleans()),
        opted_out=draw(st.booleans()),
        until_ms=draw(INSTANTS),
    )


def of(*rows: Enrolment, initial: Participation | None = None) -> Participation:
    return (initial or Participation()).after((one.key, one) for one in rows)


@given(st.lists(enrolments()), st.lists(enrolments()))
def test_participation__is_that_of_the_last_enrolment_of_each_key(
    before: list[Enrolment], after: list[Enrolment]
) -> None:
    found = of(*after, initial=of(*before))
    assert found.rows == {one.key: one for one in before + after}
    gone = found.after((one.key, None) for one in after)
    assert gone.rows == {key: one for key, one in of(*before).rows.items() if key not in {row.key for row in after}}


@given(st.lists(enrolments()), HOUSES, INSTANTS)
def test_participation__asks_the_appliances_enrolment_before_its_houses(
    rows: list[Enrolment], house: HouseId, at_ms: int
) -> None:
    appliance = str(house.series("3"))
    for own in (Enrolment(appliance_id=appliance), Enrolment(appliance_id=appliance, reachable=False)):
        assert of(*rows, own).callable(str(house), appliance, at_ms=at_ms) is own.reachable


@given(st.lists(enrolments()), HOUSES, INSTANTS, INSTANTS)
def test_opt_out__counts_until_its_end_and_then_is_as_if_it_had_not_been(
    rows: list[Enrolment], house: HouseId, until_ms: int, at_ms: int
) -> None:
    appliance = str(house.series("3"))
    others = [one for one in rows if one.key != appliance]
    out = Enrolment(appliance_id=appliance, opted_out=True, until_ms=until_ms)
    found = of(*others, out).callable(str(house), appliance, at_ms=at_ms)
    over = until_ms != 0 and at_ms >= until_ms
    assert found is (over and of(*others).callable(str(house), appliance, at_ms=at_ms))


@given(st.lists(enrolments()), HOUSES, INSTANTS)
def test_participation__of_one_house_depends_on_its_own_enrolments_alone(
    rows: list[Enrolment], house: HouseId, at_ms: int
) -> None:
    appliance = str(house.series("3"))
    mine = [one for one in rows if one.key in {appliance, str(house), house.of_all_shifts}]
    found = of(*rows).callable(str(house), appliance, house.dataset, at_ms=at_ms)
    assert found is of(*mine).callable(str(house), appliance, house.dataset, at_ms=at_ms)


@given(st.lists(enrolments()), st.lists(enrolments()), HOUSES, INSTANTS)
def test_participation__asks_what_it_began_with_only_where_no_row_says_anything(
    first: list[Enrolment], rows: list[Enrolment], house: HouseId, at_ms: int
) -> None:
    began = Participation(initial=of(*first).rows)
    appliance = str(house.series("3"))
    names = (str(house), appliance)
    told = [one for one in of(*rows).about(*names) if not one.opted_out or not one.dispatchable_at(at_ms)]
    expected = of(*rows) if told else of(*first)
    assert of(*rows, initial=began).callable(*names, at_ms=at_ms) is expected.callable(*names, at_ms=at_ms)


@pytest.mark.parametrize(
    ("row", "house", "dataset", "callable_"),
    [
        ("lcl", "lcl-MAC000002", "lcl", True),  # a data set is no house
        ("lcl", "lcl-2", "lcl", True),
        ("lcl", "lcl-2-0", "lcl", True),
        ("lcl", "lcl-MAC000002", "", True),
        ("lcl", "lcl-2", "", True),
        ("lcl-MAC000002", "lcl-MAC000002", "lcl", False),
        ("lcl-MAC000002", "lcl-MAC000002-3", "lcl", False),
        ("lcl-MAC000002", "lcl-MAC0000021-3", "lcl", True),
        ("uk-dale", "uk-dale-2", "uk-dale", True),
        ("uk-dale-2", "uk-dale-2-0", "uk-dale", False),
        ("redd-1", "redd-1-north", "redd", True),
        ("redd-1-north", "redd-1-north-2", "redd", False),
        ("redd-5", "redd-5-0", "", False),
        ("redd-5", "redd-55-0", "", True),
    ],
)
def test_participation__matches_a_house_by_its_parts(row: str, house: str, dataset: str, callable_: bool) -> None:
    found = of(Enrolment(house_id=row, opted_out=True))
    assert found.callable(house, f"{house}-1", dataset, at_ms=0) is callable_


def test_participation__travels_to_other_processes() -> None:
    found = of(Enrolment(house_id="redd-1", opted_out=True), initial=Participation())
    assert copy.deepcopy(found) == found


@pytest.mark.parametrize(
    ("house", "appliance", "problem"),
    [
        ("", "", "found neither"),
        ("redd", "", "found the house 'redd'; allowed: DATASET-HOUSE"),
        ("redd-", "", "found the house"),
        ("-5", "", "found the house"),
        ("redd-5\n", "", "found the house"),
        ("redd-\udce9", "", "found the house"),
        ("redd-5," * 40, "", "found the house"),
        ("redd-5", "redd-5-0", "found the appliance 'redd-5-0'; allowed: DATASET-HOUSE-SHIFT-CHANNEL"),
        ("redd-5", "redd-55-0-3", "which is not of house 'redd-5'"),
        ("redd-5-1", "redd-5-0-3", "which is not of house 'redd-5-1'"),
    ],
)
def test_check_ids__says_what_is_allowed(house: str, appliance: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_ids(house, appliance)


@pytest.mark.parametrize("wrong", [{"until_ms": -1}, {"until_ms": 10**15}, {"event_time_ms": 2**62}, {"house_id": ""}])
def test_enrolment__that_cannot_be_is_refused(wrong: dict[str, int | str]) -> None:
    with pytest.raises(ValueError, match="allowed: "):
        replace(Enrolment(house_id="redd-5"), **wrong)  # type: ignore[arg-type]

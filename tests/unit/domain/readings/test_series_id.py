"""Ids of houses and series: what is put together comes apart again, and ids of other forms are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.domain.readings import HouseId, SeriesId

WORD = st.text(min_size=1, max_size=12)
"""Any text, hyphens and digits of any script included: a data set's name, or a house's."""
PLAIN = WORD.filter(lambda text: "-" not in text)
HOUSES = st.builds(HouseId, dataset=WORD, house=WORD, shift=st.integers(0, 10**18 - 1))


@given(HOUSES)
def test_house_id__is_parsed_into_what_it_was_made_of(house: HouseId) -> None:
    assert HouseId.parse(str(house), house.dataset) == house


@given(HOUSES, PLAIN)
def test_series_id__is_parsed_into_what_it_was_made_of(house: HouseId, channel: str) -> None:
    assert SeriesId.parse(str(house.series(channel)), house.dataset) == house.series(channel)


@given(PLAIN, WORD, st.integers(0, 9999))
def test_house_id__needs_no_data_set_if_its_name_has_no_hyphen(dataset: str, house: str, shift: int) -> None:
    made = HouseId(dataset=dataset, house=house, shift=shift)
    assert HouseId.parse(str(made)) == made


@given(st.text(alphabet="ab-01²٣", max_size=12), st.sampled_from(["", "a", "a-b", "-"]))
def test_parse__of_any_text_gives_an_id_of_the_same_house_or_nothing(text: str, dataset: str) -> None:
    found = HouseId.parse(text, dataset)
    if found is not None:
        shift = text.removeprefix(f"{found.of_all_shifts}-")
        assert (shift != text, int(shift)) == (True, found.shift)
        assert found.dataset == (dataset or text.partition("-")[0])


def test_ids__are_those_of_the_topics() -> None:
    house = HouseId(dataset="uk-dale", house="5-b", shift=12)
    assert (str(house), house.of_all_shifts, str(house.series("3"))) == (
        "uk-dale-5-b-12",
        "uk-dale-5-b",
        "uk-dale-5-b-12-3",
    )


@pytest.mark.parametrize("text", ["", "-", "--", "redd", "redd-5", "redd-5-", "redd-5-x", "-5-0", "redd--0", "redd-5-²",
                                  "redd-5-" + "9" * 5000])  # fmt: skip
def test_parse__of_another_form_gives_nothing(text: str) -> None:
    assert HouseId.parse(text) is None
    assert SeriesId.parse(text) is None


@pytest.mark.parametrize("parts", [{"dataset": ""}, {"house": ""}, {"shift": -1}])
def test_house_id__of_impossible_parts_is_refused(parts: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="allowed: a data set's name"):
        HouseId(**({"dataset": "redd", "house": "5", "shift": 0} | parts))


@pytest.mark.parametrize("channel", ["", "1-2"])
def test_series_id__of_an_impossible_channel_is_refused(channel: str) -> None:
    with pytest.raises(ValueError, match="without a hyphen"):
        HouseId(dataset="redd", house="5").series(channel)

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.domain.openadr import Place, place_of, target_of
from gridflex.errors import DispatchError, ForeignEventError

NAMES = st.text(st.sampled_from("aZ9-_ /|é€😀\x00f0"), min_size=1, max_size=8)
PLACES = st.builds(Place, NAMES, st.one_of(st.just(""), NAMES))


@given(PLACES)
def test_target__is_allowed_and_leads_back_to_its_place(place: Place) -> None:
    target = target_of(place)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", target)
    assert place_of(target) == place


@given(PLACES, PLACES)
def test_targets__of_two_places_differ(one: Place, other: Place) -> None:
    assert (target_of(one) == target_of(other)) == (one == other)


@given(st.text(st.sampled_from("regionfdSfax_-0"), max_size=30))
def test_name__that_no_place_has_is_refused(text: str) -> None:
    try:
        place = place_of(text)
    except ForeignEventError:
        return
    assert target_of(place) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "Sfax", "region__", "region__Sfax__F1", "feeder__Sfax", "feeder__Sfax__", "region__Sf_61-x", "region__a b",
        "region__Sfax\n", "region___fffffff-", "region___110000-", "zone__Sfax", "region___05f-",
    ],
)  # fmt: skip
def test_name__in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ForeignEventError, match="unknown target"):
        place_of(text)


def test_place__whose_name_is_too_long_is_refused() -> None:
    with pytest.raises(DispatchError, match="allowed: 1 to 128"):
        target_of(Place("x" * 200))

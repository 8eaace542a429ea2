"""What a VTN lists that cannot be read."""

from __future__ import annotations

import pytest

from gridflex.adapters.openadr import Event, Listing, OpenAdrError, Unreadable
from gridflex.adapters.openadr.listing import key_of, parsed, unreadable


def wrong(document: object) -> Unreadable:
    with pytest.raises(OpenAdrError) as problem:
        parsed(Event, document, "/events")
    return unreadable(document, problem.value)


def test_unreadable_object__is_told_with_its_id_its_name_and_the_reason() -> None:
    one = wrong({"id": "0193", "programID": "p", "eventName": "peak", "duration": "P1M"})
    assert (one.id, one.name) == ("0193", "peak")
    assert one.reason.startswith("/events: the VTN gave duration that cannot be read: Value error, found 'P1M'")


@pytest.mark.parametrize("document", [None, 7, "text", [], {}, {"id": 5}, {"id": "a b", "programID": "p"}])
def test_unreadable_object__without_an_id_has_none(document: object) -> None:
    one = wrong(document)
    assert (one.id, one.name, one.document) == ("", "", document)


def test_unreadable_objects__are_told_apart_on_the_next_page() -> None:
    assert key_of(wrong({"eventName": "a"})) == key_of(wrong({"eventName": "a"}))
    assert key_of(wrong({"eventName": "a"})) != key_of(wrong({"eventName": "b"}))


def test_reason__holds_nothing_that_a_terminal_obeys() -> None:
    one = wrong({"id": "0193", "programID": "p", "duration": "\x1b[2J\nforged=line" + "x" * 1000})
    assert one.reason.isprintable()
    assert len(one.reason) <= 300


def test_listing__of_which_all_are_wanted_is_refused_when_one_is_unreadable() -> None:
    good = Event(id="1", program_id="p")
    assert Listing([good], []).all() == [good]
    with pytest.raises(OpenAdrError, match=r"programID that cannot be read: Field required \(id 0193\)"):
        Listing([good], [wrong({"id": "0193"})]).all()

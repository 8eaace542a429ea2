from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.adapters.avro import decode, encode_dicts
from gridflex.contracts.schemas import flexibility_schema, parse_schema, reading_schema
from gridflex.domain.enrolment import Enrolment, Participation
from gridflex.errors import SchemaError
from stream_processing.transforms.enrolment import EnrolmentFilter

SCHEMA = flexibility_schema()
FIGURES = [field.name for field in SCHEMA.fields if field.avro_type == "double"]
Record = dict[str, Any]


def told(appliance_id: str, event_time_ms: int, dataset: str = "redd", fresh: int = 1) -> Record:
    names = {"region": "Le Kef", "feeder": "f-é-1", "appliance": "fridge"}
    house_id = appliance_id.rpartition("-")[0]
    figures = {name: 1.5 * fresh * (number + 1) for number, name in enumerate(FIGURES)}
    return {
        "event_time_ms": event_time_ms,
        "dataset": dataset,
        "house_id": house_id,
        "appliance_id": appliance_id,
        **names,
        "fresh": fresh,
        "callable": fresh,
        **figures,
    }


def filtered(records: list[Record], *enrolments: Enrolment) -> list[Record]:
    known = Participation().after((one.key, one) for one in enrolments)
    values = EnrolmentFilter(SCHEMA, lambda: known)(encode_dicts(SCHEMA, records))
    return [decode(value, {SCHEMA.schema_id: SCHEMA}) for value in values]


@given(
    st.lists(
        st.builds(
            told,
            st.sampled_from(["redd-1-0-3", "redd-1-1-3", "redd-12-0-3", "lcl-1-0-x", f"redd-{'é' * 90}-0-3"]),
            st.integers(-(2**60), 2**60),
            st.sampled_from(["redd", "lcl", "uk-dale"]),
            st.integers(0, 1),
        )
    )
)
def test_filter__leaves_nothing_to_be_shed_of_who_may_not_be_called_and_all_else_as_it_was(
    records: list[Record],
) -> None:
    out = Enrolment(house_id="redd-1", opted_out=True, until_ms=1_000)
    expected = [
        {**one, "callable": 0, **dict.fromkeys(FIGURES, 0.0)}
        if not Participation()
        .after([(out.key, out)])
        .callable(one["house_id"], one["appliance_id"], one["dataset"], at_ms=one["event_time_ms"])
        else one
        for one in records
    ]
    assert filtered(records, out) == expected
    assert filtered(records) == records


def test_filter__goes_by_the_enrolment_of_the_moment() -> None:
    known = Participation()
    apply = EnrolmentFilter(SCHEMA, lambda: known)
    values = encode_dicts(SCHEMA, [told("redd-1-0-3", 60_000)])
    out = Enrolment(house_id="redd-1-0", opted_out=True)
    assert apply(values) == values
    known = known.after([(out.key, out)])
    assert apply(values) != values
    known = known.after([(out.key, replace(out, opted_out=False))])
    assert apply(values) == values
    known = known.after([(out.key, None)])
    assert apply(values) == values


def test_filter__refuses_a_schema_whose_messages_end_otherwise() -> None:
    other = parse_schema(
        "flexibility", SCHEMA.text.replace('"rebound_60_wh", "type": "double"', '"x", "type": "string"')
    )
    for schema in (other, reading_schema()):
        with pytest.raises(SchemaError, match="expected the fields event_time_ms, "):
            EnrolmentFilter(schema, Participation)

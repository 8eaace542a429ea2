"""Records of the ledger as messages, and what an audit says of messages that do not agree with themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.kafka.ledger_messages import Line, folded, from_message, ledger_feed, to_message
from gridflex.contracts.schemas import written_schema
from gridflex.domain.curtailment import Action, Fault, Ledger, fold
from gridflex.errors import LedgerError
from tests.support.curtailment import AMIRA, CONTENT, HASH, LIFE, change, plan_content


def lines(changes: tuple[Any, ...] = LIFE) -> list[Line]:
    ledger, found = Ledger(), []
    for one in changes:
        ledger, record = ledger.append(one)
        found.append(from_message(*to_message(record, ledger.events[one.event_id])))
    return found


def test_message__reads_back_as_the_record_with_its_columns() -> None:
    drafted, proposed, approved = lines()[:3]
    assert approved.key == "event-1"
    assert approved.record.change() == LIFE[2]
    assert approved.columns == {
        "event_time_ms": LIFE[2].time_ms,
        "sequence": 2,
        "event_id": "event-1",
        "action": "approve",
        "state": "approved",
        "version": 1,
        "region": "Sfax",
        "actor": "bilel",
        "content_hash": HASH,
        "start_ms": CONTENT["start_ms"],
        "end_ms": CONTENT["end_ms"],
        "hash": approved.record.hash,
    }
    assert [one.columns["content_hash"] for one in (drafted, proposed)] == [HASH, HASH]
    ledger, finding = folded(lines())
    assert (ledger, finding) == (fold(line.record for line in lines()), None)


def test_columns__of_an_amendment_are_those_of_the_new_version() -> None:
    other = {**plan_content(90.0), "region": "Tunis"}
    amended = lines((*LIFE[:2], change(Action.AMEND, AMIRA, 0.2, content=other)))[-1]
    assert (amended.columns["version"], amended.columns["region"]) == (2, "Tunis")
    assert amended.columns["content_hash"] != HASH


@pytest.mark.parametrize(
    "name", ["key", "event_time_ms", "state", "version", "region", "actor", "content_hash", "hash"]
)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_folded__names_a_column_that_its_record_does_not_say(name: str, place: int) -> None:
    chain = lines()
    if name == "key":
        chain[place] = replace(chain[place], key="other")
    else:
        was = chain[place].columns[name]
        chain[place] = replace(chain[place], columns={**chain[place].columns, name: was + type(was)(1)})
    _, finding = folded(chain)
    assert finding is not None
    assert (finding.fault, finding.sequence) == (Fault.CHANGED, place)
    assert f"{name} " in finding.detail


def test_folded__takes_the_earliest_fault_whatever_its_kind() -> None:
    chain = lines()
    chain[1] = replace(chain[1], columns={**chain[1].columns, "region": "Tunis"})
    del chain[4]
    _, finding = folded(chain)
    assert finding is not None
    assert (finding.sequence, "Tunis" in finding.detail) == (1, True)


def spoilt(text: Callable[[str], str]) -> bytes:
    """The first message with another text in the place of its record."""
    ledger, record = Ledger().append(LIFE[0])
    whole = from_message(*to_message(record, ledger.events["event-1"]))
    values = {**whole.columns, "record": text(record.to_json().decode())}
    (value,) = encode_dicts(written_schema(ledger_feed()), [values])
    return value


BAD = {
    "nothing": (None, "unknown frame"),
    "garbage": (b"\x01garbage", "unknown frame"),
    "cut off": (spoilt(str)[:-20], "cannot"),
    "no JSON": (spoilt(lambda text: text[:-1]), "cannot be read"),
    "a list": (spoilt(lambda text: f"[{text}]"), "found list in the place of a ledger record"),
    "other fields": (spoilt(lambda text: '{"sequence":0}'), "found a ledger record with sequence; needed"),
    "white space": (spoilt(lambda text: text.replace(",", ", ", 1)), "not canonical"),
    "a field twice": (spoilt(lambda text: '{"why":"",' + text[1:]), "not canonical"),
    "not a number": (spoilt(lambda text: text.replace('"sequence":0', '"sequence":NaN')), "sequence=nan"),
    "without end": (spoilt(lambda text: '{"a":' * 100_000), "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_from_message__says_why_it_is_no_record(name: str) -> None:
    value, message = BAD[name]
    with pytest.raises(LedgerError, match=message):
        from_message(b"event-1", value)


def test_to_message__keeps_text_of_every_script() -> None:
    drafted = lines((replace(LIFE[0], reason="صفاقس \u2028 é \x00"),))[0]
    assert drafted.record.why == "صفاقس \u2028 é \x00"
    assert json.loads(drafted.record.to_json())["why"] == drafted.record.why

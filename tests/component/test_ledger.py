"""The ledger on a real Kafka: one fenced writer, all or nothing, and what an audit finds on copies of its topic."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gridflex.adapters.kafka.ledger import LedgerWriter, read_ledger
from gridflex.adapters.kafka.ledger_messages import audit_topic, from_message, to_message
from gridflex.cli import gridflex
from gridflex.config import ROOT, Kafka
from gridflex.domain.curtailment import Action, Change, Head, Ledger, Record, State, chained, newest_plans, verify
from gridflex.errors import LedgerError, LedgerFencedError, ServiceError, TransitionError, UsageError
from gridflex.operations.local.stack import Stack
from tests.support.curtailment import AMIRA, CONTENT, LIFE, change, plan_content
from tests.support.dying_ledger import command_messages
from tests.support.dying_producer import STEPS
from tests.support.stack import free_ports, halted, running_stack
from tests.support.topics import read_messages, read_records

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

Message = tuple[bytes, bytes]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A Kafka of this module's own."""
    with running_stack(tmp_path_factory.mktemp("ledger"), "kafka") as running:
        yield running


@pytest.fixture(scope="module")
def kafka(stack: Stack) -> Kafka:
    return stack.config.kafka


def drafted(event_id: str, content: dict[str, Any] | None = None) -> Change:
    return replace(LIFE[0], event_id=event_id, content=content or CONTENT)


def commands(kafka: Kafka, event_id: str) -> list[bytes]:
    """Values of the committed commands of one event."""
    found = read_messages(kafka.bootstrap_servers, "commands")
    return [message.value() or b"" for message in found if message.key() == event_id.encode()]


def records_of(kafka: Kafka, event_id: str) -> list[Record]:
    return [record for record in read_ledger(kafka) if record.what["event_id"] == event_id]


def test_append__is_read_back_with_its_columns_and_commands(kafka: Kafka) -> None:
    life = [replace(one, event_id="whole") for one in LIFE]
    with LedgerWriter(kafka) as writer:
        for one in life[:3]:
            (record,) = writer.append(one)
            assert writer.ledger.last == record
        sent = command_messages("whole", 3)
        writer.append(life[3:5], {"commands": sent})
        assert writer.ledger.events["whole"].state == State.ACTIVE
        known = writer.ledger
    with LedgerWriter(kafka) as again:
        assert again.ledger == known
        assert list(again.found) == read_ledger(kafka)
    assert verify(read_ledger(kafka)) is None
    assert [record.change() for record in records_of(kafka, "whole")] == life[:5]
    assert sorted(commands(kafka, "whole")) == [value for _, value in sent]
    rows = [row for row in read_records(kafka.bootstrap_servers, "curtailment") if row["event_id"] == "whole"]
    assert [row["state"] for row in rows] == ["draft", "proposed", "approved", "scheduled", "active"]


def test_append__that_is_not_allowed_writes_nothing(kafka: Kafka) -> None:
    with LedgerWriter(kafka) as writer:
        before, allowed = writer.ledger, drafted("refused")
        for refused in (
            [allowed, replace(LIFE[2], event_id="refused")],
            [],
            [drafted("refused", {**CONTENT, "note": float("nan")})],
            [replace(allowed, reason="\ud800")],
            [drafted("refused", {**CONTENT, "note": "x" * 16_000_000})],
        ):
            with pytest.raises(TransitionError):
                writer.append(refused, {"commands": command_messages("refused", 1)})
        assert writer.ledger == before
        assert len(read_ledger(kafka)) == before.next_sequence
        assert commands(kafka, "refused") == []
        writer.append(allowed)
    assert len(records_of(kafka, "refused")) == 1


def test_append__takes_a_plan_of_many_megabytes(kafka: Kafka) -> None:
    noise = os.urandom(6_000_000).hex()
    with LedgerWriter(kafka) as writer:
        writer.append(drafted("large", {**CONTENT, "basis": noise}))
    assert records_of(kafka, "large")[0].what["content"]["basis"] == noise


def test_amendment__keeps_every_version(kafka: Kafka) -> None:
    other = plan_content(90.0)
    with LedgerWriter(kafka) as writer:
        amended = replace(change(Action.AMEND, AMIRA, 0.1, content=other), event_id="amended")
        writer.append([drafted("amended"), amended])
    assert [record.what["content"] for record in records_of(kafka, "amended")] == [CONTENT, other]
    assert newest_plans(read_ledger(kafka))["amended"] == other


def test_second_writer__fences_the_first_of_which_nothing_arrives(kafka: Kafka) -> None:
    with LedgerWriter(kafka) as first, LedgerWriter(kafka) as second:
        with pytest.raises(LedgerFencedError, match="another writer of the ledger took over"):
            first.append(drafted("fenced"), {"commands": command_messages("fenced", 2)})
        with pytest.raises(ServiceError, match="open a new one and look again"):
            first.append(drafted("fenced"), {"commands": command_messages("fenced", 2)})
        second.append(drafted("second"), {"commands": command_messages("second", 2)})
    assert (records_of(kafka, "fenced"), commands(kafka, "fenced")) == ([], [])
    assert (len(records_of(kafka, "second")), len(commands(kafka, "second"))) == (1, 2)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("step", STEPS)
def test_kill__leaves_a_record_and_its_commands_once_or_not_at_all(kafka: Kafka, step: str) -> None:
    event_id = f"killed {step}"
    environ = os.environ | {"GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    command = [sys.executable, "-m", "tests.support.dying_ledger", step, event_id, "40"]
    died = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=90, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    with LedgerWriter(kafka) as writer:
        there = event_id in writer.ledger.events
        assert there == len(records_of(kafka, event_id))
        assert len(commands(kafka, event_id)) == 40 * there
        assert there or step != "after commit"
        assert not there or step in {"during commit", "after commit"}
        if not there:
            writer.append(drafted(event_id), {"commands": command_messages(event_id, 40)})
    assert len(records_of(kafka, event_id)) == 1
    assert sorted(commands(kafka, event_id)) == sorted(value for _, value in command_messages(event_id, 40))


def test_kafka_away__is_a_clear_error_and_a_new_writer_tells_what_happened(
    stack: Stack, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridflex.adapters.kafka.ledger.OUTAGE_S", 2.0)
    monkeypatch.setattr("gridflex.adapters.kafka.ledger.CALL_S", 1.0)
    sent = command_messages("away", 3)
    with LedgerWriter(kafka) as writer:
        with halted(stack, "kafka"), pytest.raises(ServiceError, match=r"did not answer ledger .*a new writer"):
            writer.append(drafted("away"), {"commands": sent})
        with pytest.raises(ServiceError, match="open a new one and look again"):
            writer.append(drafted("away"))
    with LedgerWriter(kafka) as again:
        there = "away" in again.ledger.events
        assert len(commands(kafka, "away")) == 3 * there
        if not there:
            again.append(drafted("away"), {"commands": sent})
    assert (len(records_of(kafka, "away")), len(commands(kafka, "away"))) == (1, 3)


def test_writer__is_not_opened_without_kafka(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridflex.adapters.kafka.ledger.OUTAGE_S", 1.0)
    monkeypatch.setattr("gridflex.adapters.kafka.ledger.CALL_S", 0.5)
    (port,) = free_ports(1)
    with pytest.raises(ServiceError, match="Kafka did not answer ledger"):
        LedgerWriter(kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{port}"}))


def test_writer__is_not_opened_while_somebody_elses_transaction_hides_the_end(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridflex.adapters.kafka.ledger._SETTLE_S", 0.5)
    other = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "other"})
    other.init_transactions(30)
    other.begin_transaction()
    other.produce("curtailment", key=b"x", value=b"x")
    assert other.flush(10) == 0
    with pytest.raises(ServiceError, match="a transaction that is not the ledger's own is open from offset"):
        LedgerWriter(kafka)
    other.abort_transaction(30)
    with LedgerWriter(kafka) as writer:
        writer.append(drafted("after other"))


@pytest.fixture(scope="module")
def chain() -> list[Message]:
    """The messages of one event's whole life."""
    ledger, messages = Ledger(), []
    for one in LIFE:
        ledger, record = ledger.append(one)
        messages.append(to_message(record, ledger.events["event-1"]))
    return messages


@pytest.fixture(scope="module")
def copy_of(kafka: Kafka) -> Callable[[Sequence[Message]], str]:
    """Makes a topic of these messages, written by hand; gives its name."""
    address = {"bootstrap.servers": kafka.bootstrap_servers}
    # A message that is sent again, as happens with a topic that was just made, must not come after the next one.
    admin, producer = AdminClient(address), Producer(address | {"enable.idempotence": True})
    names = (f"copy-{number}" for number in range(1_000))

    def made(messages: Sequence[Message], partitions: int = 1) -> str:
        name = next(names)
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
        for key, value in messages:
            producer.produce(name, key=key, value=value)
        assert producer.flush(30) == 0
        return name

    return made


def forged(message: Message, *, rehashed: bool) -> Message:
    """Says that somebody else did it, in the record and in the columns."""
    record = from_message(*message).record
    other = replace(record, who={**record.who, "name": "mallory"})
    if rehashed:
        other = replace(other, hash=other.computed_hash)
    ledger = Ledger()
    for one in LIFE[: record.sequence + 1]:
        ledger, _ = ledger.append(one)
    return to_message(other, ledger.events["event-1"])


LAST = len(LIFE) - 1
TAMPERED: dict[str, tuple[Callable[[list[Message], int], object], Callable[[int], int]]] = {
    "changed": (lambda m, at: m.__setitem__(at, forged(m[at], rehashed=False)), lambda at: at),
    "changed and hashed again": (lambda m, at: m.__setitem__(at, forged(m[at], rehashed=True)), lambda at: at),
    "dropped": (lambda m, at: m.pop(at), lambda at: at),
    "swapped": (lambda m, at: m.insert(at, m.pop(at + 1 if at < LAST else 0)), lambda at: at + 1 if at < LAST else 1),
    "added": (lambda m, at: m.insert(at + 1, m[at]), lambda at: at),
    "unreadable": (lambda m, at: m.insert(at, (b"event-1", b"\x00")), lambda at: at),
}
"""What is done by hand to the record at a place, and which record the audit names."""


@pytest.mark.parametrize("at", range(len(LIFE)))
@pytest.mark.parametrize("what", TAMPERED)
def test_audit__names_the_record_that_was_tampered_with(
    kafka: Kafka, chain: list[Message], copy_of: Callable[[Sequence[Message]], str], what: str, at: int
) -> None:
    tamper, named = TAMPERED[what]
    messages = list(chain)
    tamper(messages, at)
    kept = Head(records=len(chain), hash=from_message(*chain[-1]).record.hash)
    finding = audit_topic(kafka, copy_of(messages), kept).finding
    assert finding is not None
    assert finding.sequence == named(at), finding


def audit(kafka: Kafka, *words: str) -> Result:
    environ = {"GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    return CliRunner().invoke(gridflex, ["curtail", "audit", *words], env=environ)


def test_audit__prints_the_head_and_compares_it_with_one_kept_elsewhere(
    kafka: Kafka, chain: list[Message], copy_of: Callable[[Sequence[Message]], str]
) -> None:
    whole, shorter = copy_of(chain), copy_of(chain[:-1])
    last = from_message(*chain[-1]).record.hash
    told = json.loads(audit(kafka, "--topic", whole, "--json").stdout)
    assert told == {"ok": True, "records": 7, "hash": last, "head": f"7:{last}"}
    assert audit(kafka, "--topic", whole, "--head", told["head"]).stdout == f"7 records, all in order; head 7:{last}\n"
    assert audit(kafka, "--topic", shorter).exit_code == 0
    cut = audit(kafka, "--topic", shorter, "--head", told["head"])
    assert (cut.exit_code, cut.stdout.startswith("record 6 is dropped: there were 7 records")) == (1, True)
    found = json.loads(audit(kafka, "--topic", shorter, "--head", told["head"], "--json").stdout)
    assert (found["ok"], found["finding"]["fault"], found["finding"]["sequence"]) == (False, "dropped", 6)


def test_audit__finds_a_chained_record_of_what_no_rule_allows(
    kafka: Kafka, chain: list[Message], copy_of: Callable[[Sequence[Message]], str]
) -> None:
    """Amira approves what she proposed; the chain itself is sound."""
    proposed = from_message(*chain[1]).record
    alone = chained(proposed, replace(LIFE[2], actor=replace(LIFE[2].actor, name="amira")))
    ledger = Ledger()
    for one in LIFE[:2]:
        ledger, _ = ledger.append(one)
    finding = audit_topic(kafka, copy_of([*chain[:2], to_message(alone, ledger.events["event-1"])])).finding
    assert finding is not None
    assert str(finding).startswith("record 2 is not allowed: ledger record 2: amira proposed event-1")


def test_audit__refuses_what_is_no_ledger(kafka: Kafka, copy_of: Callable[..., str]) -> None:
    for words, kind, message in (
        (("--topic", copy_of([], partitions=2)), LedgerError, "has 2 partitions; allowed: one"),
        (("--topic", "nowhere"), ServiceError, "topic nowhere"),
        (("--head", "7"), UsageError, "--head: found '7'; allowed: RECORDS:HASH"),
    ):
        done = audit(kafka, *words)
        assert isinstance(done.exception, kind)
        assert message in str(done.exception)


def test_writer__does_not_go_on_after_a_record_written_by_hand(kafka: Kafka) -> None:
    """Comes last: the ledger's own topic is not in order afterwards."""
    with LedgerWriter(kafka) as writer:
        length = writer.ledger.next_sequence
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce("curtailment", key=b"event", value=b"by hand")
    assert producer.flush(30) == 0
    with pytest.raises(LedgerError, match=f"record {length} .*cannot be read"):
        LedgerWriter(kafka)

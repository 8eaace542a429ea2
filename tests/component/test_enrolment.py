"""Who takes part: written to a real Kafka's topic, read and followed, and the commands for it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from gridflex.adapters.kafka.enrolment import (
    EnrolmentFollower,
    EnrolmentMark,
    enrolment_mark,
    enrolment_topic,
    follow_enrolment,
    publish,
    read_enrolment,
)
from gridflex.config import Kafka
from gridflex.curtailment.enrol_commands import enrol
from gridflex.domain.enrolment import Enrolment, Participation
from gridflex.errors import DataQualityError, GridflexError, ServiceError, UsageError
from gridflex.operations.local.stack import Stack
from tests.support.stack import halted, wait_until
from tests.support.topics import read_messages

pytestmark = [pytest.mark.component, pytest.mark.timeout(600)]

SOON_S = 5.0
FRIDGE = ("redd-801-0", "redd-801-0-3")
OUT = Enrolment(house_id="redd-801", opted_out=True, event_time_ms=1, source="test")


@pytest.fixture
def kafka(stack: Stack) -> Kafka:
    """The stack's Kafka, with nothing in the topic."""
    recreate(stack.config.kafka)
    return stack.config.kafka


def recreate(kafka: Kafka) -> None:
    admin, topic = AdminClient({"bootstrap.servers": kafka.bootstrap_servers}), enrolment_topic(kafka)
    for gone in admin.delete_topics([topic]).values():
        gone.result(30)
    wait_until(lambda: topic not in admin.list_topics(timeout=10).topics, 30, "the topic's end")
    admin.create_topics([NewTopic(topic, 1, 1, config={"cleanup.policy": "compact"})])[topic].result(30)
    wait_until(lambda: admin.list_topics(timeout=10).topics.get(topic), 30, "the topic")


@pytest.fixture
def follower(kafka: Kafka) -> Iterator[EnrolmentFollower]:
    with follow_enrolment(kafka) as following:
        yield following


def send(kafka: Kafka, key: bytes, value: bytes | None) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    failed: list[object] = []
    producer.produce(enrolment_topic(kafka), value, key, on_delivery=lambda problem, _: failed.append(problem))
    assert (producer.flush(30), failed) == (0, [None])


def callable_(known: Participation, at_ms: int = 10) -> bool:
    return known.callable(*FRIDGE, at_ms=at_ms)


def test_topic__gives_the_last_enrolment_of_each_key(kafka: Kafka) -> None:
    own = Enrolment(house_id=FRIDGE[0], appliance_id=FRIDGE[1], reachable=False, until_ms=5, source="é")
    assert publish(kafka, [OUT, own, replace(own, reachable=True, enrolled=False)]) == 3
    found = read_enrolment(kafka)
    assert found.participation.rows == {OUT.key: OUT, own.key: replace(own, reachable=True, enrolled=False)}
    assert (found.offset, found.unreadable) == (3, ())
    messages = read_messages(kafka.bootstrap_servers, enrolment_topic(kafka))
    last_ms = max(message.timestamp()[1] for message in messages)
    wait_until(lambda: time.time_ns() // 1_000_000 > last_ms, 5, "a later instant")
    publish(kafka, [own])
    assert enrolment_mark(kafka, 0) == EnrolmentMark(offset=4, changes=4)
    assert enrolment_mark(kafka, last_ms + 1) == EnrolmentMark(offset=4, changes=1)
    assert enrolment_mark(kafka, 2**42) == EnrolmentMark(offset=4, changes=0)


def test_topic__with_messages_that_say_nothing_names_them_and_keeps_the_others(kafka: Kafka) -> None:
    publish(kafka, [OUT, Enrolment(house_id="redd-9", opted_out=True)])
    send(kafka, b"redd-9", None)  # nothing is known of it any more
    for key, value in ((b"redd-1", b"?"), (b"\xff", b"x"), (b"", None)):
        send(kafka, key, value)
    found = read_enrolment(kafka)
    assert found.participation.rows == {OUT.key: OUT}
    assert [one.split(": ")[0] for one in found.unreadable] == [f"enrolment/0/{offset}" for offset in range(3, 6)]
    with follow_enrolment(kafka) as following:
        assert following.participation == found.participation


def test_follower__sees_a_change_within_seconds(kafka: Kafka, follower: EnrolmentFollower) -> None:
    assert callable_(follower.participation)
    took_s = []
    for number in range(10):
        out = number % 2 == 0
        started = time.monotonic()
        publish(kafka, [replace(OUT, opted_out=out)])
        wait_until(lambda out=out: callable_(follower.participation) is not out, SOON_S, "the change", pause_s=0.01)
        took_s.append(time.monotonic() - started)
    assert follower.offset == 10
    assert sorted(took_s)[8] < SOON_S / 2


def test_follower__keeps_what_it_knows_while_kafka_is_away_and_says_so(
    stack: Stack, kafka: Kafka, follower: EnrolmentFollower
) -> None:
    publish(kafka, [OUT])
    wait_until(lambda: not callable_(follower.participation), SOON_S, "the opt-out")
    assert follower.problem is None
    with halted(stack, "kafka"):
        wait_until(lambda: follower.problem, 20, "that Kafka is away")
        assert not callable_(follower.participation)
    wait_until(lambda: follower.problem is None, 20, "that Kafka is back")
    publish(kafka, [replace(OUT, opted_out=False)])
    wait_until(lambda: callable_(follower.participation), SOON_S, "the opt-in")


def test_follower__of_a_topic_made_anew_begins_anew(kafka: Kafka, follower: EnrolmentFollower) -> None:
    publish(kafka, [OUT, OUT, OUT])
    wait_until(lambda: not callable_(follower.participation), SOON_S, "the opt-out")
    recreate(kafka)
    wait_until(lambda: callable_(follower.participation), 30, "that nothing is known any more")
    publish(kafka, [OUT])
    wait_until(lambda: not callable_(follower.participation), SOON_S, "the opt-out")


def test_follow__without_the_topic_fails_at_once(stack: Stack) -> None:
    nowhere = stack.config.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:1"):
        EnrolmentFollower(nowhere, Participation()).wait(3)


def run(kafka: Kafka, folder: Path, *words: str) -> Result:
    config = folder / "config.ini"
    config.touch()
    environ = {"GRIDFLEX_CONFIG": str(config), "GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    return CliRunner().invoke(enrol, words, env=environ)


def rows(kafka: Kafka, folder: Path, *words: str) -> list[dict[str, Any]]:
    done = run(kafka, folder, "show", "--json", *words)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def refusal(done: Result, kind: type[GridflexError]) -> str:
    assert isinstance(done.exception, kind)
    return str(done.exception)


def test_load__writes_the_rows_that_are_news_or_none(kafka: Kafka, tmp_path: Path) -> None:
    path = tmp_path / "who.csv"
    path.write_text("house_id,appliance_id,reachable,opted_out,until\nredd-801,,,1,\nredd-802-0,redd-802-0-3,0,,\n")
    assert run(kafka, tmp_path, "load", str(path)).output == "2 rows: 2 written, 0 were known.\n"
    assert run(kafka, tmp_path, "load", str(path)).output == "2 rows: 0 written, 2 were known.\n"
    path.write_text(path.read_text().replace("801,,,1", "801,,,0") + "redd-803,,yes,,\nredd-804,,,1,2020-01-01\n")
    told = refusal(run(kafka, tmp_path, "load", str(path)), DataQualityError).splitlines()
    assert told[0] == f"{path}:4: reachable: found 'yes'; allowed: 0, 1 or nothing"
    assert told[1].startswith(f"{path}:5: until: found '2020-01-01'; allowed: an instant after 20")
    assert read_enrolment(kafka).offset == 2
    path.write_text("\n".join(path.read_text().splitlines()[:3]))
    done = run(kafka, tmp_path, "load", str(path))
    assert done.output == "2 rows: 1 written, 1 were known.\nNo longer opted out: redd-801.\n"
    assert [(row["house_id"], row["takes_part"]) for row in rows(kafka, tmp_path)] == [
        ("redd-801", True),
        ("redd-802-0", False),
    ]
    missing = refusal(run(kafka, tmp_path, "load", str(tmp_path / "none.csv")), DataQualityError)
    assert missing.endswith("none.csv: No such file or directory; expected a text file")


def test_opt_out__counts_until_it_is_over_or_taken_back(kafka: Kafka, tmp_path: Path) -> None:
    publish(kafka, [Enrolment(house_id=FRIDGE[0], appliance_id=FRIDGE[1]), Enrolment(house_id="redd-8010-0")])
    done = run(kafka, tmp_path, "opt-out", "redd-801", "--until", "2999-01-01T01:00+01:00")
    assert done.output.splitlines() == [
        "redd-801 is opted out until 2999-01-01T00:00:00Z.",
        "Rows of their own still let these be called: redd-801-0-3.",
    ]
    run(kafka, tmp_path, "opt-out", "redd-801-0", "--appliance", "redd-801-0-3")
    found = {row["appliance_id"]: row for row in rows(kafka, tmp_path, "redd-801-0")}
    assert {name: (row["takes_part"], row["until"]) for name, row in found.items()} == {
        "": (False, "2999-01-01T00:00:00Z"),
        "redd-801-0-3": (False, None),
    }
    assert found[""]["source"].startswith("user:")
    done = run(kafka, tmp_path, "opt-in", "redd-801")
    assert done.output == "redd-801 is opted in.\nRows of their own still opt these out: redd-801-0-3.\n"
    assert [row["takes_part"] for row in rows(kafka, tmp_path, "redd-801")] == [True, False]
    assert "yes" in run(kafka, tmp_path, "show", "redd-801").output
    assert run(kafka, tmp_path, "show", "redd-7").output == "Nothing is known of redd-7: it takes part.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("opt-out", "redd"), "found the house 'redd'; allowed: DATASET-HOUSE or DATASET-HOUSE-SHIFT"),
        (("opt-out", ""), "HOUSE: found nothing"),
        (
            ("opt-out", "redd-801", "--appliance", "fridge"),
            "found the appliance 'fridge'; allowed: DATASET-HOUSE-SHIFT",
        ),
        (("opt-out", "redd-801", "--appliance", "redd-802-0-3"), "which is not of house 'redd-801'"),
        (("opt-out", "redd-801", "--until", "2020-01-01"), "--until: found '2020-01-01'; allowed: an instant after 20"),
        (("opt-out", "redd-801", "--until", "tomorrow"), "--until: found 'tomorrow'; allowed: an instant such as"),
        (("opt-in", "redd-801,redd-802"), "found the house 'redd-801,redd-802'"),
        (("show", "redd 801"), "found the house 'redd 801'"),
    ],
)
def test_command__that_cannot_be_meant_writes_nothing(
    stack: Stack, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    before = read_enrolment(stack.config.kafka).offset
    assert message in refusal(run(stack.config.kafka, tmp_path, *words), UsageError)
    assert read_enrolment(stack.config.kafka).offset == before

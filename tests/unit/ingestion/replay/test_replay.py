"""What a replay commits, against a writer that fails where it is told to; the real Kafka is in tests/component."""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gridflex.adapters.avro import decode
from gridflex.config import ROOT, Config
from gridflex.contracts.schemas import reading_schema, rejection_schema
from gridflex.errors import ReplayFencedError, SourceError
from ingestion.feeds import houses, open_reader
from ingestion.parsing import merge
from ingestion.replay.replay import Plan, Replay, only_one, parse_shifts, shifts_text
from ingestion.replay.replay_progress import ReplayProgress, progress_from_json, replay_id
from ingestion.replay.timeline import Align
from tests.unit.ingestion.replay.test_schedule import DAY, Memory

SCHEMAS = {s.schema_id: s for s in (reading_schema(), rejection_schema())}
CONFIG = Config.model_validate({"replay": {"transaction_readings": 7}})


class Broker:
    """Keeps committed transactions; dies in the ``dies_at``-th."""

    def __init__(self, dies_at: int = 10**9) -> None:
        self.position: str | None = None
        self.messages: list[tuple[str, bytes, dict[str, Any]]] = []
        self.dies_at = dies_at

    def commit(self, messages: Mapping[str, Sequence[tuple[bytes, bytes]]], position: str) -> None:
        self.dies_at -= 1
        if self.dies_at < 0:
            raise ConnectionAbortedError
        for topic, batch in messages.items():
            self.messages += [(topic, key, decode(value, SCHEMAS)) for key, value in batch]
        self.position = position


def replay(broker: Broker, shifts: tuple[int, ...] = (0, 1)) -> Replay:
    reader = Memory(10_000 * DAY, 100, 1000, [30, 60])
    plan = Plan(replay_id="r", shifts=shifts, align=Align.PAST, speed=None)
    return Replay(CONFIG, reader, plan, broker, ROOT)  # type: ignore[arg-type]


def test_replay__a_shift_into_years_that_no_message_may_carry_is_refused() -> None:
    with pytest.raises(SourceError, match=r"shift 30000 begins \d+ day\(s\) before 1972-.*; shifts up to \d{5} are"):
        replay(Broker(), shifts=(0, 30_000))


@pytest.mark.parametrize("wrong", [0, 700, 1490])
def test_replay__of_files_with_a_wrong_clock_resumes_after_kills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    monkeypatch.setattr(houses, "BLOCK_BYTES", (1000, 1000))
    monkeypatch.setattr(merge, "SMALL_BLOCK_ROWS", 200)
    for channel in (3, 4):
        seconds = [1_303_084_800 + 4 * row for row in range(1500)]
        seconds[wrong : wrong + channel] = [second + 12 * 3600 for second in seconds[wrong : wrong + channel]]
        (tmp_path / f"house_1/channel_{channel}.dat").parent.mkdir(exist_ok=True)
        lines = [f"{second} {row % 90}.00\n" for row, second in enumerate(seconds)]
        (tmp_path / f"house_1/channel_{channel}.dat").write_text("".join(lines))
    (tmp_path / "house_1/labels.dat").write_text("3 refrigerator\n4 microwave\n")
    config = Config.model_validate({"replay": {"transaction_readings": 90}})
    plan = Plan(replay_id="r", shifts=(0,), align=Align.PAST, speed=None)

    def play(broker: Broker) -> ReplayProgress:
        reader = open_reader("redd", tmp_path, houses=None, readings=config.readings)
        replayed = Replay(config, reader, plan, broker, ROOT)  # type: ignore[arg-type]
        return replayed.run(threading.Event(), lambda account: None)

    whole, broken = Broker(), Broker(dies_at=0)
    play(whole)
    while True:
        broken.dies_at = 7
        try:
            account = play(broken)
            break
        except ConnectionAbortedError:
            continue
    assert [message[1] for message in broken.messages] == [message[1] for message in whole.messages]
    assert (account.delivered, dict(account.rejected)) == (3000 - 7, {"bad_time": 7})


def test_replay__resumes_after_a_kill_without_loss_or_repeat() -> None:
    whole, broken = Broker(), Broker(dies_at=5)
    replay(whole).run(threading.Event(), lambda account: None)
    with pytest.raises(ConnectionAbortedError):
        replay(broken).run(threading.Event(), lambda account: None)
    assert 0 < len(broken.messages) < len(whole.messages)
    broken.dies_at = 10**9
    account = replay(broken).run(threading.Event(), lambda account: None)
    strip = {"event_time_ms"}
    plain = [
        [(t, k, {n: v for n, v in r.items() if n not in strip}) for t, k, r in b.messages] for b in (whole, broken)
    ]
    assert plain[0] == plain[1]
    assert account.complete
    assert (account.read, account.delivered, dict(account.rejected)) == (212, 200, {"missing": 12})


def test_replay__a_complete_one_delivers_nothing_more() -> None:
    broker = Broker()
    replay(broker).run(threading.Event(), lambda account: None)
    before = list(broker.messages)
    account = replay(broker).run(threading.Event(), lambda account: None)
    assert broker.messages == before
    assert account.delivered == 200


class SlowBroker(Broker):
    """Takes a fifth of a second for ten thousand readings."""

    def commit(self, messages: Mapping[str, Sequence[tuple[bytes, bytes]]], position: str) -> None:
        self.sizes = [*getattr(self, "sizes", []), sum(map(len, messages.values()))]
        time.sleep(self.sizes[-1] * 2e-5)


def test_replay__that_has_fallen_behind_its_pace_keeps_no_transaction_open_for_long() -> None:
    config = Config.model_validate({"replay": {"transaction_readings": 4000, "live_flush_s": 0.02}})
    broker = SlowBroker()
    reader = Memory(10_000 * DAY, 5000, 1000, [])
    plan = Plan(replay_id="r", shifts=(0, 1), align=Align.PAST, speed=1e9)
    Replay(config, reader, plan, broker, ROOT).run(threading.Event(), lambda account: None)  # type: ignore[arg-type]
    full = broker.sizes.index(4000)
    assert len(broker.sizes) > full + 5
    assert max(broker.sizes[full + 1 :]) <= 1000
    assert sum(broker.sizes) == 10_001  # with a rejection


def test_replay__names_virtual_houses_and_appliances() -> None:
    broker = Broker()
    replay(broker, (4,)).run(threading.Event(), lambda account: None)
    record = next(record for topic, _, record in broker.messages if topic == "powerraw")
    assert (record["house_id"], record["appliance_id"]) == ("redd-1-4", "redd-1-4-3")
    assert broker.messages[-1][1] == b"redd-1-4-4"
    assert progress_from_json(broker.position or "").delivered == 100


def test_replay__other_shifts_under_the_same_id_are_refused() -> None:
    broker = Broker()
    reader = Memory(10_000 * DAY, 100, DAY // 10, [])
    plan = Plan(replay_id="r", shifts=(0,), align=Align.TODAY, speed=None)
    stop = threading.Event()
    Replay(CONFIG, reader, plan, broker, ROOT).run(stop, lambda account: stop.set())  # type: ignore[arg-type]
    other = Plan(replay_id="r", shifts=(0, 1, 2), align=Align.TODAY, speed=None)
    with pytest.raises(SourceError, match="other shifts"):
        Replay(CONFIG, reader, other, broker, ROOT)  # type: ignore[arg-type]


def test_only_one__refuses_a_second_run_of_the_same_id(tmp_path: Path) -> None:
    refused = pytest.raises(ReplayFencedError, match="a is already running")
    with only_one(tmp_path, "a"), only_one(tmp_path, "b"), refused, only_one(tmp_path, "a"):
        pass
    with only_one(tmp_path, "a"):
        pass


def test_replay_id__is_of_the_data_and_of_how_it_is_played(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    first = replay_id("redd", tmp_path, None, (0,), "past")
    assert first == replay_id("redd", tmp_path, None, (0,), "past")
    assert first != replay_id("redd", tmp_path, None, (0, 1), "past")
    assert first != replay_id("redd", tmp_path, ["5"], (0,), "past")
    (tmp_path / "x").write_text("12")
    assert first != replay_id("redd", tmp_path, None, (0,), "past")


@pytest.mark.parametrize("text", ["1:1", "2:1", "1", "a:b", "-1:2", ":", "1:2:3"])
def test_parse_shifts__refuses_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match="expected A:B"):
        parse_shifts(text)


def test_parse_shifts__is_undone_by_shifts_text() -> None:
    assert shifts_text(parse_shifts("3:9")) == "3:9"

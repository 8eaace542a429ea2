"""What `gridflex status` calls a problem, on real processes that stand for services."""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gridflex.config import Config
from gridflex.errors import ServiceError
from gridflex.operations.local import process, stack_status
from gridflex.operations.local.health import AllOf, StatusFileProbe, ZooKeeperProbe, frozen
from gridflex.operations.local.problems import Problem, stack_report
from gridflex.operations.local.process import Runtime
from gridflex.operations.local.services import Service
from gridflex.operations.local.stack import Stack
from gridflex.operations.local.stack_status import service_statuses
from gridflex.operations.local.startup import Startup
from gridflex.operations.local.stream_probe import StreamProbe
from gridflex.operations.local.watch import Watch
from tests.support.stack import own_config, wait_until

SLEEP = (sys.executable, "-c", "import time; print('bye', flush=True); time.sleep(60)")


@dataclass(frozen=True)
class Answers:
    """A probe that gives the same answer each time."""

    lacks: str | None = None
    after_s: float = 0.0

    def check(self, pid: int) -> str | None:
        time.sleep(self.after_s)
        return self.lacks


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    found = Runtime(state_dir=tmp_path)
    yield found
    for file in (tmp_path / "pids").glob("*.json"):
        for member in process.family(found, service(file.stem)):
            member.kill()
        process.stop(found, service(file.stem))


def service(name: str, probe: object = None, **fields: object) -> Service:
    return Service(name=name, argv=SLEEP, probe=probe or Answers(), **fields)  # type: ignore[arg-type]


def problems(runtime: Runtime, *services: Service) -> dict[str, Problem]:
    found = stack_report(Config(), runtime, services).problems
    return {problem.service: problem for problem in found}


def test_report__calls_no_problem_what_was_not_started_or_was_stopped(runtime: Runtime) -> None:
    one, other = service("one"), service("other")
    process.start(runtime, one)
    process.stop(runtime, one)
    assert problems(runtime, one, other) == {}


def test_report__tells_a_service_that_died_with_its_last_words(runtime: Runtime) -> None:
    one = service("superset")
    pid = process.start(runtime, one)
    while not process.last_words(runtime.log_file(one)):
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    while process.leader(runtime, one):
        time.sleep(0.01)
    told = problems(runtime, one)["superset"]
    assert told.problem == "died; its last words: 'bye': no dashboard opens"
    assert "`gridflex up superset`" in told.remedy


def test_report__tells_a_frozen_process_at_once_though_it_lives(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_status, "_DEADLINE_S", 30.0)
    one = service("replay", Answers(after_s=30))
    pid = process.start(runtime, one)
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: frozen(process.family(runtime, one)), what="the signal's arrival")
    began = time.monotonic()
    told = problems(runtime, one)["replay"]
    assert time.monotonic() - began < 20
    assert told.problem.startswith(f"frozen: a signal has stopped its pid {pid}: no reading is played")
    assert told.remedy == f"`kill -CONT {pid}` lets it go on"


def test_report__gives_a_probe_that_hangs_a_deadline_and_asks_all_at_once(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_status, "_DEADLINE_S", 1.0)
    monkeypatch.setattr(stack_status, "_AGAIN_S", 0.0)
    services = [service(name, Answers(after_s=30)) for name in map(str, range(6))]
    for one in services:
        process.start(runtime, one)
    began = time.monotonic()
    found = service_statuses(runtime, services)
    assert time.monotonic() - began < 8
    assert [status.healthy for status in found] == [False] * 6


def test_report__names_the_cause_of_what_another_service_brings_down(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_status, "_AGAIN_S", 0.0)
    cause, symptom = service("cause", Answers("broken")), service("symptom", Answers("hangs"), asks=("cause",))
    for one in (cause, symptom):
        process.start(runtime, one)
    assert problems(runtime, cause, symptom)["symptom"].remedy == "mend cause first"


def test_up__ends_at_once_when_a_service_is_frozen(runtime: Runtime) -> None:
    one = service("one", Answers("does not answer"))
    pid = process.start(runtime, one)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ServiceError, match=rf"^one is frozen: .*`kill -CONT {pid}` lets it go on") as told:
        Startup(runtime, [one], [], print).run(60)
    assert "the last words of" in str(told.value)


@pytest.mark.parametrize(
    ("told", "lacks"),
    [
        ({}, "has not started"),
        ({"pid": 8}, "has not started yet: status.json is of pid 8"),
        ({"pid": 7, "ready": False}, "first micro-batch is not done"),
        ({"pid": 7, "ready": True, "age_s": 100, "beat_age_s": 3}, None),
        ({"pid": 7, "ready": True, "age_s": 100, "beat_age_s": 45}, "no sign of life for 45 s"),
        ({"pid": 7, "age_s": 100}, "no sign of life for 100 s"),
    ],
)
def test_status_file__must_be_young(tmp_path: Path, told: dict[str, float], lacks: str | None) -> None:
    now_ms = int(time.time() * 1000)
    told = {"updated_ms": now_ms - int(told.pop("age_s", 0) * 1000), **told}
    if "beat_age_s" in told:
        told["beat_ms"] = now_ms - int(told.pop("beat_age_s") * 1000)
    path = tmp_path / "status.json"
    path.write_text(json.dumps(told))
    found = StatusFileProbe(path=path).check(7)
    assert found is None if lacks is None else lacks in (found or "")


def test_status_file__half_written_or_of_another_form_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    for text in ("", "{", "[1]", '"x"'):
        path.write_text(text)
        assert StatusFileProbe(path=path).check(7) == "its query has not started yet"


def test_zookeeper_probe__finds_a_server_that_takes_the_connection_and_opens_no_session() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def refuse() -> None:
            connection, _ = server.accept()
            connection.recv(64)
            connection.close()

        threading.Thread(target=refuse, daemon=True).start()
        assert ZooKeeperProbe(host="127.0.0.1", port=port).check(os.getpid()) == "opens no session"


def test_all_of__tells_the_first_that_is_not_answered() -> None:
    assert AllOf(probes=(Answers(), Answers("first"), Answers("second"))).check(1) == "first"
    assert AllOf(probes=(Answers(),)).check(1) is None


def test_waiting__ends_at_once_when_a_service_dies_with_its_last_words_and_the_remedy(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path))
    spark = service("spark")
    pid = process.start(stack.runtime, spark)
    watch = Watch(stack)
    watch.check()
    while not process.last_words(stack.runtime.log_file(spark)):
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    while process.leader(stack.runtime, spark):
        time.sleep(0.01)
    with pytest.raises(ServiceError, match=r"^spark: died; .*`gridflex up spark` starts it again; the last") as told:
        watch.check()
    assert str(told.value).endswith("\n  bye")


@pytest.mark.parametrize(("ago_s", "found"), [(5, True), (3600, False)])
def test_report__tells_a_flood_of_new_appliances_for_a_while(
    runtime: Runtime, tmp_path: Path, ago_s: int, found: bool
) -> None:
    config = Config.model_validate({"launcher": {"state_dir": str(tmp_path)}})
    spark = service("spark")
    pid = process.start(runtime, spark)
    (tmp_path / "spark").mkdir()
    told = {"pid": pid, "refused": 250_000, "refused_ms": int((time.time() - ago_s) * 1000)}
    (tmp_path / "spark" / "status.json").write_text(json.dumps(told))
    problems = stack_report(config, runtime, [spark]).problems
    assert bool(problems) is found
    assert all("250,000 readings of too many new appliances were refused" in one.problem for one in problems)
    assert all("too_many_series" in one.remedy for one in problems)


@pytest.mark.parametrize(
    ("told", "late"),
    [
        ({"batch_s": 14.0, "rows_per_s": 0.6}, True),
        ({"batch_s": 14.0, "rows_per_s": 40_000.0}, False),
        ({"batch_s": 0.4, "rows_per_s": 0.6}, False),
        ({}, False),
    ],
)
def test_stream__is_late_when_micro_batches_take_long_though_little_is_in_them(
    tmp_path: Path, told: dict[str, float], late: bool
) -> None:
    config = Config.model_validate({"launcher": {"state_dir": str(tmp_path)}})
    (tmp_path / "spark").mkdir()
    (tmp_path / "spark" / "status.json").write_text(json.dumps({"updated_ms": time.time() * 1000, **told}))
    found = StreamProbe(config=config).check(7)
    assert (found is not None) is late
    assert not late or found == "late: its micro-batches take 14 s, for 1 readings/s"

"""Logs stay small while the processes that write them run on."""

import os
import sys
import time
from pathlib import Path

import pytest

from gridflex.operations.local import process
from gridflex.operations.local.log_rotation import older, shorten, sweep
from gridflex.operations.local.log_rotation_service import log_rotation_service
from gridflex.operations.local.process import Runtime, last_words
from gridflex.operations.local.services import Service
from gridflex.operations.local.stack import Stack
from tests.support.stack import leftovers, own_config, wait_until

CHATTERS = """
import os, time
number = 0
while True:
    block = range(number, number := number + 2000)
    os.write(1, "".join(f"line {one:09d} {'x' * 80}\\n" for one in block).encode())
    time.sleep(0.05)
"""


class Unasked:
    def check(self, pid: int) -> str | None:
        return None


def sizes(folder: Path, name: str) -> list[int]:
    return [path.stat().st_size for path in folder.glob(f"{name}.log*") if path.exists()]


def test_rotation__bounds_the_log_of_a_process_that_holds_it_open(tmp_path: Path) -> None:
    config = own_config(tmp_path, launcher_log_max_mb=1, launcher_log_files=2)
    runtime, keeper = Runtime(state_dir=config.state_dir), log_rotation_service(config)
    chatter = Service(name="chatter", argv=(sys.executable, "-u", "-c", CHATTERS), probe=Unasked())
    log = runtime.log_file(chatter)
    try:
        pid = process.start(runtime, chatter)
        keeper_pid = process.start(runtime, keeper)
        wait_until(lambda: older(log, 2).exists(), 60, "the second older log", pause_s=0.02)
        written = log.stat().st_ino
        assert "cut chatter.log" in "".join(last_words(log.parent / "log-keeper.log"))
        assert log.stat().st_ino == written
        before = last_words(log, 1)
        wait_until(lambda: last_words(log, 1) != before, 10, "the process goes on writing to the same log")
        assert not older(log, 3).exists()
        assert sum(sizes(log.parent, "chatter")) < 60_000_000
        assert keeper.probe.check(keeper_pid) is None or log.stat().st_size > 2_000_000
        assert process.leader(runtime, chatter).pid == pid  # type: ignore[union-attr]
        lines = older(log, 1).read_text().splitlines()[1:-1]
        numbers = [int(line.split()[1]) for line in lines]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    finally:
        process.stop(runtime, chatter)
        process.stop(runtime, keeper)


def test_shorten__keeps_as_many_older_logs_as_it_is_told(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    for text in "abcde":
        log.write_text(text * 10)
        assert shorten(tmp_path, 10, 3) == [log]
        assert log.read_text() == ""
    assert [older(log, number).read_text()[0] for number in (1, 2, 3)] == ["e", "d", "c"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kafka.log", *(f"kafka.log.{n}" for n in (1, 2, 3))]


def test_shorten__leaves_a_small_log_alone_and_keeps_none_if_so_told(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("a" * 9)
    assert shorten(tmp_path, 10, 3) == []
    assert shorten(tmp_path, 9, 0) == [log]
    assert list(tmp_path.iterdir()) == [log]


def test_shorten__cuts_a_log_that_cannot_be_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("a" * 10)
    (tmp_path / "kafka.log.new").mkdir()
    (tmp_path / "kafka.log.new" / "x").touch()
    assert shorten(tmp_path, 10, 3) == [log]
    assert log.stat().st_size == 0
    assert "kafka.log not kept: Is a directory" in capsys.readouterr().out


def test_sweep__deletes_old_files_and_the_oldest_beyond_the_limit(tmp_path: Path) -> None:
    now = time.time()
    for number in range(10):
        path = tmp_path / f"run-{number}" / "attempt.log"
        path.parent.mkdir()
        path.write_bytes(b"x" * 100)
        os.utime(path, (now - number * 3600, now - number * 3600))
    os.utime(tmp_path / "run-3" / "attempt.log", (now - 40 * 86_400,) * 2)
    gone = sweep(tmp_path, 500, 30)
    assert len(gone) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-0", "run-1", "run-2", "run-4", "run-5"]
    assert sweep(tmp_path, 0, 30) != []
    assert [path.name for path in tmp_path.iterdir()] == ["run-0"]


def test_last_words__reach_back_before_the_cut(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    older(log, 1).write_text("one\ntwo\n")
    log.write_text("three\n")
    assert last_words(log, 2) == ["two", "three"]
    assert last_words(log, 9) == ["one", "two", "three"]


def test_probe__tells_a_log_that_nobody_cuts(tmp_path: Path) -> None:
    config = own_config(tmp_path, launcher_log_max_mb=1)
    logs = config.state_dir / "logs"
    logs.mkdir(parents=True)
    assert log_rotation_service(config).probe.check(1) is None
    (logs / "kafka.log").write_bytes(b"x" * 2_000_001)
    assert "kafka.log has 2 MB, more than twice its limit" in (log_rotation_service(config).probe.check(1) or "")


def test_up__starts_a_keeper_anew_that_died_or_has_other_limits_and_status_tells_the_death(tmp_path: Path) -> None:
    config = own_config(tmp_path)
    stack = Stack(config)
    wider = config.model_copy(update={"launcher": config.launcher.model_copy(update={"log_max_mb": 77})})
    try:
        stack._keep_logs()
        first = process.leader(stack.runtime, log_rotation_service(config))
        assert first is not None
        stack._keep_logs()
        assert process.leader(stack.runtime, log_rotation_service(config)) == first
        Stack(wider)._keep_logs()
        second = process.leader(stack.runtime, log_rotation_service(config))
        assert second not in (None, first)
        assert "77000000" in process.started_by(stack.runtime, log_rotation_service(wider))
        second.kill()  # type: ignore[union-attr]
        second.wait()  # type: ignore[union-attr]
        (problem,) = stack.report().problems
        assert (problem.service, problem.problem) == ("log-keeper", "died: logs grow without bound")
        assert problem.remedy == "`gridflex up` starts it again"
        stack._keep_logs()
        assert stack.report().problems == []
        assert process.leader(stack.runtime, log_rotation_service(config)) not in (None, first, second)
    finally:
        stack._let_logs_be()
    assert process.leader(stack.runtime, log_rotation_service(config)) is None
    assert leftovers(stack) == []

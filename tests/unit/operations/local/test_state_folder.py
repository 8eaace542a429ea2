"""The state folder: whose it is, who may read it, what it remembers, and what happens where it cannot be."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gridflex.config import ROOT, load_config
from gridflex.errors import ServiceError, UsageError
from gridflex.operations.local import process
from gridflex.operations.local.services import Service, find
from gridflex.operations.local.stack import Stack
from gridflex.operations.local.state_folder import OWNER_FILE, alone, claim, remember_up, remembered_up
from tests.support.stack import leftovers, own_config

SLEEPS = "import time\ntime.sleep(60)"


class Unasked:
    def check(self, pid: int) -> str | None:
        return None


def names(services: list[Service]) -> list[str]:
    return [service.name for service in services]


def test_claim__makes_it_for_its_owner_alone(tmp_path: Path) -> None:
    claim(tmp_path / "a" / "state")
    assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "state" / OWNER_FILE).is_file()


def test_claim__closes_one_that_an_earlier_release_left_open(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    tmp_path.chmod(0o755)
    claim(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / OWNER_FILE).is_file()


def test_claim__leaves_alone_what_gridflex_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(UsageError, match=r"holds thesis\.tex, which Gridflex did not make; allowed: a new or an empty"):
        claim(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_reset__of_a_folder_of_the_checkout_wants_its_mark_too() -> None:
    stack = Stack(load_config(environ={"GRIDFLEX_LAUNCHER_STATE_DIR": "docs/images"}))
    before = sorted((ROOT / "docs" / "images").iterdir())
    assert before
    with pytest.raises(UsageError, match=f"no file {OWNER_FILE} in it"):
        stack.reset()
    assert sorted((ROOT / "docs" / "images").iterdir()) == before


def test_reset__deletes_a_marked_folder_and_follows_no_link(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path))
    claim(stack.config.state_dir)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").touch()
    (stack.config.state_dir / "kafka").symlink_to(tmp_path / "precious")
    stack.reset()
    assert not stack.config.state_dir.exists()
    assert (tmp_path / "precious" / "thesis.tex").exists()


ASKED = {
    "up": lambda stack: stack.up(["kafka"]),
    "status": lambda stack: stack.status(),
    "logs": lambda stack: stack.log_lines("kafka", 3),
    "down": lambda stack: stack.down(),
    "reset": lambda stack: stack.reset(),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("place", ["taken", "taken/state"])
def test_folder__that_cannot_be_is_told_in_one_line(tmp_path: Path, place: str, asked: Callable[[Stack], None]) -> None:
    (tmp_path / "taken").write_text("precious")
    stack = Stack(own_config(tmp_path, launcher_state_dir=tmp_path / place))
    with pytest.raises(ServiceError, match=rf"^launcher\.state_dir: {tmp_path / place} cannot be used: ") as problem:
        asked(stack)
    assert "\n" not in str(problem.value)
    assert (tmp_path / "taken").read_text() == "precious"


def test_folder__that_may_not_be_made_is_told_in_one_line() -> None:
    """Not even root makes a folder there."""
    done = subprocess.run(
        [sys.executable, "-m", "gridflex.operations.local", "up", "kafka"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "GRIDFLEX_LAUNCHER_STATE_DIR": "/proc/gridflex"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: launcher.state_dir: /proc/gridflex cannot be used: ")
    assert len(done.stderr.splitlines()) == 1


def test_looking__makes_no_folder(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path))
    stack.status()
    stack.supervisors()
    assert stack.log_lines("kafka", 3)[1] == []
    assert stack.down() == []
    stack.reset()
    assert not stack.config.state_dir.exists()


def test_up__brings_back_what_was_up_last(tmp_path: Path) -> None:
    said: list[str] = []
    stack = Stack(own_config(tmp_path), said.append)
    claim(stack.config.state_dir)
    default = names(stack._with_remembered([], []))
    assert default == []
    remember_up(stack.config.state_dir, ["kafka", "replay", "superset", "gone-since"])
    everything = names(stack._with_remembered(["kafka", "spark"], []))
    assert {"kafka", "spark", "replay", "superset", "druid-router"} <= set(everything)
    assert "airflow-api" not in everything
    assert said == ["up before, and so again: replay, superset"]
    said.clear()
    stack._with_remembered(["kafka"], ["replay", "superset"])
    assert said == []


def test_remembered__nothing_where_the_file_is_none(tmp_path: Path) -> None:
    assert remembered_up(tmp_path) == []
    for content in ("", "{}", "[1, null]", '"kafka"', "\x00"):
        (tmp_path / "up.json").write_text(content)
        assert remembered_up(tmp_path) == []


def test_down__remembers_what_ran_if_nothing_is_written_down(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path))
    claim(stack.config.state_dir)
    sleeper = Service(name="replay", argv=(sys.executable, "-c", SLEEPS), probe=Unasked())
    process.start(stack.runtime, sleeper)
    assert stack.down() == ["replay"]
    assert remembered_up(stack.config.state_dir) == ["replay"]
    assert leftovers(stack) == []
    assert stack.down() == []
    assert remembered_up(stack.config.state_dir) == ["replay"]


def test_start__that_fails_is_one_line(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path))
    claim(stack.config.state_dir)
    (stack.config.state_dir / "kafka").write_text("in the way")
    with pytest.raises(ServiceError, match=r"^kafka cannot be started: File exists: .*/kafka$"):
        process.start(stack.runtime, find(stack.services, "kafka"))


def test_lock__is_told_by_its_holder(tmp_path: Path) -> None:
    told = pytest.raises(ServiceError, match=r"^gridflex up \(pid \d+\) is at work on ")
    with alone(tmp_path / "state", "up"), told, alone(tmp_path / "state", "down"):
        pass


def test_any_command__that_cannot_write_its_state_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    (tmp_path / "redd" / "low_freq" / "house_1").mkdir(parents=True)
    (tmp_path / "redd" / "low_freq" / "house_1" / "labels.dat").write_text("1 mains\n")
    (tmp_path / "redd" / "low_freq" / "house_1" / "channel_1.dat").write_text("1303132929 100.0\n")
    done = subprocess.run(
        [sys.executable, "-m", "ingestion", "replay", "redd", "--path", str(tmp_path / "redd")],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "GRIDFLEX_LAUNCHER_STATE_DIR": str(tmp_path / "taken")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"error: {tmp_path / 'taken' / 'replay'}: Not a directory"]

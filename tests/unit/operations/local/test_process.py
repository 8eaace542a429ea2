import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gridflex.errors import ServiceError
from gridflex.operations.local import process, startup
from gridflex.operations.local.health import HttpProbe, StatusFileProbe, holder
from gridflex.operations.local.process import Runtime
from gridflex.operations.local.services import FirstStart, Probe, Service
from gridflex.operations.local.startup import Startup
from gridflex.operations.local.steps import Step

SLEEPS = "import time\nprint('ready', flush=True)\ntime.sleep(60)"
HAS_CHILD = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session={apart})\n"
)
IGNORES_SIGTERM = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


class ReadyInLog:
    """Healthy once the service has printed ``ready``."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def check(self, pid: int) -> str | None:
        return None if b"ready" in self._log.read_bytes() else "not ready"


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(state_dir=tmp_path)


class Services:
    """Makes services of small Python programs, and ends all of them."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.made: list[Service] = []

    def make(self, name: str, program: str, probe: Probe | None = None, **more: object) -> Service:
        log = self.runtime.log_file(Service(name=name, argv=(), probe=ReadyInLog(Path())))
        argv = (sys.executable, "-c", program)
        service = Service(name=name, argv=argv, probe=probe or ReadyInLog(log), **more)  # type: ignore[arg-type]
        self.made.append(service)
        return service


@pytest.fixture
def services(runtime: Runtime) -> Iterator[Services]:
    made = Services(runtime)
    yield made
    for service in made.made:
        process.stop(runtime, service)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "_POLL_S", 0.02)
    monkeypatch.setattr(process, "_POLL_S", 0.02)


def gone(one: psutil.Process) -> bool:
    return not one.is_running() or one.status() == psutil.STATUS_ZOMBIE


def up(runtime: Runtime, *services: Service, steps: tuple[Step, ...] = (), timeout_s: float = 10) -> list[str]:
    said: list[str] = []
    Startup(runtime, services, steps, said.append).run(timeout_s)
    return said


def test_up__says_a_line_for_each_service_and_leaves_running_ones_alone(runtime: Runtime, services: Services) -> None:
    service = services.make("sleeper", SLEEPS)
    (line,) = up(runtime, service)
    first = process.leader(runtime, service)
    assert first is not None
    assert line.startswith(f"sleeper: healthy, pid {first.pid}, ")
    up(runtime, service)
    assert process.leader(runtime, service) == first


def test_up__starts_a_service_after_those_it_waits_for_are_healthy(runtime: Runtime, services: Services) -> None:
    second = services.make("second", SLEEPS, starts_after=("made",))
    first = services.make("first", SLEEPS)
    done: list[str] = []

    def make() -> str | None:
        done.append("x")
        return None if len(done) > 1 else "once more"

    step = Step(name="made", after=frozenset({"first"}), act=make)
    said = up(runtime, second, first, steps=(step,))
    assert [line.split(":")[0] for line in said] == ["first", "made", "second"]
    assert len(done) == 2


def test_up__tells_exit_code_and_last_words_of_a_service_that_died(runtime: Runtime, services: Services) -> None:
    service = services.make("dying", "import sys\nprint('no such topic')\nsys.exit(3)")
    with pytest.raises(ServiceError) as problem:
        up(runtime, service)
    first, *words = str(problem.value).splitlines()
    assert first.startswith("dying died (exit code 3) after ")
    assert str(runtime.log_file(service)) in first
    assert words == ["  no such topic"]


def test_up__notices_that_a_healthy_service_died_while_others_start(runtime: Runtime, services: Services) -> None:
    dying = services.make("dying", "import time\nprint('ready', flush=True)\ntime.sleep(0.5)")
    never = services.make("never", SLEEPS.replace("ready", "..."))
    with pytest.raises(ServiceError, match=r"^dying died \(exit code 0\)"):
        up(runtime, dying, never)


def test_up__starts_a_service_again_that_was_dying_when_it_was_found(runtime: Runtime, services: Services) -> None:
    dying = services.make("dying", SLEEPS)
    other = services.make("other", SLEEPS)
    up(runtime, dying)
    first = process.leader(runtime, dying)
    assert first is not None

    def kill_once() -> str | None:
        if first.is_running() and first.status() != psutil.STATUS_ZOMBIE:
            first.kill()
            return "look again"
        return None

    up(runtime, dying, other, steps=(Step(name="kill", after=frozenset({"dying"}), act=kill_once),))
    assert process.leader(runtime, dying) not in (None, first)


def test_up__tells_what_an_unhealthy_service_lacks(runtime: Runtime, services: Services) -> None:
    service = services.make("never", SLEEPS.replace("ready", "still booting"))
    with pytest.raises(ServiceError, match=r"^never: not healthy after 0 s: not ready; .*\n  still booting"):
        up(runtime, service, timeout_s=0.4)


def test_up__tells_now_and_then_what_it_waits_for(
    runtime: Runtime, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup, "_TELL_S", 0.1)
    answers = iter(["not yet"] * 20)
    step = Step(name="slow", after=frozenset({"sleeper"}), act=lambda: next(answers, None))
    said = up(runtime, services.make("sleeper", SLEEPS), steps=(step,))
    assert any(line.startswith("waiting for slow, ") for line in said)


def test_up__names_who_holds_a_taken_port(runtime: Runtime, services: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = services.make("server", SLEEPS, port=port)
        with pytest.raises(ServiceError) as problem:
            up(runtime, service)
    assert len(str(problem.value).splitlines()) == 1
    assert f"port {port} of server is taken by pid {os.getpid()} (" in str(problem.value)
    assert process.leader(runtime, service) is None


def test_http_probe__does_not_believe_a_stranger(runtime: Runtime, services: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        service = services.make("sleeper", SLEEPS)
        pid = process.start(runtime, service)
        assert HttpProbe(host="127.0.0.1", port=port, path="/").check(pid) == f"does not listen on port {port} yet"
        assert holder(port)
    assert holder(port) is None


def test_status_file_probe__wants_the_file_of_this_very_process(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    probe = StatusFileProbe(path=path)
    assert probe.check(7) == "its query has not started yet"
    path.write_text(json.dumps({"pid": 6}))
    assert probe.check(7) == "its query has not started yet: status.json is of pid 6"
    path.write_text(json.dumps({"pid": 7}))
    assert probe.check(7) is None


def test_leader__is_not_a_stranger_that_got_the_same_pid(runtime: Runtime, services: Services) -> None:
    service = services.make("sleeper", SLEEPS)
    stranger = psutil.Process()
    path = runtime.pid_file(service)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"pid": stranger.pid, "created": stranger.create_time() - 60}))
    assert process.leader(runtime, service) is None
    assert process.family(runtime, service) == []
    assert process.stop(runtime, service) is False


def test_leader__is_found_by_another_launcher(runtime: Runtime, services: Services) -> None:
    service = services.make("sleeper", SLEEPS)
    pid = process.start(runtime, service)
    told = subprocess.run(
        [sys.executable, "-c", f"import psutil; print(psutil.Process({pid}).create_time())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert abs(float(told.stdout) - json.loads(runtime.pid_file(service).read_text())["created"]) < 0.1


@pytest.mark.parametrize("apart", [False, True])
def test_stop__ends_the_children_of_a_killed_leader(runtime: Runtime, services: Services, apart: bool) -> None:
    service = services.make("parent", HAS_CHILD.format(apart=apart) + SLEEPS)
    up(runtime, service)
    leader, child = process.family(runtime, service)
    leader.kill()
    while process.leader(runtime, service):
        time.sleep(0.01)
    assert process.family(runtime, service) == [child]
    assert process.stop(runtime, service) is True
    assert gone(child)


def test_up__ends_the_children_of_a_killed_leader_first(runtime: Runtime, services: Services) -> None:
    service = services.make("parent", HAS_CHILD.format(apart=False) + SLEEPS)
    up(runtime, service)
    leader, child = process.family(runtime, service)
    leader.kill()
    leader.wait()
    up(runtime, service)
    assert gone(child)
    assert process.leader(runtime, service) not in (None, leader)


def test_stop__kills_what_ignores_sigterm(runtime: Runtime, services: Services) -> None:
    service = services.make("stubborn", IGNORES_SIGTERM + SLEEPS, stop_timeout_s=0.3)
    up(runtime, service)
    pid = process.leader(runtime, service)
    process.stop(runtime, service)
    assert pid is not None
    assert gone(pid)
    assert process.exit_code(pid.pid) == -signal.SIGKILL


def test_first_start__runs_once(runtime: Runtime, services: Services, tmp_path: Path) -> None:
    made = tmp_path / "made"
    program = (
        f"from pathlib import Path\np = Path({str(made)!r})\np.write_text(p.read_text() + 'x' if p.exists() else 'x')"
    )
    first = FirstStart(argv=(sys.executable, "-c", program), made=made)
    service = services.make("formatted", SLEEPS, first_start=first)
    for _ in range(2):
        up(runtime, service)
        process.stop(runtime, service)
    assert made.read_text() == "x"


def test_first_start__that_fails_is_one_line_with_its_last_words(runtime: Runtime, services: Services) -> None:
    first = FirstStart(
        argv=(sys.executable, "-c", "print('disk is read-only'); raise SystemExit(4)"), made=Path("/none")
    )
    service = services.make("formatted", SLEEPS, first_start=first)
    with pytest.raises(ServiceError, match=r"^formatted could not be prepared \(exit code 4\).*\n  disk is read-only$"):
        up(runtime, service)


def test_last_words__reads_no_more_than_the_end(tmp_path: Path) -> None:
    log = tmp_path / "big.log"
    log.write_text("".join(f"line {i}\n" for i in range(200_000)))
    assert process.last_words(log, 2) == ["line 199998", "line 199999"]
    assert process.last_words(tmp_path / "none.log") == []


def test_start__empties_what_a_killed_process_left(runtime: Runtime, services: Services, tmp_path: Path) -> None:
    scratch = tmp_path / "spark" / "scratch"
    (scratch / "blockmgr-1").mkdir(parents=True)
    (scratch / "blockmgr-1" / "state.sst").touch()
    up(runtime, services.make("working", SLEEPS, scratch=(scratch,)))
    assert list(scratch.iterdir()) == []

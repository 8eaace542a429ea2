"""The OpenADR VTN and its PostgreSQL, started by the launcher; Gridflex's client in both roles."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from gridflex.adapters.openadr import (
    Event,
    Interval,
    IntervalPeriod,
    OpenAdrClient,
    OpenAdrError,
    Payload,
    Program,
    Report,
    ReportDescriptor,
    ReportResource,
    Resource,
    Role,
    Ven,
    open_client,
)
from gridflex.adapters.openadr.logins import logins_file, make_logins, openadr_folder
from gridflex.adapters.openadr.users import ensure_clients, secret_file
from gridflex.config import Config
from gridflex.errors import UsageError
from gridflex.operations.local.stack import Stack
from tests.support.openadr import LossyLine, need_vtn
from tests.support.stack import halted, pids, running_stack

pytestmark = pytest.mark.component
POSTGRES, VTN = "openadr-postgres", "openadr-vtn"
SHED = "DISPATCH_SETPOINT_RELATIVE"
START = dt.datetime(2027, 7, 14, 18, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    need_vtn(request)
    with running_stack(tmp_path_factory.mktemp("openadr"), "openadr") as running:
        yield running


@pytest.fixture
def business(stack: Stack) -> Iterator[OpenAdrClient]:
    with open_client(stack.config, Role.BUSINESS, {}) as client:
        yield client


@pytest.fixture
def ven(stack: Stack) -> Iterator[OpenAdrClient]:
    with open_client(stack.config, Role.VEN, {}) as client:
        yield client


@pytest.fixture
def program(business: OpenAdrClient) -> Program:
    return business.ensure_program(Program(program_name="gridflex-curtailment"))


@pytest.fixture
def event(program: Program) -> Event:
    """An event of a name of its own, with two intervals of five minutes."""
    assert program.id
    intervals = [Interval(id=number, payloads=(Payload(type=SHED, values=(-120.5 * number,)),)) for number in (0, 1)]
    return Event(
        program_id=program.id,
        event_name=f"plan-{uuid.uuid4()}",
        priority=1,
        interval_period=IntervalPeriod(start=START, duration=dt.timedelta(minutes=5)),
        report_descriptors=(ReportDescriptor(payload_type="READING", reading_type="MEAN", units="KW", aggregate=True),),
        intervals=tuple(intervals),
    )


def named(client: OpenAdrClient, event: Event) -> list[Event]:
    return [one for one in client.events(event.program_id) if one.event_name == event.event_name]


def report_on(event: Event, name: str, power_kw: float) -> Report:
    assert event.id
    payloads = (Payload(type="READING", values=(power_kw,)), Payload(type="OPERATING_STATE", values=("NORMAL",)))
    resource = ReportResource(resource_name="AGGREGATED_REPORT", intervals=(Interval(id=0, payloads=payloads),))
    return Report(event_id=event.id, client_name="ven-1", report_name=name, resources=(resource,))


def at(config: Config, name: str = "", secret: str = "", port: int = 0, timeout_s: float = 10) -> OpenAdrClient:
    login = make_logins(config, {})[Role.BUSINESS]
    url = f"http://127.0.0.1:{port or config.openadr.port}"
    return OpenAdrClient(url, name or login.username, secret or login.password, timeout_s=timeout_s)


def test_event__put_again_is_there_once_and_changes_when_it_differs(business: OpenAdrClient, event: Event) -> None:
    first = business.put_event(event)
    assert business.put_event(event) == first
    changed = event.model_copy(update={"priority": 3})
    second = business.put_event(changed)
    assert (second.id, second.priority) == (first.id, 3)
    assert named(business, event) == [second]
    assert event.same_content(first)


def test_event__put_by_eight_at_once_is_there_once(stack: Stack, business: OpenAdrClient, event: Event) -> None:
    def put(_: int) -> str | None:
        with open_client(stack.config, Role.BUSINESS, {}) as client:
            return client.put_event(event).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(put, range(8)))) == 1
    assert len(named(business, event)) == 1


@pytest.mark.parametrize("breaks", [True, False], ids=["connection breaks", "no answer comes"])
def test_event__whose_answer_gets_lost_is_posted_once(stack: Stack, event: Event, breaks: bool) -> None:
    line = LossyLine(stack.config.openadr.port)
    line.lost, line.breaks = b"POST /events", breaks
    with at(stack.config, port=line.port, timeout_s=1.5) as client:
        found = client.put_event(event)
        assert named(client, event) == [found]
    assert line.requests.count("POST /events") == 1
    line.close()


def test_event__is_cancelled_by_an_update_and_its_reports_stay(
    business: OpenAdrClient, ven: OpenAdrClient, event: Event
) -> None:
    kept = business.put_event(event)
    ven.put_report(report_on(kept, "during", 180))
    cancelled = business.cancel_event(event)
    assert (cancelled.id, cancelled.is_cancelled) == (kept.id, True)
    assert [one.is_cancelled for one in named(ven, event)] == [True]
    assert len(business.reports(kept.id)) == 1
    assert business.cancel_event(event) == cancelled
    with pytest.raises(OpenAdrError, match="cancelled at the VTN, and stays so"):
        business.put_event(event)


def test_event__that_is_not_there_cannot_be_cancelled(business: OpenAdrClient, event: Event) -> None:
    with pytest.raises(OpenAdrError, match="nothing to cancel") as refused:
        business.cancel_event(event)
    assert refused.value.status == 404


def test_events__are_listed_over_all_pages(business: OpenAdrClient, event: Event) -> None:
    own = business.ensure_program(Program(program_name=f"pages-{uuid.uuid4()}"))
    assert own.id
    names = {f"page-{number}" for number in range(53)}
    for name in names:
        business.put_event(event.model_copy(update={"program_id": own.id, "event_name": name}))
    assert {one.event_name for one in business.events(own.id)} == names


def test_event__that_nobody_could_act_on_is_not_sent(business: OpenAdrClient, event: Event) -> None:
    with pytest.raises(UsageError, match="no intervals"):
        business.put_event(event.model_copy(update={"intervals": ()}))
    assert named(business, event) == []


def test_report__put_again_is_there_once(business: OpenAdrClient, ven: OpenAdrClient, event: Event) -> None:
    kept = business.put_event(event)
    first = ven.put_report(report_on(kept, "interval-0", 180))
    assert ven.put_report(report_on(kept, "interval-0", 180)) == first
    second = ven.put_report(report_on(kept, "interval-0", 175.5))
    assert (second.id, business.reports(kept.id)) == (first.id, [second])
    assert second.resources[0].intervals[0].payloads[0].values == (175.5,)


def test_targets__hide_an_event_from_other_vens(business: OpenAdrClient, ven: OpenAdrClient, event: Event) -> None:
    here = business.ensure_ven(Ven(ven_name="ven-1", client_id="gridflex-ven", targets=("feeder-1",)))
    assert business.ensure_ven(Ven(ven_name="ven-1", client_id="gridflex-ven")) == here
    plug = Resource(resource_name="plug-1", ven_id=here.id, targets=("plug-1",))
    assert business.ensure_resource(plug) == business.ensure_resource(plug)
    mine = business.put_event(event.model_copy(update={"targets": ("feeder-1",)}))
    other = event.model_copy(update={"targets": ("feeder-2",), "event_name": f"{event.event_name}-other"})
    business.put_event(other)
    assert named(ven, event) == [mine]
    assert named(ven, other) == []


def test_refusals__are_one_clear_line(
    stack: Stack, business: OpenAdrClient, ven: OpenAdrClient, event: Event, program: Program
) -> None:
    with (
        at(stack.config, secret="wrong" * 8) as stranger,
        pytest.raises(OpenAdrError, match="knows no client") as found,
    ):
        stranger.events()
    assert found.value.status == 401
    with pytest.raises(OpenAdrError, match=r"does not allow it: POST /events: HTTP 403.*write_events") as found:
        ven.put_event(event)
    assert found.value.status == 403
    with pytest.raises(OpenAdrError, match="contradicts what is there: POST /events: HTTP 409") as found:
        business.put_event(event.model_copy(update={"program_id": "nobodys-program"}))
    assert found.value.status == 409
    many = tuple(Interval(id=n, payloads=(Payload(type="X", values=("x" * 1000,)),)) for n in range(3000))
    # The VTN answers 400 and closes; where its answer gets lost by that, the connection breaks.
    with pytest.raises(OpenAdrError, match=r"HTTP 400.*length limit exceeded|broke during POST /events") as found:
        business.put_event(event.model_copy(update={"intervals": many}))
    assert found.value.status in {400, None}
    assert named(business, event) == []


def test_token__that_the_vtn_no_longer_knows_is_renewed(stack: Stack, business: OpenAdrClient, event: Event) -> None:
    business._session.use_token("stale", 1000)
    assert business.put_event(event).event_name == event.event_name


def test_clients__whose_secrets_are_lost_get_new_ones_and_lose_the_old(stack: Stack) -> None:
    before = make_logins(stack.config, {})[Role.VEN]
    try:
        logins_file(stack.config).unlink()
        ensure_clients(stack.config)
        after = make_logins(stack.config, {})[Role.VEN]
        assert after.password != before.password
        with at(stack.config, after.username, after.password) as client:
            client.events()
        with at(stack.config, before.username, before.password) as client, pytest.raises(OpenAdrError):
            client.events()
    finally:
        ensure_clients(stack.config)


def test_up__starts_no_second_client_and_keeps_secrets(stack: Stack) -> None:
    before, known = make_logins(stack.config, {}), pids(stack)
    stack.up(["openadr"])
    assert (make_logins(stack.config, {}), pids(stack)) == (before, known)


@pytest.mark.parametrize("killed", [(VTN,), (POSTGRES,), (VTN, POSTGRES)], ids=["vtn", "postgres", "both"])
def test_kill__loses_nothing(stack: Stack, business: OpenAdrClient, event: Event, killed: tuple[str, ...]) -> None:
    kept = business.put_event(event)
    before = pids(stack)
    for name in killed:
        os.kill(before[name] or 0, signal.SIGKILL)
    if VTN in killed:
        with pytest.raises(OpenAdrError, match=r"connection refused|connection to the VTN .* broke"):
            business.events()
    stack.up(["openadr"])
    assert all(pids(stack)[name] not in {None, before[name]} for name in killed)
    assert named(business, event) == [kept]
    assert business.put_event(event) == kept


def test_status__tells_a_halted_database_and_the_client_does_not_hang(stack: Stack, event: Event) -> None:
    with at(stack.config, timeout_s=2) as client:
        client.events()
        with halted(stack, POSTGRES):
            found = {one.name: one for one in stack.status()}
            assert not found[POSTGRES].healthy
    slow = pytest.raises(OpenAdrError, match="no answer to POST /auth/token within 2 s")
    with at(stack.config, timeout_s=2) as client, halted(stack, VTN), slow:
        client.events()


def test_servers__listen_on_the_loopback_address_alone(stack: Stack) -> None:
    found = [psutil.Process(pid) for pid in pids(stack).values() if pid]
    family = [one for process in found for one in (process, *process.children(recursive=True))]
    addresses = {tuple(one.laddr) for process in family for one in process.net_connections("inet")
                 if one.status == psutil.CONN_LISTEN}  # fmt: skip
    assert addresses == {("127.0.0.1", stack.config.openadr.port)}


def test_files__are_closed_to_other_users(stack: Stack) -> None:
    folder = openadr_folder(stack.config)
    assert secret_file(stack.config).stat().st_mode & 0o077 == 0
    assert (folder / "postgres").stat().st_mode & 0o077 == 0
    assert stack.config.state_dir.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try it as another user")
def test_database__lets_no_other_user_in(stack: Stack) -> None:
    folder = openadr_folder(stack.config) / "postgres"
    owner = folder.stat().st_uid
    assert owner != 0
    # Even through the server's own open folder, which another user's process cannot follow.
    for path in (folder, Path(f"/proc/{pids(stack)[POSTGRES]}/cwd")):
        tried = subprocess.run(
            ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "cat", str(path / "PG_VERSION")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (tried.returncode, tried.stdout) != (0, "17\n")
        assert "Permission denied" in tried.stderr
    environ = Path(f"/proc/{pids(stack)[VTN]}/environ").read_text()
    assert secret_file(stack.config).read_text() not in environ
    assert Path(f"/proc/{pids(stack)[VTN]}").stat().st_uid == owner

from __future__ import annotations

import json
import re
import shlex
import zipfile
from pathlib import Path

import pytest

from gridflex.config import ROOT, Config
from gridflex.errors import ConfigError, UsageError
from gridflex.operations.cluster import pack as packing
from gridflex.operations.cluster.description import Cluster, Machine, read_cluster
from gridflex.operations.cluster.druid_files import ROLES, health_checks
from gridflex.operations.cluster.machine_files import ALL_ROLES, machine_files, parse_replays
from gridflex.operations.cluster.properties import CLUSTER, overlaid
from gridflex.operations.cluster.units import Unit, unit_of
from gridflex.operations.local.service_list import all_services
from gridflex.operations.local.services import find

CLUSTER_OF_THREE = Cluster(
    zookeepers=tuple(f"druid-zookeeper-{number}.grid.internal" for number in (1, 2, 3)),
    metadata_host="db.grid.internal",
    metadata_port=5432,
    metadata_name="druid",
    metadata_user="druid",
    deep_storage="grid-druid",
    deep_storage_key="arn:aws:kms:eu-west-1:123456789012:key/1",
    task_slots=10,
)


def machine(role: str) -> Machine:
    return Machine(hostname=f"{role}-2.grid.internal", memory_mb=32_000, cores=8, disk_mb=100_000)


def files(role: str) -> dict[str, str]:
    made = machine_files(role, Config(), machine(role), CLUSTER_OF_THREE, parse_replays("a:redd:0:3", Path("/data")))
    return {str(path): text for path, text in made.items()}


def settings(role: str, process: str) -> dict[str, str]:
    found = files(role)
    folder = f"/etc/gridflex/druid/{process}"
    text = found[f"{folder}/common.runtime.properties"] + found[f"{folder}/runtime.properties"]
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


@pytest.mark.parametrize("role", ALL_ROLES)
def test_machine_files__are_complete_and_hold_a_unit(role: str) -> None:
    found = files(role)
    assert any(path.endswith(".service") for path in found)
    assert not [path for path, text in found.items() if "${" in text]


@pytest.mark.parametrize("role", [role for role in ROLES if role != "druid-zookeeper"])
def test_druid__keeps_every_setting_of_one_machine_that_the_cluster_does_not_change(role: str) -> None:
    for path, text in files(role).items():
        if not path.endswith(".properties"):
            continue
        base, overlay = re.findall(r"infra/[\w/.]+", text.splitlines()[0])
        here = _pairs((ROOT / base).read_text())
        changed = _pairs((ROOT / overlay).read_text())
        kept = {key: value for key, value in here.items() if key not in changed and "${" not in value}
        assert kept
        assert kept.items() <= _pairs(text).items()


def test_druid__never_restores_tasks_on_restart() -> None:
    assert settings("druid-middle-manager", "middleManager")["druid.indexer.task.restoreTasksOnRestart"] == "false"


@pytest.mark.parametrize(
    ("role", "process"),
    [
        ("druid-coordinator", "coordinator"),
        ("druid-query", "broker"),
        ("druid-query", "router"),
        ("druid-historical", "historical"),
        ("druid-middle-manager", "middleManager"),
    ],
)
def test_druid__speaks_tls_alone_and_knows_its_users(role: str, process: str) -> None:
    found = settings(role, process)
    assert found["druid.enablePlaintextPort"] == "false"
    assert found["druid.enableTlsPort"] == "true"
    assert "druid.plaintextPort" not in found
    assert found["druid.auth.authenticatorChain"] == '["basic"]'
    assert found["druid.metadata.postgres.ssl.sslMode"] == "verify-full"
    extensions = json.loads(found["druid.extensions.loadList"])
    assert {"druid-basic-security", "simple-client-sslcontext", "druid-avro-extensions"} <= set(extensions)


def test_druid__has_no_secret_in_any_file() -> None:
    for role in ROLES:
        for path, text in files(role).items():
            for line in text.splitlines():
                if re.search(r"^[\w.]*password=", line, re.IGNORECASE):
                    assert json.loads(line.partition("=")[2])["type"] == "environment", f"{path}: {line}"


def test_tasks__get_every_option_of_a_druid_jvm_and_fit_into_the_machine() -> None:
    found = settings("druid-middle-manager", "middleManager")
    options = json.loads(found["druid.indexer.runner.javaOptsArray"])
    assert "--add-opens=java.base/java.nio=ALL-UNNAMED" in options
    heap_mb = int(next(re.match(r"-Xmx(\d+)m", one) for one in options if one.startswith("-Xmx")).group(1))
    direct = next(one for one in options if "MaxDirectMemorySize" in one)
    direct_mb = int(re.search(r"(\d+)m$", direct).group(1))
    assert CLUSTER_OF_THREE.task_slots * (heap_mb + direct_mb) < machine("x").memory_mb * 0.9
    buffer_bytes = int(found["druid.indexer.fork.property.druid.processing.buffer.sizeBytes"])
    assert buffer_bytes * (1 + 2 + 1) <= direct_mb << 20


def test_zookeeper__numbers_itself_by_its_place_in_the_ensemble() -> None:
    found = files("druid-zookeeper")
    assert found["/var/lib/gridflex/zookeeper/myid"] == "2\n"
    text = found["/etc/gridflex/zookeeper/zoo.cfg"]
    assert "server.3=druid-zookeeper-3.grid.internal:2888:2889" in text
    assert "secureClientPort=2281" in text
    assert "\nclientPort=" not in text


def test_overlay__refuses_to_leave_out_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zoo.cfg").write_text("tickTime=\nnoSuchKey=\n")
    monkeypatch.setattr("gridflex.operations.cluster.properties.CLUSTER", tmp_path)
    with pytest.raises(ConfigError, match=r"noSuchKey is left out, but infra/local/zookeeper/zoo\.cfg has no such key"):
        overlaid("zookeeper/zoo.cfg", "zoo.cfg", {})


def test_overlay__names_the_value_that_lacks() -> None:
    with pytest.raises(ConfigError, match="no value for 'port'"):
        overlaid("zookeeper/zoo.cfg", "zookeeper/zoo.cfg", {"data_dir": "/x", "tls_dir": "/y"})


def test_every_overlay__is_used() -> None:
    used = {name for role in ROLES for text in files(role).values() for name in re.findall(r"infra/cluster/\S+", text)}
    there = {str(path.relative_to(ROOT)) for path in CLUSTER.rglob("*") if path.suffix in {".properties", ".cfg"}}
    assert used == there


def test_health_checks__are_those_of_the_launcher() -> None:
    local = find(all_services(Config()), "druid-router").probe.probes[0]
    asked = {check["url"]: check for check in health_checks("druid-query", machine("druid-query"))}
    router = asked["https://druid-query-2.grid.internal:9088/druid/v2/sql"]
    assert (router["contains"], router["body"]) == (local.contains, local.body)


def test_read_cluster__says_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match="task_slots: Input should be greater than or equal to 2"):
        read_cluster(CLUSTER_OF_THREE.model_copy(update={"task_slots": 1}).model_dump_json())


def test_parse_replays__names_the_word_that_is_none() -> None:
    with pytest.raises(UsageError, match=r"replay 'a:london:0:1': expected NAME:redd\|greend:A:B"):
        parse_replays("b:redd:0:1 a:london:0:1", Path("/data"))


def test_unit__quotes_what_systemd_would_read_otherwise() -> None:
    unit = Unit(name="x", argv=("/bin/echo", "50%", 'say "$HOME"', "a\\b"), env={"PLAN": '[{"name": "a b"}]'})
    assert r'ExecStart="/bin/echo" "50%%" "say \"$$HOME\"" "a\\b"' in unit.text()
    assert r'Environment="PLAN=[{\"name\": \"a b\"}]"' in unit.text()


def test_unit__runs_what_the_launcher_runs() -> None:
    service = find(all_services(Config()), "superset")
    text = unit_of(service).text()
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert tuple(shlex.split(line.removeprefix("ExecStart=").replace("$$", "$").replace("%%", "%"))) == service.argv


def test_events__listen_on_the_loopback_and_take_their_secrets_from_memory() -> None:
    (text,) = files("events").values()
    assert 'Environment="GRIDFLEX_LAUNCHER_HOST=127.0.0.1"' in text
    assert "EnvironmentFile=/run/gridflex/secrets.env\n" in text
    assert "GRIDFLEX_EVENTS_TOKEN" not in text
    assert "Restart=always" in text


def test_pack__is_the_same_for_the_same_files_and_leaves_out_what_is_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stack" / "spark").mkdir(parents=True)
    (tmp_path / "stack" / "spark" / "a.jar").write_bytes(b"jar")
    monkeypatch.setattr(packing, "STACK", tmp_path / "stack")
    first = [path.read_bytes() for path in packing.pack(tmp_path / "one")]
    assert [path.read_bytes() for path in packing.pack(tmp_path / "two")] == first
    names = set(zipfile.ZipFile(tmp_path / "one" / packing.CODE).namelist())
    assert {
        "gridflex/config/loading.py",
        "stream_processing/__main__.py",
        "schemas/appliance_reading.avsc",
        "requirements/core.txt",
        "infra/local/log4j2.properties",
        "infra/terraform/boot/boot.sh",
    } <= names
    assert not [name for name in names if "__pycache__" in name or ".terraform/" in name or "tfstate" in name]


def test_pack__knows_programs_from_files_and_nothing_of_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "ROOT", tmp_path)
    monkeypatch.setattr(packing, "_sources", lambda: sorted(path for path in tmp_path.iterdir() if path.is_file()))
    monkeypatch.setattr(packing, "STACK", tmp_path / "stack")
    (tmp_path / "stack" / "spark").mkdir(parents=True)
    for name in ("a.jar", "file.py", "run.sh"):
        (tmp_path / ("stack/spark" if name == "a.jar" else "") / name).write_text("same")

    def packed(file_mode: int, program_mode: int) -> list[bytes]:
        (tmp_path / "file.py").chmod(file_mode)
        (tmp_path / "stack" / "spark" / "a.jar").chmod(file_mode)
        (tmp_path / "run.sh").chmod(program_mode)
        return [path.read_bytes() for path in packing.pack(tmp_path / "out")]

    assert packed(0o664, 0o775) == packed(0o600, 0o700) != packed(0o700, 0o600)


def test_pack__says_how_to_get_the_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "STACK", tmp_path)
    with pytest.raises(UsageError, match="make stack"):
        packing.pack(tmp_path / "out")


def _pairs(text: str) -> dict[str, str]:
    lines = (line.strip() for line in text.splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

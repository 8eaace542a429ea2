"""Every value of ``config.ini`` that cannot be meant is refused at load: its key, what was found, what is allowed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gridflex.config import ROOT, Config, load_config
from gridflex.config.event_users import TOKEN_VARIABLE
from gridflex.config.loading import _VARIABLES
from gridflex.config.variables import OTHERS, SUPERSET_PASSWORD
from gridflex.errors import ConfigError
from gridflex.operations.local.spark_service import config_environ


def keys_of(kind: type) -> list[tuple[str, str]]:
    return [
        (section, key)
        for section, field in Config.model_fields.items()
        for key, value in field.annotation.model_fields.items()  # type: ignore[union-attr]
        if value.annotation is kind
    ]


def all_refused(folder: Path, kind: type, value: str) -> None:
    path = folder / "config.ini"
    keys = keys_of(kind)
    sections = {section: "" for section, _ in keys}
    for section, key in keys:
        sections[section] += f"{key} = {value}\n"
    path.write_text("".join(f"[{section}]\n{lines}" for section, lines in sections.items()))
    with pytest.raises(ConfigError) as problem:
        load_config(path, environ={})
    assert len(keys) > 10
    for section, key in keys:
        assert f"{section}.{key}: found '{value[:100]}" in str(problem.value)


def refusal(folder: Path, content: str | bytes, **environ: str) -> str:
    path = folder / "config.ini"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as problem:
        load_config(path, environ=environ)
    message = str(problem.value)
    assert len(message.splitlines()) == 1, message
    return message


def of(section: str, key: str, value: object) -> str:
    return f"[{section}]\n{key} = {value}\n"


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e400", "1e30", "-1", "1,5", "60 ; a minute"])
def test_number__is_finite_and_bounded(tmp_path: Path, value: str) -> None:
    all_refused(tmp_path, float, value)


@pytest.mark.parametrize("value", ["0", "-1", "1e3", "2.5", "inf", "9" * 20, "9" * 5000, "6 ; six"])
def test_count__is_whole_positive_and_bounded(tmp_path: Path, value: str) -> None:
    all_refused(tmp_path, int, value)


@pytest.mark.parametrize(
    ("section", "key", "value", "allowed"),
    [
        ("launcher", "host", '"127.0.0.1', "a host's name or IPv4 address"),
        ("launcher", "host", "“127.0.0.1”", "a host's name or IPv4 address"),
        ("launcher", "host", "http://127.0.0.1", "a host's name or IPv4 address"),
        ("launcher", "host", "127.0.0.1:9092", "a host's name or IPv4 address"),
        ("launcher", "host", "256.0.0.1", "a host's name or IPv4 address"),
        ("launcher", "host", "local host", "a host's name or IPv4 address"),
        ("launcher", "host", "", "a host's name or IPv4 address"),
        ("launcher", "host", "127.0.0.1 ; here", "a host's name or IPv4 address"),
        ("kafka", "bootstrap_servers", "kafka-1", "host:port"),
        ("kafka", "bootstrap_servers", "kafka-1:9092,", "host:port"),
        ("kafka", "bootstrap_servers", "kafka-1:99999", "host:port"),
        ("kafka", "bootstrap_servers", "PLAINTEXT://kafka-1:9092", "host:port"),
        ("druid", "router_url", "127.0.0.1:8888", "http:// or https://"),
        ("druid", "router_url", "http://127.0.0.1:88888", "http:// or https://"),
        ("druid", "router_url", "http://127.0.0.1/druid", "http:// or https://"),
        ("druid", "router_url", "https://", "http:// or https://"),
        ("druid", "router_url", "", "http:// or https://"),
        ("druid", "router_url", "https://ann:sesame@druid:8888", "they come from the environment"),
        ("superset", "url", "superset.example", "http:// or https://"),
        ("airflow", "url", "ftp://airflow.example", "http:// or https://"),
        ("kafka", "topic_readings", "power raw", "at most 249 letters"),
        ("kafka", "topic_readings", "", "at most 249 letters"),
        ("kafka", "topic_readings", "__consumer_offsets", "at most 249 letters"),
        ("duty_cycle", "slide_s", "30", "Input should be 60"),
        ("duty_cycle", "slide_s", "a minute", "a whole number"),
        ("duty_cycle", "window_s", "100", "such as 60 or 120"),
        ("duty_cycle", "window_s", "601", "such as 600 or 660"),
        ("duty_cycle", "window_s", "30", "greater than or equal to 60"),
        ("batch", "time_zone", "Africa", "Africa/Abidjan"),
        ("batch", "time_zone", "America/Argentina", "America/Argentina/Buenos_Aires"),
        ("batch", "time_zone", "Afrika/Tunis", "Africa/Tunis"),
        ("batch", "time_zone", "africa/tunis", "Africa/Tunis"),
        ("batch", "time_zone", "../../etc/passwd", "an IANA name"),
        ("batch", "time_zone", "/usr/share/zoneinfo/Africa/Tunis", "an IANA name"),
        ("batch", "time_zone", "tzdata.zi", "an IANA name"),
        ("batch", "time_zone", "right/Africa/Tunis", "an IANA name"),
        ("batch", "time_zone", "localtime", "an IANA name"),
        ("batch", "time_zone", "+01:00", "an IANA name"),
        ("batch", "time_zone", "", "an IANA name"),
        ("batch", "exchange", "s3://", "s3://bucket/prefix"),
        ("batch", "exchange", "gs://bucket/prefix", "s3://bucket/prefix"),
        ("baselines", "window", "20:00-17:00", "must end after it starts"),
        ("baselines", "window", "17:10-20:00", "intervals are 30 min"),
        ("baselines", "window", "5pm-8pm", "HH:MM-HH:MM"),
        ("baselines", "holidays", "Tunisia", "a country such as TN"),
        ("baselines", "holidays", "GB-LONDON", "GB-ENG"),
        ("baselines", "interval_minutes", "45", "15, 30 or 60"),
        ("airflow", "start_date", "01/03/2026", "YYYY-MM-DD"),
        ("airflow", "start_date", "2026-02-30", "YYYY-MM-DD"),
        ("airflow", "start_date", "20260301", "YYYY-MM-DD"),
        ("airflow", "user", "ann:admin,bob", "letters, digits"),
        ("superset", "users", "ann:king", "roles: admin, operator"),
        ("superset", "users", "ann:operator", "at least one user must be admin"),
        ("events", "users", "ann:king", "roles: planner, approver, viewer"),
        ("events", "users", "ann:planner:", "roles: planner, approver, viewer"),
        ("events", "users", "ann:planner:Sfax+", "roles: planner, approver, viewer"),
        ("events", "users", "ann:planner, ann:viewer", "a name stands twice"),
        ("events", "users", "a b:planner", "roles: planner, approver, viewer"),
        ("events", "users", "gridflex:planner", "gridflex is the platform itself"),
        ("spark", "master", "local[", "local[N]"),
        ("spark", "driver_memory", "1024", "its unit"),
        ("spark", "driver_memory", "1.5g", "its unit"),
        ("launcher", "state_dir", "", "a path"),
        ("launcher", "state_dir", ".", "a folder of its own"),
        ("launcher", "state_dir", "/", "a folder of its own"),
        ("launcher", "state_dir", "~nobody-at-all/gf", "may begin with ~/"),
        ("launcher", "state_dir", "$NOT_SET_ANYWHERE/gf", "may begin with ~ or $HOME"),
        ("launcher", "state_dir", "var ; my state", "a comment stands on a line of its own"),
        ("launcher", "state_dir", "C:\\gridflex", "a path without"),
        ("launcher", "state_dir", "var\n  host = localhost", "stands on one line"),
        ("replay", "premises", "~nobody-at-all/premises.csv", "may begin with ~/"),
        ("flexibility", "participation", "$NOT_SET_ANYWHERE/who.csv", "may begin with ~ or $HOME"),
        ("baselines", "excluded_days", "days.txt # events", "a comment stands on a line of its own"),
    ],
)
def test_value__is_refused_with_its_key_and_what_is_allowed(
    tmp_path: Path, section: str, key: str, value: str, allowed: str
) -> None:
    message = refusal(tmp_path, of(section, key, value))
    assert f"{section}.{key}: found " in message
    assert allowed in message
    assert "(config.ini:2)" in message
    assert "Value error" not in message


@pytest.mark.parametrize(
    "keys",
    [
        ("launcher.kafka_port", "launcher.kafka_controller_port"),
        ("launcher.druid_router_port", "superset.port"),
        ("launcher.kafka_port", "airflow.port"),
        ("airflow.port", "superset.port"),
    ],
)
def test_ports__are_different_ones(tmp_path: Path, keys: tuple[str, str]) -> None:
    content = "".join(of(*key.split("."), 7000) for key in keys)
    if keys[0].split(".")[0] == keys[1].split(".")[0]:
        content = "[launcher]\nkafka_port = 7000\nkafka_controller_port = 7000\n"
    assert f"{keys[0]} and {keys[1]} are all on port 7000; allowed: one each" in refusal(tmp_path, content)


def test_ports__differ_from_the_defaults_too(tmp_path: Path) -> None:
    message = refusal(tmp_path, of("superset", "port", 8080))
    assert "airflow.port and superset.port are all on port 8080" in message


def test_topics__are_different_ones(tmp_path: Path) -> None:
    message = refusal(tmp_path, of("kafka", "topic_dead_letters", "powerraw"))
    assert "kafka.topic_readings and kafka.topic_dead_letters are all in topic powerraw" in message


def test_quotes_around_a_value__are_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text('[launcher]\nhost = "localhost"\nkafka_port = \'7000\'\n[druid]\nrouter_url = "http://d:8888/"\n')
    config = load_config(path, environ={"GRIDFLEX_KAFKA_BOOTSTRAP_SERVERS": ' "one:1, two:2" '})
    assert (config.launcher.host, config.launcher.kafka_port) == ("localhost", 7000)
    assert (config.druid.router_url, config.kafka.bootstrap_servers) == ("http://d:8888", "one:1,two:2")


def test_paths__begin_at_home_where_they_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "config.ini"
    path.write_text(
        "[launcher]\nstate_dir = ~/gf\n[replay]\npremises = $HOME/p.csv\n[batch]\nexchange = ~/exchange\n"
        "[kafka]\nsecurity_protocol = SSL\nca_file = ~/ca.pem\n[flexibility]\nparticipation = ${HOME}/who.csv\n"
        "[baselines]\nexcluded_days = ~/days\n[superset]\nenvironment = ~/superset\n"
        "[airflow]\nenvironment = ~/airflow\n"
    )
    config = load_config(path, environ={})
    assert config.state_dir == tmp_path / "gf"
    assert config.replay.premises == tmp_path / "p.csv"
    assert (config.batch.exchange, config.kafka.ca_file) == (f"{tmp_path}/exchange", f"{tmp_path}/ca.pem")
    assert (config.flexibility.participation, config.baselines.excluded_days) == (
        f"{tmp_path}/who.csv",
        f"{tmp_path}/days",
    )
    assert {config.superset.environment, config.airflow.environment} == {tmp_path / "superset", tmp_path / "airflow"}
    assert load_config(environ=config_environ(config)) == config


def test_users__may_take_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text("[superset]\nusers = ann:admin,\n  tom:regional:Le Kef\n")
    assert "tom" in load_config(path, environ={}).superset.users


def test_good_values__are_taken(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text(
        "[duty_cycle]\nwindow_s = 900\n[batch]\ntime_zone = Asia/Kathmandu\nexchange = s3://lake/x?region=eu-west-1\n"
        "[baselines]\nwindow = 18:15-19:45\ninterval_minutes = 15\nholidays = GB-ENG\n"
        "[airflow]\nstart_date = 2026-03-01\n"
        "[spark]\nmaster = spark://[::1]:7077\ndriver_memory = 900m\n[superset]\nurl = https://there.example/superset\n"
    )
    config = load_config(path, environ={})
    assert (config.duty_cycle.window_s, config.batch.time_zone) == (900, "Asia/Kathmandu")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe[\0k\0]\0", "it is UTF-16; save it as UTF-8"),
        ("[kafka]\npartitions = 3".encode("utf-16-le"), "config.ini:1: a NUL byte"),
        (b"[kafka]\npartitions = 3\0\n", "config.ini:2: a NUL byte"),
        (b"[kafka]\n; caf\xe9\npartitions = 3\n", "config.ini:2: found b'; caf\\xe9', which is not UTF-8"),
        (b"[kafka]\npartitions = 3\n[spark]\n[kafka]\n", "config.ini:4: section [kafka] stands twice"),
        (b"[kafka]\npartitions = 3\nPartitions = 4\n", "config.ini:3: kafka.partitions stands twice"),
        (b"partitions = 3\n", "config.ini:1: found 'partitions = 3' before any section; expected a line such as"),
        (b"[kafka]\npartitions\n", "config.ini:2: found 'partitions"),
        (b"[kafka\npartitions = 3\n", "config.ini:1: found '[kafka'"),
        (b"#" * 1_000_001, "larger than 1,000,000 bytes"),
    ],
)
def test_file__that_is_none_is_told_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    message = refusal(tmp_path, content)
    assert message.startswith(f"cannot read {tmp_path}/config.ini")
    assert told in message


def test_file__with_a_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_bytes(b"\xef\xbb\xbf[readings]\r\nmax_gap_s = 30\r\n")
    assert load_config(path, environ={}).readings.max_gap_s == 30


def test_file__that_is_a_folder_or_leads_nowhere_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "nowhere", "No such file or directory")):
        with pytest.raises(ConfigError, match=rf"^cannot read {path}: {why}; expected a text file") as problem:
            load_config(environ={"GRIDFLEX_CONFIG": str(path)})
        assert len(str(problem.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("GRIDFLEX_KAFKA_PARTITION", "GRIDFLEX_KAFKA_PARTITIONS"),
        ("GRIDFLEX_KAKFA_PARTITIONS", "GRIDFLEX_KAFKA_PARTITIONS"),
        ("GRIDFLEX_READINGS_MAX_GAP", "GRIDFLEX_READINGS_MAX_GAP_S"),
        ("GRIDFLEX_STATE_DIR", "GRIDFLEX_LAUNCHER_STATE_DIR"),
        ("GRIDFLEX_CONFG", "GRIDFLEX_CONFIG"),
        ("GRIDFLEX_LOGLEVEL", "GRIDFLEX_LOG_LEVEL"),
        ("GRIDFLEX_KAFKA_PASSWD", "GRIDFLEX_KAFKA_PASSWORD"),
        ("GRIDFLEX_SUPERSET_PASSWORD_ADMN", "GRIDFLEX_SUPERSET_PASSWORD_ADMIN"),
        ("gridflex_kafka_partitions", "GRIDFLEX_KAFKA_PARTITIONS"),
        ("GRIDFLX_KAFKA_PARTITIONS", "GRIDFLEX_KAFKA_PARTITIONS"),
    ],
)
def test_variable__that_is_misspelt_is_told_with_the_nearest(tmp_path: Path, name: str, nearest: str) -> None:
    message = refusal(tmp_path, "", **{name: "3"})
    assert f"{name} in the environment: unknown variable; the closest known one: {nearest}" in message


def test_variables__that_override_no_key_are_left_alone(tmp_path: Path) -> None:
    environ = dict.fromkeys(OTHERS - {"GRIDFLEX_CONFIG", "GRIDFLEX_KAFKA_PASSWORD", "GRIDFLEX_KAFKA_USERNAME"}, "x")
    environ |= {"GRIDFLEX_SUPERSET_PASSWORD_ALICE": "x", "GRIDFLEX_SUPERSET_PASSWORD_ADMIN": "x", "GRID_SIZE": "3"}
    assert load_config(environ=environ) == Config()


def test_variables__of_the_whole_repository_are_known() -> None:
    """Whatever boot scripts, tasks and tests set or read."""
    search = ("git", "-C", str(ROOT), "grep", "-hoE", r"\bGRIDFLEX_[A-Z0-9_]+\b", "--")
    kinds = ("*.py", "*.sh", "*.tf", "*.tftpl", "*.md", "Makefile", ".ci", ":!tests/unit/config/test_values.py")
    told = subprocess.run([*search, *kinds], capture_output=True, text=True, check=True).stdout
    names = {name for name in told.split() if not name.endswith("_")}
    assert len(names) > 80
    unknown = {name for name in names if name not in OTHERS | set(_VARIABLES)}
    assert {name for name in unknown if not name.startswith((SUPERSET_PASSWORD, f"{TOKEN_VARIABLE}_"))} == set()


def test_log_level__that_is_none_is_told_in_one_line() -> None:
    command = [sys.executable, "-m", "gridflex.operations.local", "status"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"GRIDFLEX_LOG_LEVEL": "loud"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: GRIDFLEX_LOG_LEVEL: found 'LOUD'; allowed: CRITICAL, DEBUG")
    assert len(done.stderr.splitlines()) == 1

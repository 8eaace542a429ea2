"""The only reader of ``config.ini``.

Every section is a frozen model, every key has an embedded default, and every key can be overridden by
``GRIDFLEX_<SECTION>_<KEY>`` in the environment. Unknown sections and keys are errors; all problems come in one message.
Secrets have no key here: they come from the environment alone.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from gridflex.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: where ``schemas/``, ``database/`` and ``infra/`` stand."""

KAFKA_LOGIN = ("GRIDFLEX_KAFKA_USERNAME", "GRIDFLEX_KAFKA_PASSWORD")
"""The environment's names of Kafka's user and password."""

DRUID_LOGIN = ("GRIDFLEX_DRUID_USERNAME", "GRIDFLEX_DRUID_PASSWORD")
"""The environment's names of Druid's user and password."""

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _with_https(value: str, info: ValidationInfo, address: str) -> str:
    """Whoever names an authority wants it to be asked."""
    if value and not str(info.data.get(address, "https:")).startswith("https:"):
        raise ValueError(f"{address} {info.data[address] or '(empty)'} checks no certificate; allowed with https://")
    return value


class Section(BaseModel):
    """One section of ``config.ini``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Launcher(Section):
    """The local stack: where it keeps its state, on which ports it listens."""

    state_dir: Path = Path("var")
    """Relative to the checkout. Logs, pids, Kafka's log, Druid's segments, Spark's checkpoint."""
    host: str = "127.0.0.1"
    kafka_port: Port = 9092
    kafka_controller_port: Port = 9093
    zookeeper_port: Port = 2181
    druid_coordinator_port: Port = 8081
    druid_broker_port: Port = 8082
    druid_historical_port: Port = 8083
    druid_router_port: Port = 8888
    druid_indexer_port: Port = 8091
    druid_metadata_port: Port = 1527
    start_timeout_s: Positive = 180
    min_free_disk_mb: Count = 2048
    druid_avro: Literal["auto", "official", "stand_in"] = "auto"
    """Druid's Avro extension: the official one, our stand-in of ``infra/local``, or the official one if there."""


class Kafka(Section):
    """The Kafka cluster and its topics."""

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = "PLAINTEXT"
    """SSL encrypts and checks the brokers' certificate; SASL_SSL signs in as well: user and password come from
    ``GRIDFLEX_KAFKA_USERNAME`` and ``GRIDFLEX_KAFKA_PASSWORD`` in the environment."""
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256"] = "SCRAM-SHA-512"
    ca_file: str = ""
    """The authorities that sign the brokers' certificates, as PEM. Relative to the checkout. Empty: the system's."""
    topic_readings: str = "powerraw"
    topic_duty_cycles: str = "dutycycle"
    topic_dead_letters: str = "deadletter"
    topic_flexibility: str = "flexibility"
    partitions: Count = 6
    replication_factor: Count = 1
    transaction_timeout_s: Positive = 60

    @field_validator("ca_file")
    @classmethod
    def _checks_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("security_protocol") == "PLAINTEXT":
            raise ValueError("security_protocol PLAINTEXT checks no certificate; allowed with SSL and SASL_SSL")
        return value


class Druid(Section):
    """The Druid cluster: its router answers for all services."""

    router_url: str = "http://127.0.0.1:8888"
    """With https:// Druid's certificate is checked. User and password come from ``GRIDFLEX_DRUID_USERNAME`` and
    ``GRIDFLEX_DRUID_PASSWORD`` in the environment."""
    ca_file: str = ""
    """The authorities that sign Druid's certificate, as PEM. Relative to the checkout. Empty: the system's."""
    query_timeout_s: Positive = 60
    task_count: Count = 1
    """Ingestion tasks that share the readings' partitions."""

    @field_validator("ca_file")
    @classmethod
    def _checks_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return _with_https(value, info, "router_url")


class Readings(Section):
    """What a good reading is."""

    max_gap_s: Positive = 60
    """A longer time without a reading is a gap: unknown."""
    reorder_s: Positive = 120
    """Rows out of order by up to this are put right; later ones are rejected."""
    max_power_w: Positive = 50_000
    """Power above it is absurd for one circuit of a house."""
    max_future_s: Positive = 300
    """An event time later than this after the message's Kafka time stamp is rejected."""


class Replay(Section):
    """How data sets are played."""

    premises: Path = Path("ingestion/premises.csv")
    """Relative to the checkout: house_id, region, feeder."""
    transaction_readings: Count = 50_000
    """Most readings in one transaction."""
    live_flush_s: Positive = 0.2
    """At the wall clock's pace a transaction is committed at least this often."""


class DutyCycle(Section):
    """Duty windows, in event time."""

    window_s: Count = 600
    slide_s: Count = 60


class Flexibility(Section):
    """What could be shed: who takes part, and which minute is asked for."""

    participation: str = ""
    """File with house_id, appliance_id, reachable, opted_out. Relative to the checkout. Empty: everyone takes part."""
    settle_s: Positive = 90
    """A younger minute still fills up: a plug may speak only once a minute."""


class Spark(Section):
    """The streaming job."""

    master: str = "local[2]"
    driver_memory: str = "1g"
    buckets: Count = 8
    """Hash buckets of appliances; fixed for the life of a checkpoint."""
    shuffle_partitions: Count = 2
    trigger_s: Annotated[float, Field(ge=0)] = 2
    max_offsets_per_trigger: Count = 2_000_000


class Batch(Section):
    """Batch jobs: what they read, what they hand to Druid."""

    time_zone: str = "UTC"
    """Whose days, holidays and evening hours are meant: an IANA name."""
    exchange: str = ""
    """Where large results wait for Druid: a folder that Druid's indexers see, or ``s3://bucket/prefix``.
    Empty: ``exchange`` in the state folder."""
    inline_bytes: Count = 250_000
    """Results up to this size travel inside the task itself."""
    task_timeout_s: Positive = 1800
    """Longest wait for a Druid task, its wait for other tasks' locks included."""
    compact_after_days: Count = 1
    """Younger days are left to the stream."""
    min_observed_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A day on which a smaller share of the appliances' time was observed stops a run."""
    settle_timeout_s: Positive = 120
    """Longest wait for the ingestion to catch up before a run is stopped."""


class Baselines(Section):
    """Baselines from Druid's rollup."""

    interval_minutes: Annotated[Literal[15, 30, 60], BeforeValidator(int)] = 30
    window: str = "17:00-20:00"
    """The hours for which methods adjust themselves and are scored, local."""
    history_days: Count = 120
    """Days before the target day that are read."""
    score_days: Count = 60
    """Most days without an event that scores and intervals are made from."""
    min_slot_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """An interval that is observed less than this share of its day's best interval is missing."""
    excluded_days: str = ""
    """File with a date a line: days with events, neither candidates nor scored. Relative to the checkout."""
    holidays: str = ""
    """Whose public holidays count as Sundays: a country or a part of one, such as TN or GB-ENG. Empty: none."""


class Forecast(Section):
    """The forecast of the next 24 hours."""

    history_days: Count = 60
    """Days before the forecast that the model learns from."""
    backtest_days: Count = 14
    """Earlier days on which it is scored, each by a model that knew nothing of it."""


class Airflow(Section):
    """The local Airflow: `gridflex up airflow`."""

    environment: Path = Path(".venv-airflow")
    """Its Python environment. Relative to the checkout."""
    port: Port = 8080
    url: str = ""
    """Where people and `gridflex deploy check` reach it. Empty: this machine's."""
    ca_file: str = ""
    """The authorities that sign the certificate of ``url``, as PEM. Relative to the checkout. Empty: the system's."""
    user: str = "admin"
    start_date: str = ""
    """Runs that were missed since this day are caught up. Empty: none are."""
    retry_delay_s: Positive = 300
    """A failed task is tried again after this time."""

    @field_validator("ca_file")
    @classmethod
    def _checks_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return _with_https(value, info, "url")


class Superset(Section):
    """The local Superset: `gridflex up superset`."""

    environment: Path = Path(".venv-superset")
    """Its Python environment. Relative to the checkout."""
    port: Port = 8088
    url: str = ""
    """Where people and programs reach it. Empty: this machine's."""
    ca_file: str = ""
    """The authorities that sign the certificate of ``url``, as PEM. Relative to the checkout. Empty: the system's."""
    users: str = "admin:admin, operator:operator, researcher:researcher, operator-sousse:regional:Sousse"
    """Each as ``name:role``, or ``name:regional:Region``; roles: admin, operator, regional, researcher.
    A password comes from ``GRIDFLEX_SUPERSET_PASSWORD_<NAME>`` in the environment, else the first start makes one."""
    workers: Count = 2
    """Processes: charts of one dashboard are computed on so many cores."""
    threads: Count = 4
    """Requests that each process answers at once."""

    @field_validator("ca_file")
    @classmethod
    def _checks_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return _with_https(value, info, "url")


class Config(Section):
    """All of ``config.ini``."""

    launcher: Launcher = Launcher()
    kafka: Kafka = Kafka()
    druid: Druid = Druid()
    readings: Readings = Readings()
    replay: Replay = Replay()
    duty_cycle: DutyCycle = DutyCycle()
    flexibility: Flexibility = Flexibility()
    spark: Spark = Spark()
    batch: Batch = Batch()
    baselines: Baselines = Baselines()
    forecast: Forecast = Forecast()
    airflow: Airflow = Airflow()
    superset: Superset = Superset()

    @property
    def state_dir(self) -> Path:
        """The state folder, absolute."""
        return (ROOT / self.launcher.state_dir).resolve()


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration: embedded defaults, then the file, then the environment.

    The file is ``path``, else ``$GRIDFLEX_CONFIG``, else ``config.ini`` in the checkout if there is one.
    Raises ``ConfigError`` with every problem in one message.
    """
    environ = os.environ if environ is None else environ
    named = path or (Path(environ["GRIDFLEX_CONFIG"]) if environ.get("GRIDFLEX_CONFIG") else None)
    found = named or ROOT / "config.ini"
    if named is not None and not named.is_file():
        raise ConfigError(f"configuration file not found: {named}")
    values = _from_file(found) if found.is_file() else {}
    _override(values, environ)
    try:
        config = _at_local_stack(Config.model_validate(values))
    except ValidationError as problem:
        raise ConfigError(_explain(problem, found if found.is_file() else None)) from None
    _refuse_idle_login(config.kafka, environ)
    _refuse_open_login(config.druid, environ)
    return config


def authorities(section: str, ca_file: str) -> str | bool:
    """Who may have signed an https certificate, as requests takes it: the file, or True for whoever the system trusts.

    Raises ``ConfigError`` if there is no such file, or it is none.
    """
    if not ca_file:
        return True
    path = (ROOT / ca_file).resolve()
    if not path.is_file() or b"-----BEGIN CERTIFICATE-----" not in path.read_bytes():
        raise ConfigError(f"{section}.ca_file: no certificate in {path}; expected the authorities as PEM")
    return str(path)


def _refuse_idle_login(kafka: Kafka, environ: Mapping[str, str]) -> None:
    """Whoever gives a password wants it to be used."""
    given = [name for name in KAFKA_LOGIN if environ.get(name)]
    if given and kafka.security_protocol != "SASL_SSL":
        raise ConfigError(
            f"{' and '.join(given)} in the environment, but kafka.security_protocol is {kafka.security_protocol}, "
            "which signs in nowhere: set it to SASL_SSL, or leave them out"
        )


def _refuse_open_login(druid: Druid, environ: Mapping[str, str]) -> None:
    """A password goes over no open line that leaves the machine."""
    address = urlsplit(druid.router_url)
    if environ.get(DRUID_LOGIN[1]) and address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise ConfigError(
            f"{DRUID_LOGIN[1]} in the environment, but druid.router_url is {druid.router_url}: anyone on the way "
            "could read it; allowed: https://"
        )


def _at_local_stack(config: Config) -> Config:
    """Addresses that were not set are those of the local stack, at the ports that the launcher was given."""
    local = config.launcher
    kafka, druid = config.kafka, config.druid
    if "bootstrap_servers" not in kafka.model_fields_set:
        kafka = kafka.model_copy(update={"bootstrap_servers": f"{local.host}:{local.kafka_port}"})
    if "router_url" not in druid.model_fields_set:
        druid = druid.model_copy(update={"router_url": f"http://{local.host}:{local.druid_router_port}"})
    return config.model_copy(update={"kafka": kafka, "druid": druid})


def _from_file(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except (configparser.Error, UnicodeDecodeError) as problem:
        raise ConfigError(f"cannot read {path}: {problem}") from None
    return {name: dict(parser[name]) for name in parser.sections()}


def _override(values: dict[str, dict[str, str]], environ: Mapping[str, str]) -> None:
    for section, field in Config.model_fields.items():
        model: Any = field.annotation
        for key in model.model_fields:
            value = environ.get(f"GRIDFLEX_{section}_{key}".upper())
            if value is not None:
                values.setdefault(section, {})[key] = value


def _explain(problem: ValidationError, path: Path | None) -> str:
    lines = []
    for error in problem.errors():
        where = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown; allowed: {', '.join(_allowed(error['loc']))}")
        else:
            lines.append(f"{where}: found {error['input']!r}: {error['msg']}")
    source = f"{path} or the environment" if path else "the environment"
    return f"{len(lines)} problem(s) in {source}:\n  " + "\n  ".join(lines)


def _allowed(location: tuple[int | str, ...]) -> list[str]:
    if len(location) == 1:
        return sorted(Config.model_fields)
    model: Any = Config.model_fields[str(location[0])].annotation
    return sorted(model.model_fields)

"""Defines the sections of ``config.ini``: a frozen model each, every key with its default and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from gridflex.config.places import ROOT, LocalPath, OptionalFile, StateFolder, Store
from gridflex.config.section import Section, with_https
from gridflex.config.values import (
    Count,
    Days,
    Few,
    Holidays,
    Host,
    Memory,
    Port,
    RouterAddress,
    Seconds,
    Servers,
    Share,
    SparkMaster,
    TimeZone,
    Topic,
    Watts,
)
from gridflex.config.ven_section import OpenAdrVen
from gridflex.config.web_sections import Airflow, Events, OpenAdr, Superset
from gridflex.errors import UsageError

_MINUTES_PER_DAY = 1440
_EVENING = "17:00-20:00"


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise ValueError("allowed: a whole number") from None


class Launcher(Section):
    """The local stack: where it keeps its state, on which ports it listens."""

    state_dir: StateFolder = Path("var")
    """Relative to the checkout. Logs, pids, Kafka's log, Druid's segments, Spark's checkpoint."""
    host: Host = "127.0.0.1"
    kafka_port: Port = 9092
    kafka_controller_port: Port = 9093
    zookeeper_port: Port = 2181
    druid_coordinator_port: Port = 8081
    druid_broker_port: Port = 8082
    druid_historical_port: Port = 8083
    druid_router_port: Port = 8888
    druid_indexer_port: Port = 8091
    druid_metadata_port: Port = 1527
    start_timeout_s: Seconds = 180
    anyone_query_s: Seconds = 40
    """A query that the local Druid gets without its token is ended then, whatever timeout it names: a dashboard's 30 s,
    and some seconds in which Druid's own timeout may end it."""
    min_free_disk_mb: Count = 2048
    log_max_mb: Annotated[int, Field(ge=1, le=10_000)] = 10
    """A service's log that has grown to this is cut; what was in it is kept as an older log."""
    log_files: Annotated[int, Field(ge=1, le=100)] = 3
    """Older logs kept of each service."""
    druid_avro: Literal["auto", "official", "stand_in"] = "auto"
    """Druid's Avro extension: the official one, our stand-in of ``infra/local``, or the official one if there."""


class Kafka(Section):
    """The Kafka cluster and its topics."""

    bootstrap_servers: Servers = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = "PLAINTEXT"
    """SSL encrypts and checks the brokers' certificate; SASL_SSL signs in as well: user and password come from
    ``GRIDFLEX_KAFKA_USERNAME`` and ``GRIDFLEX_KAFKA_PASSWORD`` in the environment."""
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256"] = "SCRAM-SHA-512"
    ca_file: OptionalFile = ""
    """The authorities that sign the brokers' certificates, as PEM. Relative to the checkout. Empty: the system's."""
    topic_readings: Topic = "powerraw"
    topic_duty_cycles: Topic = "dutycycle"
    topic_dead_letters: Topic = "deadletter"
    topic_flexibility: Topic = "flexibility"
    partitions: Few = 6
    replication_factor: Annotated[int, Field(ge=1, le=100)] = 1
    transaction_timeout_s: Annotated[float, Field(ge=1, le=900, allow_inf_nan=False)] = 60
    """Kafka allows at most 15 minutes."""

    @field_validator("ca_file")
    @classmethod
    def _checks_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        if value and info.data.get("security_protocol") == "PLAINTEXT":
            raise ValueError("security_protocol PLAINTEXT checks no certificate; allowed with SSL and SASL_SSL")
        return value


class Druid(Section):
    """The Druid cluster: its router answers for all services."""

    router_url: RouterAddress = "http://127.0.0.1:8888"
    """With https:// Druid's certificate is checked. User and password come from ``GRIDFLEX_DRUID_USERNAME`` and
    ``GRIDFLEX_DRUID_PASSWORD`` in the environment."""
    ca_file: OptionalFile = ""
    """The authorities that sign Druid's certificate, as PEM. Relative to the checkout. Empty: the system's."""
    token_file: OptionalFile = ""
    """The token that the local stack's Druid wants from whoever gives it orders: its file. Relative to the checkout.
    Empty: that of the state folder, if ``router_url`` is the local router."""
    query_timeout_s: Seconds = 60
    task_count: Few = 1
    """Ingestion tasks that share the readings' partitions."""

    @field_validator("ca_file")
    @classmethod
    def _checks_a_certificate(cls, value: str, info: ValidationInfo) -> str:
        return with_https(value, info, "router_url")


class Readings(Section):
    """What a good reading is."""

    max_gap_s: Seconds = 60
    """A longer time without a reading is a gap: unknown."""
    reorder_s: Seconds = 120
    """Rows out of order by up to this are put right; later ones are rejected."""
    max_power_w: Watts = 50_000
    """Power above it is absurd for one circuit of a house."""
    max_future_s: Seconds = 300
    """An event time later than this after the message's Kafka time stamp is rejected."""


class Replay(Section):
    """How data sets are played."""

    premises: LocalPath = Path("ingestion/premises.csv")
    """Relative to the checkout: house_id, region, feeder."""
    transaction_readings: Count = 50_000
    """Most readings in one transaction."""
    live_flush_s: Seconds = 0.2
    """At a pace, the wall clock's or a set one, a transaction is committed this often, and open no longer."""


class Responding(Section):
    """How the houses of ``gridflex replay --respond`` answer commands; shares are 0..1."""

    latency_s: Seconds = 1
    """On average, from a command to its answer: each appliance has its own, half to one and a half as long."""
    unreachable_share: Share = 0
    """Of the households, drawn anew for each event: no command gets to them."""
    refusal_share: Share = 0
    """Of the households, drawn anew for each event: they refuse it."""
    opt_out_share: Share = 0
    """Of the households, drawn anew for each event: they say no while it runs."""
    seed: Count = 1
    """Same seed, same draws."""


class DutyCycle(Section):
    """Duty windows, in event time."""

    slide_s: Annotated[Literal[60], BeforeValidator(_whole)] = 60
    """Flexibility is computed every minute, from windows that end each minute."""
    window_s: Annotated[int, Field(ge=60, le=86_400)] = 600
    """A whole multiple of ``slide_s``."""

    @field_validator("window_s")
    @classmethod
    def _is_made_of_slides(cls, value: int, info: ValidationInfo) -> int:
        slide_s = info.data.get("slide_s")
        if slide_s and value % slide_s:
            least = value - value % slide_s
            raise ValueError(f"allowed: whole multiples of slide_s ({slide_s}), such as {least} or {least + slide_s}")
        return value


class Flexibility(Section):
    """What could be shed: who takes part, and which minute is asked for."""

    participation: OptionalFile = ""
    """File with house_id, appliance_id, reachable, opted_out. Relative to the checkout. Empty: everyone takes part."""
    settle_s: Seconds = 90
    """A younger minute still fills up: a plug may speak only once a minute."""


class Spark(Section):
    """The streaming job."""

    master: SparkMaster = "local[2]"
    driver_memory: Memory = "1g"
    buckets: Few = 8
    """Hash buckets of appliances; fixed for the life of a checkpoint."""
    shuffle_partitions: Few = 2
    trigger_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 2
    max_offsets_per_trigger: Count = 2_000_000
    forget_after_s: Annotated[float, Field(ge=3600, le=31_622_400, allow_inf_nan=False)] = 604_800
    """An appliance that is silent for longer, by Kafka's time, is forgotten: when it comes back, it is a new one."""
    new_series_per_min: Count = 50_000
    """New appliances that are taken in within a minute, by Kafka's time; readings of more go to the dead letters."""
    max_series: Count = 2_000_000
    """Appliances that are remembered at once; readings of more go to the dead letters."""


class Batch(Section):
    """Batch jobs: what they read, what they hand to Druid."""

    time_zone: TimeZone = "UTC"
    """Whose days, holidays and evening hours are meant: an IANA name."""
    exchange: Store = ""
    """Where large results wait for Druid: a folder that Druid's indexers see, or ``s3://bucket/prefix``.
    Empty: ``exchange`` in the state folder."""
    inline_bytes: Count = 250_000
    """Results up to this size travel inside the task itself."""
    task_timeout_s: Seconds = 1800
    """Longest wait for a Druid task, its wait for other tasks' locks included."""
    compact_after_days: Days = 1
    """Younger days are left to the stream."""
    min_observed_share: Share = 0.5
    """A day on which a smaller share of the appliances' time was observed stops a run."""
    settle_timeout_s: Seconds = 120
    """Longest wait for the ingestion to catch up before a run is stopped."""
    reconcile_timeout_s: Seconds = 1800
    """Longest time that a reconciliation may take; it counts some 200,000 messages a second."""


class Baselines(Section):
    """Baselines from Druid's rollup."""

    interval_minutes: Annotated[Literal[15, 30, 60], BeforeValidator(_whole)] = 30
    window: str = _EVENING
    """The hours for which methods adjust themselves and are scored, local."""
    history_days: Days = 120
    """Days before the target day that are read."""
    score_days: Days = 60
    """Most days without an event that scores and intervals are made from."""
    min_slot_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.5
    """An interval that is observed less than this share of its day's best interval is missing."""
    excluded_days: OptionalFile = ""
    """File with a date a line: days with events, neither candidates nor scored. Relative to the checkout."""
    holidays: Holidays = ""
    """Whose public holidays count as Sundays: a country or a part of one, such as TN or GB-ENG. Empty: none."""

    @field_validator("window")
    @classmethod
    def _falls_on_intervals(cls, value: str, info: ValidationInfo) -> str:
        if value != _EVENING and "interval_minutes" in info.data:
            from gridflex.domain.baseline import EventWindow  # with numpy, which few commands need

            try:
                EventWindow.parse(value, _MINUTES_PER_DAY // info.data["interval_minutes"])
            except UsageError as problem:
                raise ValueError(str(problem).partition(": ")[2]) from None
        return value


class Forecast(Section):
    """The forecast of the next 24 hours."""

    history_days: Days = 60
    """Days before the forecast that the model learns from."""
    backtest_days: Days = 14
    """Earlier days on which it is scored, each by a model that knew nothing of it."""


class Config(Section):
    """All of ``config.ini``."""

    launcher: Launcher = Launcher()
    kafka: Kafka = Kafka()
    druid: Druid = Druid()
    readings: Readings = Readings()
    replay: Replay = Replay()
    responding: Responding = Responding()
    duty_cycle: DutyCycle = DutyCycle()
    flexibility: Flexibility = Flexibility()
    spark: Spark = Spark()
    batch: Batch = Batch()
    baselines: Baselines = Baselines()
    forecast: Forecast = Forecast()
    airflow: Airflow = Airflow()
    superset: Superset = Superset()
    events: Events = Events()
    openadr: OpenAdr = OpenAdr()
    openadr_ven: OpenAdrVen = OpenAdrVen()

    @model_validator(mode="after")
    def _knows_its_token(self) -> Self:
        self.__dict__["druid"] = with_token(self.druid, self)
        return self

    @model_validator(mode="after")
    def _share_nothing(self) -> Config:
        """Two services cannot listen on one port, nor two kinds of messages go into one topic."""
        ports = {
            f"{name}.{key}": value
            for name, section in self
            for key, value in section
            if key == "port" or key.endswith("_port")
        }
        # Kafka's metrics, and so its brokers, take '.' and '_' for the same.
        topics = {f"kafka.{key}": value.replace(".", "_") for key, value in self.kafka if key.startswith("topic_")}
        shared = [*_shared(ports, "on port"), *_shared(topics, "in topic")]
        if shared:
            raise ValueError("; ".join(shared))
        return self

    @model_validator(mode="after")
    def _do_not_follow_themselves(self) -> Config:
        """What a VEN of ours took from the program of our own events would go there again."""
        same_vtn = self.openadr_ven.url in {"", self.openadr.url}
        if same_vtn and self.openadr.program in self.openadr_ven.program_names:
            raise ValueError(
                f"openadr_ven.programs: found {self.openadr.program!r}, where our own events go (openadr.program); "
                "allowed: others of that VTN"
            )
        return self

    @property
    def state_dir(self) -> Path:
        """The state folder, absolute."""
        return (ROOT / self.launcher.state_dir).resolve()


def token_file(config: Config) -> Path:
    """Where the local stack's Druid has its token."""
    return config.state_dir / "druid" / "token"


def with_token(druid: Druid, config: Config) -> Druid:
    """The local stack's token goes to its own router and to no other."""
    local = f"{config.launcher.host}:{config.launcher.druid_router_port}"
    if druid.token_file or urlsplit(druid.router_url).netloc != local:
        return druid
    return druid.model_copy(update={"token_file": str(token_file(config))})


def _shared(values: dict[str, Any], where: str) -> list[str]:
    names: dict[Any, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return [f"{' and '.join(keys)} are all {where} {value}; allowed: one each" for value, keys in names.items()
            if len(keys) > 1]  # fmt: skip

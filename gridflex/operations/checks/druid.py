"""Checks that Druid answers this user, that all of its services are there, and that every supervisor reads."""

from __future__ import annotations

from functools import partial

from gridflex.adapters.druid.access import login
from gridflex.adapters.druid.client import Druid
from gridflex.adapters.druid.ingestion import SUBMIT, read_positions, reading_trouble
from gridflex.adapters.druid.specs import Spec, is_submitted, supervisor_specs
from gridflex.adapters.kafka.positions import find_loss
from gridflex.adapters.kafka.topics import held_topics
from gridflex.config import Config
from gridflex.contracts.feeds import table_feed
from gridflex.operations.checks.runner import Check, TroubleError

DRUID = "druid"
_SERVERS = "SELECT server_type, COUNT(*) AS n FROM sys.servers GROUP BY 1"
_NEEDED = ({"coordinator"}, {"overlord"}, {"broker"}, {"router"}, {"historical"}, {"indexer", "middle_manager"})
_CALL_S = 10.0
_OUT_OF_RANGE = "docs/runbook.md, when a reader's offset is gone: `gridflex recover {0}` on one machine"


def druid_checks(config: Config) -> list[Check]:
    """SQL, services, then each supervisor."""
    reach = "is it up, and does this network reach it (druid.router_url)?"
    supervisors = [
        Check(name=supervisor_check(name), ask=partial(_supervisor, config, name, spec), needs=(DRUID,))
        for name, spec in supervisor_specs(config).items()
    ]
    return [
        Check(name=DRUID, ask=partial(_sql, config), remedy=reach),
        Check(name="druid services", ask=partial(_services, config), needs=(DRUID,)),
        *supervisors,
    ]


def supervisor_check(name: str) -> str:
    """The name of a supervisor's check."""
    return f"supervisor {name}"


def _sql(config: Config) -> str:
    Druid(config.druid).sql("SELECT 1 AS answer")
    user = login(config.druid)
    return (
        f"answers SQL at {config.druid.router_url}, {f'signed in as {user.username}' if user else 'nobody signed in'}"
    )


def _services(config: Config) -> str:
    found = {row["server_type"]: row["n"] for row in Druid(config.druid).sql(_SERVERS)}
    missing = [" or ".join(sorted(kinds)) for kinds in _NEEDED if not kinds & found.keys()]
    if missing:
        raise TroubleError(
            f"no {', no '.join(missing)}", "start it; `gridflex status` or journalctl says why it is not"
        )
    return ", ".join(f"{n} {kind}" for kind, n in sorted(found.items()))


def _supervisor(config: Config, name: str, spec: Spec) -> str:
    druid = Druid(config.druid)
    running = druid.supervisor_spec(name)
    status = druid.supervisor_status(name) if running else {}
    if running and not (running.get("suspended") or status.get("suspended")) and not is_submitted(running, spec):
        raise TroubleError("it runs another spec than this release and configuration", SUBMIT)
    lag = int(status.get("aggregateLag") or 0)
    topic = spec["spec"]["ioConfig"]["topic"]
    if positions := read_positions(status):
        held = held_topics(config.kafka, [topic], _CALL_S).get(topic)
        if held is None:
            raise TroubleError(f"its topic {topic} is gone", "make it: docs/runbook.md")
        loss = find_loss(name, topic, positions, held.begin, held.end)
        if loss is not None:
            raise TroubleError(loss.text(), _OUT_OF_RANGE.format(name))
    if not running and table_feed(name).service is not None and _is_empty(config, topic):
        return f"there is none, and topic {topic} has nothing for it"
    trouble = reading_trouble(status | ({"suspended": True} if running and running.get("suspended") else {}))
    if trouble is not None:
        raise TroubleError(*trouble)
    tasks = status.get("activeTasks") or []
    return f"{str(status.get('state', '')).lower()}, {len(tasks)} task(s), lag {lag:,}"


def _is_empty(config: Config, topic: str) -> bool:
    """Whether a topic has never had a message: then its supervisor may wait for the first."""
    held = held_topics(config.kafka, [topic], _CALL_S).get(topic)
    return held is not None and not any(held.end.values())

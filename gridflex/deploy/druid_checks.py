"""Does Druid answer this user, are all of its services there, and does every supervisor read?"""

from __future__ import annotations

from functools import partial
from typing import Any

from gridflex.adapters.druid import Druid
from gridflex.adapters.druid_access import login
from gridflex.adapters.druid_specs import Spec, is_submitted, supervisor_specs
from gridflex.config import Config
from gridflex.deploy.checks import Check, TroubleError

DRUID = "druid"
_SERVERS = "SELECT server_type, COUNT(*) AS n FROM sys.servers GROUP BY 1"
_NEEDED = ({"coordinator"}, {"overlord"}, {"broker"}, {"router"}, {"historical"}, {"indexer", "middle_manager"})
_SUBMIT = "`gridflex deploy supervisors` submits and resumes them"


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
    if running is None:
        raise TroubleError("there is none", _SUBMIT)
    status = druid.supervisor_status(name)
    if running.get("suspended") or status.get("suspended"):
        raise TroubleError("it is suspended: nothing is read", _SUBMIT)
    if not is_submitted(running, spec):
        raise TroubleError("it runs another spec than this release and configuration", _SUBMIT)
    tasks = status.get("activeTasks") or []
    if not tasks or not status.get("healthy", True):
        raise TroubleError(
            f"{status.get('detailedState', 'unknown')}, {len(tasks)} task(s): {_last_error(status)}",
            'look at the newest failed task: `gridflex sql "SELECT task_id, error_msg FROM sys.tasks WHERE status = '
            "'FAILED' ORDER BY created_time DESC LIMIT 5\"`; is a slot free?",
        )
    return f"{str(status.get('state', '')).lower()}, {len(tasks)} task(s), lag {int(status.get('aggregateLag') or 0):,}"


def _last_error(status: dict[str, Any]) -> str:
    errors = status.get("recentErrors") or [{}]
    return str(errors[-1].get("exceptionMessage") or "no error told")

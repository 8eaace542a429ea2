"""Do Airflow and Superset answer, and does Superset take its admin?"""

from __future__ import annotations

import json
from functools import partial

import requests

from gridflex.adapters.airflow import airflow_url
from gridflex.adapters.superset.users import first_admin, password_of, superset_url
from gridflex.config import Config, authorities
from gridflex.errors import ServiceError
from gridflex.operations.checks.runner import Check, NotHereError, TroubleError
from gridflex.operations.dashboards.apply import sign_in

_CALL_S = 10.0
_HEALTH = "/api/v2/monitor/health"
_PARTS = ("metadatabase", "scheduler", "dag_processor")
_HEALTHY = "healthy"


def web_checks(config: Config) -> list[Check]:
    """Airflow and Superset; what was never started on this machine is skipped."""
    logs = "look at its log: `gridflex logs {0}` here, `journalctl -u 'gridflex-{0}*'` on its machine"
    return [
        Check(name="airflow", ask=partial(_airflow, config), remedy=logs.format("airflow")),
        Check(name="superset", ask=partial(_superset, config), remedy=logs.format("superset")),
    ]


def _airflow(config: Config) -> str:
    url = airflow_url(config)
    verify = authorities("airflow", config.airflow.ca_file)
    text = _page(url + _HEALTH, verify, None if config.airflow.url else "airflow")
    try:
        parts = json.loads(text)
    except ValueError:
        raise TroubleError(f"{url}{_HEALTH} answers something else than Airflow's health") from None
    sick = [f"{part} is {(parts.get(part) or {}).get('status')}" for part in _PARTS if _status(parts, part) != _HEALTHY]
    if sick:
        raise TroubleError(f"{url}: {', '.join(sick)}")
    return f"{url}: {', '.join(_PARTS)} healthy"


def _superset(config: Config) -> str:
    url = superset_url(config)
    page = _page(
        f"{url}/login/", authorities("superset", config.superset.ca_file), None if config.superset.url else "superset"
    )
    if "csrf_token" not in page:
        raise TroubleError(f"{url}/login/ answers something else than Superset's login")
    user = first_admin(config)
    try:
        password_of(config, user)
    except ServiceError:
        return f"{url} answers; nobody signed in: no {user.password_key} in the environment"
    sign_in(config)
    return f"{url}, signed in as {user.name}"


def _status(parts: dict[str, dict[str, str]], part: str) -> str | None:
    return (parts.get(part) or {}).get("status")


def _page(url: str, verify: str | bool, local: str | None) -> str:
    """A page's text. ``local``: the service on this machine, which need not have been started."""
    try:
        answer = requests.get(url, timeout=_CALL_S, verify=verify)
    except requests.exceptions.SSLError as problem:
        raise TroubleError(f"{url} is not trusted: {problem}", "set ca_file to its authority's certificate") from None
    except requests.ConnectionError:
        if local:
            raise NotHereError(f"not started here; `gridflex up {local}` starts it") from None
        raise TroubleError(f"nobody answers at {url}") from None
    except requests.RequestException as problem:
        raise TroubleError(f"no answer from {url}: {type(problem).__name__}") from None
    if not answer.ok:
        raise TroubleError(f"{url}: HTTP {answer.status_code}")
    return answer.text

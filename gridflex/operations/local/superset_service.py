"""Superset as a service of the local stack: the dashboards, on the loopback interface alone.

It lives in a Python environment of its own. Before each start ``frontend/superset/prepare.py`` makes what lacks:
secrets, its metadata database, roles and users.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from gridflex.adapters.superset.users import credentials_file, parse_users, read_credentials, superset_url
from gridflex.config import ROOT, Config
from gridflex.operations.local.druid_services import ROUTER
from gridflex.operations.local.health import HttpProbe
from gridflex.operations.local.services import Service
from gridflex.operations.local.spark_service import config_environ
from gridflex.operations.local.steps import SUPERSET

FRONTEND = ROOT / "frontend" / "superset"
_TIMEOUT_S = 60


def superset_service(config: Config) -> Service:
    """Describe Superset, which starts only when it is named, and Druid with it."""
    programs = _environment(config) / "bin"
    host, port = config.launcher.host, config.superset.port
    server = (
        f'"{programs / "gunicorn"}" --bind {host}:{port} --workers {config.superset.workers} --worker-class gthread '
        f"--threads {config.superset.threads} --timeout {_TIMEOUT_S} --no-control-socket 'superset.app:create_app()'"
    )
    return Service(
        name=SUPERSET,
        argv=("/bin/sh", "-c", f'"{programs / "python"}" "{FRONTEND / "prepare.py"}" && exec {server}'),
        # /health says OK while every page fails.
        probe=HttpProbe(host=host, port=port, path="/login/", contains="csrf_token"),
        port=port,
        depends_on=(ROUTER,),
        env=_environ(config),
        folders=(_home(config),),
        optional=True,
    )


def missing_superset(config: Config) -> str | None:
    """What has to be done before Superset can start; nothing if its environment is there."""
    environment = _environment(config)
    if (environment / "bin" / "superset").is_file():
        return None
    return f"no Superset in {environment} (superset.environment); run `make setup-superset`"


def superset_welcome(config: Config) -> str | None:
    """Where the dashboards are and how to sign in, each password only once; nothing before the first start."""
    file = credentials_file(config)
    if not file.is_file():
        return None
    where = f"dashboards: {superset_url(config)}/superset/dashboard/grid-now/"
    told = file.with_name("told.json")
    known = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else []
    users = read_credentials(config)["users"]
    made = {name: user["password"] for name, user in users.items() if "password" in user and name not in known}
    told.write_text(json.dumps(sorted(users)), encoding="utf-8")
    lines = [f"  {name:<20} {password}" for name, password in made.items()]
    return "\n".join([f"{where} (passwords in {file})", *(["made now, shown this once:"] if lines else []), *lines])


def _environ(config: Config) -> dict[str, str]:
    plan = [asdict(user) | {"password_key": user.password_key} for user in parse_users(config.superset.users)]
    return {
        **config_environ(config),
        "GRIDFLEX_SUPERSET_HOME": str(_home(config)),
        "GRIDFLEX_SUPERSET_PLAN": json.dumps(plan),
        "SUPERSET_CONFIG_PATH": str(FRONTEND / "superset_config.py"),
        "SUPERSET_HOME": str(_home(config)),
        "SCARF_ANALYTICS": "false",
        "PYTHONDONTWRITEBYTECODE": "",
        "FLASK_APP": "superset.app:create_app()",
        "TZ": "UTC",
    }


def _environment(config: Config) -> Path:
    return (ROOT / config.superset.environment).absolute()


def _home(config: Config) -> Path:
    return credentials_file(config).parent

"""Prepares Superset before each start: secrets, metadata database, roles and users. Runs in Superset's environment;
idempotent.

Reads ``GRIDFLEX_SUPERSET_PLAN``, a JSON array of ``{"name", "role", "region", "password_key"}``, and
``GRIDFLEX_SUPERSET_HOME``. Writes ``credentials.json`` there, for its owner alone, and prints no secret.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import secrets
from pathlib import Path
from typing import Any

Plan = list[dict[str, str]]
Permissions = set[tuple[str, str]]

_ROLE_NAMES = {"admin": "Admin", "operator": "Operator", "regional": "Regional operator", "researcher": "Researcher"}
_SIGNED_IN: Permissions = {
    ("can_userinfo", "UserDBModelView"),
    ("resetmypassword", "UserDBModelView"),
    ("can_this_form_get", "ResetMyPasswordView"),
    ("can_this_form_post", "ResetMyPasswordView"),
    ("can_read", "Dataset"),
    ("can_read", "SecurityRestApi"),
    ("can_log", "Superset"),
    ("can_write", "DashboardPermalinkRestApi"),
    ("can_recent_activity", "Log"),
    ("menu_access", "Home"),
    ("menu_access", "Dashboards"),
    ("all_datasource_access", "all_datasource_access"),
}
_RESEARCH: Permissions = {
    ("can_read", "Database"),
    ("can_csv", "Superset"),
    ("can_read", "Explore"),
    ("can_read", "ExploreFormDataRestApi"),
    ("can_write", "ExploreFormDataRestApi"),
    ("menu_access", "Charts"),
    ("menu_access", "Datasets"),
    ("all_database_access", "all_database_access"),
}


def make_credentials(file: Path, plan: Plan) -> dict[str, Any]:
    """Loads the credentials, makes missing ones, and writes them; passwords of the environment are not written."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known = found.get("users", {})
    users: dict[str, dict[str, str]] = {}
    for user in plan:
        users[user["name"]] = {"role": user["role"]} | ({"region": user["region"]} if user["region"] else {})
        if not os.environ.get(user["password_key"]):
            old = known.get(user["name"], {}).get("password")
            users[user["name"]]["password"] = old or secrets.token_urlsafe(12)
    key = os.environ.get("GRIDFLEX_SUPERSET_SECRET_KEY") or found.get("secret_key") or secrets.token_urlsafe(42)
    made = {"secret_key": key, "users": users}
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as output:
        json.dump(made, output, indent=2)
    fresh.replace(file)
    return made


def prepare(home: Path, plan: Plan) -> None:
    """Changes Superset's metadata to match the plan; nothing is loaded when it matches already."""
    credentials = make_credentials(home / "credentials.json", plan)
    passwords = {
        user["name"]: os.environ.get(user["password_key"]) or credentials["users"][user["name"]]["password"]
        for user in plan
    }
    version = importlib.metadata.version("apache-superset")
    state = json.dumps([version, plan, passwords, Path(__file__).read_text(encoding="utf-8")])
    digest = hashlib.sha256((credentials["secret_key"] + state).encode()).hexdigest()
    stamp = home / "prepared"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    from flask_migrate import upgrade
    from superset.app import create_app

    app = create_app()
    with app.app_context():
        import superset

        upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
        app.appbuilder.add_permissions(update_perms=True)
        app.appbuilder.sm.sync_role_definitions()
        _make_roles(app.appbuilder.sm, plan)
        _make_users(app.appbuilder.sm, plan, passwords)
    stamp.write_text(digest, encoding="utf-8")


def _make_roles(manager: Any, plan: Plan) -> None:
    reader = (set(manager.PUBLIC_ROLE_PERMISSIONS) | _SIGNED_IN) - {("can_external_metadata", "Datasource")}
    researcher = reader | set(manager.SQLLAB_ONLY_PERMISSIONS) | set(manager.SQLLAB_EXTRA_PERMISSION_VIEWS) | _RESEARCH
    roles = {"Operator": reader, "Regional operator": reader, "Researcher": researcher}
    roles |= {f"Region {user['region']}": set() for user in plan if user["region"]}
    for name, wanted in roles.items():
        role = manager.find_role(name) or manager.add_role(name)
        found = [manager.find_permission_view_menu(*one) for one in sorted(wanted)]
        role.permissions = [one for one in found if one]
        manager.session.commit()


def _make_users(manager: Any, plan: Plan, passwords: dict[str, str]) -> None:
    for user in plan:
        roles = [manager.find_role(_ROLE_NAMES[user["role"]])]
        roles += [manager.find_role(f"Region {user['region']}")] if user["region"] else []
        found = manager.find_user(username=user["name"])
        if found is None:
            last = user["region"] or user["role"]
            found = manager.add_user(
                user["name"], user["name"], last, f"{user['name']}@gridflex.invalid", roles, passwords[user["name"]]
            )
        found.roles = roles
        found.active = True
        manager.reset_password(found.id, passwords[user["name"]])
    names = {user["name"] for user in plan}
    for other in manager.get_all_users():
        if other.username not in names:
            other.active = False
    manager.session.commit()


if __name__ == "__main__":
    os.umask(0o077)
    prepare(Path(os.environ["GRIDFLEX_SUPERSET_HOME"]), json.loads(os.environ["GRIDFLEX_SUPERSET_PLAN"]))

"""Restricts lists of people to choose from: admins see everybody, others themselves."""

from __future__ import annotations

from typing import Any

from flask import g

from guards.role_rights import ADMINS


def only_oneself(query: Any) -> Any:
    """Users."""
    from superset import security_manager

    user = security_manager.user_model
    return query if _is_admin() else query.filter(user.id == getattr(g.user, "id", None))


def only_own_roles(query: Any) -> Any:
    """Roles."""
    from superset import security_manager

    role = security_manager.role_model
    own = [one.id for one in getattr(g.user, "roles", ())]
    return query if _is_admin() else query.filter(role.id.in_(own))


def _is_admin() -> bool:
    return any(role.name in ADMINS for role in getattr(g.user, "roles", ()))

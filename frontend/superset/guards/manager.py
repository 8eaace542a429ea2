"""Extends Superset's security manager: who may ask what, and who is signed in."""

from __future__ import annotations

import logging
from typing import Any

from flask import g, has_request_context, session
from superset.errors import ErrorLevel, SupersetError, SupersetErrorType
from superset.exceptions import SupersetSecurityException
from superset.security import SupersetSecurityManager

from guards import sign_in
from guards.chart_queries import charts_of
from guards.free_sql import free_sql_problem
from guards.payloads import payload_problem
from guards.role_rights import ADMINS, explores, region_roles, sees_all

log = logging.getLogger(__name__)


class GridflexSecurityManager(SupersetSecurityManager):  # type: ignore[misc]
    """Refuses queries that no saved chart sends, other people's saved queries, and sessions that have ended."""

    def raise_for_access(self, *arguments: Any, **named: Any) -> None:
        """Extends Superset's method. Raises ``SupersetSecurityException`` (HTTP 403) in more cases."""
        if arguments:  # Superset names them all; what it does not name would not be seen here
            raise self._refused("an unnamed resource")
        roles = self.role_names()
        context, datasource = named.get("query_context"), named.get("datasource")
        asked = [
            one for one in (named.get("query"), datasource, getattr(context, "datasource", None)) if one is not None
        ]
        if not explores(roles):
            for name in ("database", "table", "query", "viz", "sql"):
                if named.get(name) is not None:
                    raise self._refused(f"a {name} of your own choice")
        if any(getattr(one, "type", "table") != "table" and not self._own(one, roles) for one in asked):
            raise self._refused("somebody else's query")
        if context is not None:
            self._look_at(context, roles)
        super().raise_for_access(**named)

    def role_names(self) -> frozenset[str]:
        """The roles of the user of this request; empty without a user."""
        if getattr(g, "user", None) is None:
            return frozenset()
        return frozenset(role.name for role in self.get_user_roles())

    def get_rls_cache_key(self, datasource: Any) -> list[str]:
        """Extends Superset's method: users who see different regions never share a cached answer, whatever a data set's
        SQL is.
        """
        roles = self.role_names()
        sight = "all regions" if sees_all(roles) else f"regions {sorted(region_roles(roles))}"
        return [*super().get_rls_cache_key(datasource), sight]

    def load_user(self, pk: int) -> Any:
        """The user of a cookie, unless the session has been ended."""
        if has_request_context() and "_user_id" in session and not sign_in.is_open(int(pk)):
            return None
        return super().load_user(pk)

    def load_user_jwt(self, _jwt_header: Any, jwt_data: Any) -> Any:
        """The user of a token, whatever cookie comes with it."""
        user = super().load_user(jwt_data["sub"])
        if user is not None:
            g.user = user
        return user

    def auth_user_db(self, username: str, password: str) -> Any:
        """Extends Flask-AppBuilder's method: after too many wrong passwords the right one is refused, too."""
        store, limits = sign_in.store(), sign_in.limits(username)
        begun = store.begin(limits)
        if begun is None:
            log.warning("sign_in refused=too_many_wrong_passwords")
            return None
        user = super().auth_user_db(username, password)
        if user is not None:
            store.forgive(limits, begun)
        return user

    def reset_password(self, userid: int, password: str) -> Any:
        """Extends Flask-AppBuilder's method: it ends all sessions that began with the old password."""
        done = super().reset_password(userid, password)
        sign_in.store().close_all(int(userid))
        return done

    def _look_at(self, context: Any, roles: frozenset[str]) -> None:
        if explores(roles):
            found = free_sql_problem(context, templates=bool(ADMINS & roles))
        else:
            found = payload_problem(context, charts_of(self.session, context.datasource))
        if found:
            log.warning("question refused=%r", found)
            raise self._refused(found)

    def _own(self, query: Any, roles: frozenset[str]) -> bool:
        """Whether a query of SQL Lab, run or saved, belongs to this user; all belong to an admin."""
        owner = getattr(query, "user_id", None) or getattr(query, "created_by_fk", None)
        mine = getattr(getattr(g, "user", None), "id", None)
        return bool(ADMINS & roles) or (owner is not None and owner == mine)

    @staticmethod
    def _refused(found: str) -> SupersetSecurityException:
        message = f"No saved chart asks this, and you may ask nothing else: found {found}"
        kind = SupersetErrorType.DASHBOARD_SECURITY_ACCESS_ERROR
        return SupersetSecurityException(SupersetError(error_type=kind, message=message, level=ErrorLevel.WARNING))

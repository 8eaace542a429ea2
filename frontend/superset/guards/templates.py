"""Restricts what data sets' SQL may read of the request to the filters of its own query, which the cache's key
contains.

Superset's own ``filter_values`` reads the request: its first query, its ``form_data``, its address. None of these is in
the key of another query's answer, so that one person's filter would be another's answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from superset import security_manager
from superset.exceptions import QueryObjectValidationError
from superset.jinja_context import JinjaTemplateProcessor, safe_proxy

from guards.role_rights import ADMINS


class QueryTemplates(JinjaTemplateProcessor):
    """A Jinja processor whose filters are those of the query object."""

    def set_context(self, **kwargs: Any) -> None:
        """Replaces the functions that read the request by ones that read the query."""
        super().set_context(**kwargs)
        filters = [one for one in self._context.get("filter") or () if isinstance(one, dict)]
        own = {"get_filters": partial(self._filters, filters), "filter_values": partial(self._values, filters)}
        own |= {name: partial(_refused, name) for name in ("url_param", "get_time_filter")}
        for name, function in own.items():
            self._context[name] = partial(safe_proxy, function)

    def process_template(self, sql: str, **kwargs: Any) -> str:
        """Extends Superset's method. ``force`` marks SQL of the query itself, which Superset renders before it checks
        rights.
        """
        if kwargs.get("force") and any(mark in sql for mark in ("{{", "{%", "{#")) and not _is_admin():
            raise QueryObjectValidationError("no template may stand in a question's own SQL")
        return super().process_template(sql, **kwargs)

    def _filters(self, filters: Sequence[dict[str, Any]], column: str, remove_filter: bool = False) -> list[Any]:
        found = [one for one in filters if one.get("col") == column and one.get("val") not in (None, "", [])]
        for names, wanted in ((self._applied_filters, True), (self._removed_filters, remove_filter)):
            if found and wanted and names is not None and column not in names:
                names.append(column)
        return [{"op": one.get("op"), "col": column, "val": one["val"]} for one in found]

    def _values(
        self, filters: Sequence[dict[str, Any]], column: str, default: str | None = None, remove_filter: bool = False
    ) -> list[Any]:
        """The values that are chosen of a column; those that ``NOT IN`` excludes are not chosen."""
        values: list[Any] = []
        for one in self._filters(filters, column, remove_filter):
            if one["op"] == "IN" and isinstance(one["val"], list | tuple):
                values += one["val"]
            elif one["op"] == "==":
                values.append(one["val"])
        return values or ([default] if default else [])


def _is_admin() -> bool:
    return bool(ADMINS & security_manager.role_names())


def _refused(name: str, *_: Any, **__: Any) -> None:
    raise ValueError(f"{name} reads the request's address or body, which the cache does not know: use filter_values")

"""Run by Superset's own Python: each payload through Superset's real checks as one user, up to the SQL.

Reads payloads, one a line; writes what became of them as JSON: counts of verdicts, and each SQL that would be sent.
``--behind``: as if nobody had looked at the question, so that row-level security and the door to Druid stand alone.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from contextlib import suppress
from typing import Any

from flask import g
from superset.app import create_app


def verdict(payload: dict[str, Any], behind: bool, sent: set[str]) -> str:
    """What Superset does with a payload; puts the SQL that it would send into ``sent``."""
    from guards.druid_driver import refuse_foreign_regions
    from superset.charts.schemas import ChartDataQueryContextSchema

    try:
        context = ChartDataQueryContextSchema().load(payload)
    except Exception:
        return "malformed"
    try:
        for query in context.queries:
            query.validate()
        if not behind:
            context.raise_for_access()
    except Exception as problem:
        return f"refused: {type(problem).__name__}"
    found = "no SQL"
    for query in context.queries:
        with suppress(Exception):
            sql = context.datasource.get_query_str_extended(query.to_dict()).sql
            found = "stopped at the door"
            refuse_foreign_regions(sql)
            sent.add(sql)
            found = "sent"
    return found


def main(user: str, behind: bool) -> None:
    """See the module."""
    app = create_app()
    logging.disable(logging.CRITICAL)
    found: Counter[str] = Counter()
    sent: set[str] = set()
    for line in sys.stdin:
        payload = json.loads(line)
        with app.test_request_context("/api/v1/chart/data", method="POST", json=payload):
            g.user = app.appbuilder.sm.find_user(username=user)
            found[verdict(payload, behind, sent)] += 1
    json.dump({"verdicts": found, "sent": sorted(sent)}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], "--behind" in sys.argv)

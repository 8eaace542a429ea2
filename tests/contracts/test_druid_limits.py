"""What Druid's SQL and Superset refuse is one list, in two places."""

from __future__ import annotations

import re

from gridflex.config import ROOT


def test_refused_functions__are_the_same_in_druid_and_superset() -> None:
    broker = (ROOT / "infra" / "local" / "druid" / "broker.properties").read_text(encoding="utf-8")
    (refused,) = re.findall(r"^gridflex\.guard\.refusedFunctions=(.+)$", broker, flags=re.MULTILINE)
    superset = (ROOT / "frontend" / "superset" / "superset_config.py").read_text(encoding="utf-8")
    (told,) = re.findall(r"^DISALLOWED_SQL_FUNCTIONS = \{.*?^\}", superset, flags=re.MULTILINE | re.DOTALL)
    assert set(re.findall(r'"([A-Z_]+)"', told)) == set(refused.split(","))

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gridflex.config import Config
from gridflex.errors import UsageError
from gridflex.openadr.commands import reports_text, ven_of
from tests.support.events import events_config

LOGIN = {"GRIDFLEX_EVENTS_TOKEN": "x" * 30, "GRIDFLEX_OPENADR_VEN_CLIENT_SECRET": "y" * 30}
ROW = {"start_ms": 0, "reading_kw": 1.5, "baseline_kw": 2.0, "available_kw": None, "state": "RUNNING_CURTAILED"}
FOUND: Mapping[str, Any] = {
    "event_name": "event-0123456789ab-v1",
    "vtn": "http://vtn",
    "measured": [{"start_ms": 0, "setpoint_kw": -0.5, "measured_kw": 1.6, "baseline_kw": None}],
    "reported": [ROW | {"client": "ven-1", "resource": "AGGREGATED_REPORT"}],
    "problems": ["report of 'ven-2': READING: found 'x'; allowed: a number of kW"],
}


def test_reports__stand_beside_what_was_measured() -> None:
    text = reports_text(FOUND)
    assert [line.split() for line in text.splitlines() if line.startswith("1970")] == [
        ["1970-01-01", "00:00", "-0.500", "1.600", "-"],
        ["1970-01-01", "00:00", "ven-1", "AGGREGATED_REPORT", "1.500", "2.000", "-", "RUNNING_CURTAILED"],
    ]
    assert "report of 'ven-2'" in text
    assert "No VEN has reported" in reports_text({**FOUND, "reported": []})


@pytest.mark.parametrize(
    ("options", "lacks", "told"),
    [
        ({}, "", "openadr_ven.programs: found none"),
        ({"openadr_ven_programs": "p"}, "GRIDFLEX_OPENADR_VEN_CLIENT_SECRET", "no secret for gridflex-ven"),
        ({"openadr_ven_programs": "p"}, "GRIDFLEX_EVENTS_TOKEN", "who asks?"),
        ({"openadr_ven_programs": "p", "openadr_ven_url": "http://vtn.example"}, "", "anyone on the way could read"),
    ],
)
def test_ven__that_lacks_something_says_what(tmp_path: Path, options: dict[str, str], lacks: str, told: str) -> None:
    config: Config = events_config(tmp_path, **options)
    with pytest.raises(UsageError, match=told):
        ven_of(config, {name: value for name, value in LOGIN.items() if name != lacks})


def test_ven__of_another_vtn_is_never_given_the_secrets_of_the_local_one(tmp_path: Path) -> None:
    config = events_config(tmp_path, openadr_ven_programs="p", openadr_ven_url="https://vtn.example")
    folder = config.state_dir / "openadr"
    folder.mkdir(parents=True)
    (folder / "clients.json").write_text('{"gridflex-ven": "' + "z" * 40 + '"}')
    with pytest.raises(UsageError, match=r"no secret for gridflex-ven at https://vtn\.example"):
        ven_of(config, {"GRIDFLEX_EVENTS_TOKEN": "x" * 30})

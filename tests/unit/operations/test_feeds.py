import json

import pytest
from click.testing import CliRunner

from gridflex.cli import gridflex


def test_feeds_list__is_a_json_array_with_this_installations_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDFLEX_KAFKA_TOPIC_READINGS", "mine")
    done = CliRunner().invoke(gridflex, ["feeds", "list", "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert [row["name"] for row in told] == [
        *("readings", "duty_cycles", "dead_letters", "flexibility"),
        *("curtailment", "commands", "command_results", "enrolment"),
    ]
    assert told[0] == {
        "name": "readings",
        "topic": "mine",
        "schema": "appliance_reading",
        "data_source": "powerraw",
    }


def test_feeds_list__is_a_table_for_people() -> None:
    lines = CliRunner().invoke(gridflex, ["feeds", "list"]).stdout.splitlines()
    assert lines[0].split() == ["name", "topic", "schema", "data_source"]
    assert lines[3].split() == ["duty_cycles", "dutycycle", "duty_cycle", "dutycycle"]

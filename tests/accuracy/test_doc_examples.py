"""The commands of README and docs that need no server run as shown, with the output that the pages describe."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gridflex.cli import gridflex
from gridflex.config import ROOT
from gridflex.contracts.feeds import stored_feeds
from gridflex.domain.baseline import METHODS, STACKS
from tests.support.doc_commands import make_targets, resolve, shown_commands, variants
from tests.support.load_files import write_lcl_hourly, write_load_csv
from tests.support.simulated.demand import Town
from tests.support.stack import stack_environ

SHOWN = {shown.text for shown in shown_commands()}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder; nothing of a user's configuration."""
    for name, value in stack_environ(tmp_path / "stack").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documented(text: str, *more: str, **values: str) -> Iterator[Result]:
    """Run a command of a page, once for each choice: ``values`` in place of its capitals, ``more`` at its end."""
    assert text in SHOWN, f"no page shows {text!r}"
    for words in variants(text):
        filled = [values.get(word, word) for word in words if word != "..."]
        command, path, arguments = resolve(gridflex, [*filled[1:], *more])
        done = CliRunner().invoke(command, arguments, prog_name=" ".join(path), catch_exceptions=False)
        assert done.exit_code == 0, f"{shlex.join(filled)}: {done.output}"
        yield done


def test_feeds_list__prints_what_the_page_says() -> None:
    (done,) = documented("gridflex feeds list [--json]")
    rows = json.loads(done.stdout)
    assert {row["name"] for row in rows} >= {feed.name for feed in stored_feeds()}
    assert all(row.keys() == {"name", "topic", "schema", "data_source"} for row in rows)


def test_generate_and_duty_cycles__write_the_layouts_that_the_readme_names(folder: Path) -> None:
    layouts = {"redd": ("low_freq/house_1/labels.dat", "low_freq/house_1/channel_*.dat"),
               "greend": ("building*/dataset_*.csv", "labels.json")}  # fmt: skip
    make = "gridflex generate redd|greend --out DIR --houses N --days N --seed N"
    for dataset, runs in zip(layouts, documented(make, "--force", DIR="data", N="1"), strict=True):
        assert runs.exit_code == 0
        assert all(list((folder / "data").glob(pattern)) for pattern in layouts[dataset])
        find = "gridflex duty-cycles redd|greend --path DIR --out FILE"
        assert find in SHOWN
        command, _, words = resolve(gridflex, ["duty-cycles", dataset, "--path", "data", "--out", "found.jsonl"])
        assert CliRunner().invoke(command, words, catch_exceptions=False).exit_code == 0
        rows = [json.loads(line) for line in (folder / "found.jsonl").read_text().splitlines()]
        assert rows
        assert all(row["start_ms"] < row["end_ms"] for row in rows)


def test_bakeoff__scores_every_method_of_the_page(folder: Path) -> None:
    write_load_csv(folder / "homes.csv", Town(homes=3, days=60, slots=24, seed=3))
    write_lcl_hourly(folder / "lcl" / "hourly", Town(homes=3, days=60, slots=24, seed=4))
    page = (ROOT / "docs" / "baselines.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]*\|$", page[page.index("## Methods") :], re.MULTILINE)
    (done,) = documented("gridflex bakeoff --data homes.csv --format csv --window 17:00-20:00 --picture homes.png")
    assert {*METHODS, *STACKS} == set(listed)
    assert all(method in done.stdout for method in listed)
    assert (folder / "homes.png").read_bytes().startswith(b"\x89PNG")
    (done,) = documented("gridflex bakeoff --data lcl/hourly --format lcl-hourly --level each --json")
    assert [row["method"] for row in json.loads(done.stdout)] == [*METHODS, *STACKS]


def test_dashboards_validate__accepts_the_repository() -> None:
    (done,) = documented("gridflex dashboards validate")
    assert "all references hold" in done.stdout


def test_kafka_access__grants_what_the_security_page_lists() -> None:
    (topics,) = documented("gridflex deploy kafka-access topics")
    (acls,) = documented("gridflex deploy kafka-access acls")
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = page[page.index("### Permissions") : page.index("### Errors")]
    for users, writes, _ in re.findall(r"^\| (`[^|]+) \| ([^|]+) \| ([^|]+) \|$", rows, re.MULTILINE):
        for user in re.findall(r"`(\w+)`", users):
            own = [line for line in acls.stdout.splitlines() if f"User:{user} " in f"{line} " and "--topic " in line]
            written = {line.split("--topic ")[1].split()[0] for line in own if "--operation Write" in line}
            assert written == set(re.findall(r"`(\w+)`", re.sub(r":.*", "", writes))), user
    assert all(f"--topic {topic}" in topics.stdout for topic in ("powerraw", "dutycycle", "flexibility", "deadletter"))


def test_deploy_health_and_render__describe_a_machine(folder: Path) -> None:
    assert any(text.startswith("gridflex deploy pack|render|health") for text in SHOWN)
    machine = ("druid-coordinator", "--hostname", "druid-coordinator-1.gridflex-dev.internal")
    done = CliRunner().invoke(gridflex, ["deploy", "health", *machine], catch_exceptions=False)
    assert "https://druid-coordinator-1" in done.stdout
    machine = ("superset", "--hostname", "superset-1.gridflex-dev.internal", "--root", "machine")
    done = CliRunner().invoke(gridflex, ["deploy", "render", *machine], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert all(list((folder / "machine").rglob(unit)) for unit in done.stdout.split())


def test_status_and_down__without_a_server_say_that_nothing_runs() -> None:
    (status,) = documented("gridflex status [--json]")
    assert json.loads(status.stdout)["problems"] == []
    (down,) = documented("gridflex down")
    assert down.stdout == "nothing is running\n"
    assert CliRunner().invoke(gridflex, ["logs", "kafka"]).exit_code == 0


def test_scripts__ask_for_the_data_set() -> None:
    for name in ("REDD", "GREEND"):
        assert f"ingestion/run_{name}.sh A B" in SHOWN
        environ = {key: value for key, value in os.environ.items() if key != f"GRIDFLEX_{name}_DIR"}
        script = [ROOT / "ingestion" / f"run_{name}.sh", "0", "1"]
        done = subprocess.run(script, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert f"GRIDFLEX_{name}_DIR" in done.stderr


def test_make_help__lists_the_targets_that_the_readme_names() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    named = {word for text in SHOWN if text.startswith("make ") for word in text.split()[1:] if "=" not in word}
    listed = {line.split()[0] for line in done.stdout.splitlines() if line}
    assert named <= make_targets()
    assert named <= listed

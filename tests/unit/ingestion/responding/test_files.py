"""Ground truth and state on disk: what a killed replay left behind counts only if it was committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridflex.errors import SourceError
from ingestion.responding.ground_truth import GroundTruthFile
from ingestion.responding.state_files import StateFiles


def test_truth_file__cuts_off_what_was_not_committed(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    first = GroundTruthFile(path, None)
    first.append(["one", "two"])
    committed = first.size
    first.append(["three, of a transaction that was never committed"])
    first.close()
    second = GroundTruthFile(path, committed)
    second.append(["three"])
    second.close()
    assert path.read_text(encoding="utf-8").split() == ["one", "two", "three"]


def test_truth_file__of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text("mine\n")
    with pytest.raises(SourceError, match="found a file that this replay did not write; allowed: a new file"):
        GroundTruthFile(path, None)
    with pytest.raises(SourceError, match="found 5 bytes; this replay has written 6"):
        GroundTruthFile(path, 6)
    assert path.read_text() == "mine\n"


def test_state_files__keep_the_committed_one_until_the_next_is(tmp_path: Path) -> None:
    files = StateFiles(tmp_path, "r", 0)
    assert files.read() is None
    files.write({"a": 1})
    files.committed()
    assert files.write({"a": 2}) == 2
    killed = StateFiles(tmp_path, "r", 1)
    assert killed.read() == {"a": 1}
    assert killed.write({"a": 3}) == 2
    killed.committed()
    assert StateFiles(tmp_path, "r", 2).read() == {"a": 3}
    assert [path.name for path in tmp_path.iterdir()] == ["r.houses.2.json"]
    assert killed.write(None) == 0
    killed.committed()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", [None, "{", ""])
def test_state_files__a_lost_one_is_said_so(tmp_path: Path, left: str | None) -> None:
    if left is not None:
        (tmp_path / "r.houses.3.json").write_text(left)
    with pytest.raises(SourceError, match=r"replay r was stopped during an event.*houses\.3\.json.*--replay-id"):
        StateFiles(tmp_path, "r", 3).read()

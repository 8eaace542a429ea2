"""The file of events that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gridflex.adapters.openadr import Unreadable
from gridflex.openadr.unreadable import UnreadableEvents


def event(event_id: str, **more: object) -> Unreadable:
    return Unreadable(id=event_id, name="", reason="no duration", document={"id": event_id} | more)


def kept(file: Path) -> list[str]:
    return [json.loads(line)["event_id"] for line in file.read_text(encoding="utf-8").splitlines()]


def test_event__is_told_once_also_after_a_restart_and_again_when_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "openadr" / "unreadable.jsonl"
    with caplog.at_level("INFO"):
        for found in ([event("1")], [event("1"), event("2")], [event("1", name="x")], []):
            UnreadableEvents(file, "http://vtn", lambda: 0).tell(found)
    assert kept(file) == ["1", "2", "1"]
    assert [one.getMessage().split()[0] for one in caplog.records if "reason=" in one.getMessage()] == [
        "vtn_event=1", "vtn_event=2", "vtn_event=1",
    ]  # fmt: skip
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o077) == (0o600, 0)


def test_count__is_told_when_it_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    events = UnreadableEvents(tmp_path / "file", "http://vtn")
    with caplog.at_level("INFO"):
        for found in ([event("1")], [event("1")], [], []):
            events.tell(found)
    assert [one.getMessage() for one in caplog.records if "vtn=" in one.getMessage()] == [
        "vtn=http://vtn unreadable=1", "vtn=http://vtn unreadable=0",
    ]  # fmt: skip


def test_file__keeps_the_newest_lines_and_the_begin_of_a_long_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.write_text("broken\n")
    events, flood = UnreadableEvents(file, "http://vtn"), [event(str(n), text="x" * 100_000) for n in range(502)]
    for _ in range(2):
        events.tell(flood)
    assert kept(file) == [str(n) for n in range(2, 502)]
    assert file.stat().st_size < 500 * 21_000
    assert sum("reason=" in one.getMessage() for one in caplog.records) == len(flood)


def test_file__that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").mkdir()
    UnreadableEvents(tmp_path / "file", "http://vtn").tell([event("1")])
    assert "vtn_event=1 unreadable reason=no duration" in caplog.text
    assert "kept=none" in caplog.text

"""Where readers of a topic stand, and what they have lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridflex.adapters.kafka.positions import find_gaps, find_loss
from gridflex.errors import ServiceError
from gridflex.operations.local.spark_checkpoint import begin_anew, last_batch, next_positions, query_id

_OFFSETS = st.integers(0, 50)


@given(_OFFSETS, _OFFSETS, _OFFSETS)
def test_gaps__are_all_positions_that_cannot_be_read_from(position: int, begin: int, held: int) -> None:
    gaps = find_gaps({0: position}, {0: begin}, {0: begin + held})
    assert bool(gaps) == (position < begin - 1 or position > begin + held)
    for gap in gaps:
        assert gap.messages == (held if position > begin + held else begin - position)


def test_loss__tells_removed_messages_with_their_number_and_place() -> None:
    loss = find_loss("powerraw", "readings", {0: 100, 1: 7}, {0: 600, 1: 0}, {0: 900, 1: 7})
    assert loss is not None
    assert (loss.removed, loss.unread) == (500, 0)
    assert loss.text() == (
        "500 messages of topic readings were removed (by retention, or by hand) before they were read: lost "
        "(partition 0: to be read from 100 on, begins at 600)"
    )


def test_loss__of_a_topic_made_anew_is_told_though_it_has_grown_past_the_reader() -> None:
    loss = find_loss("spark", "readings", {0: 10, 1: 0}, {0: 0, 1: 0}, {0: 50, 1: 5}, made_anew=True)
    assert loss is not None
    assert loss.text() == (
        "topic readings was deleted and created again: up to 10 may have come before its reader, "
        "and what the old topic held unread is lost"
    )


@pytest.mark.parametrize(
    ("positions", "begin", "end"), [({}, {0: 0}, {0: 5}), ({0: 5}, {0: 5}, {0: 5}), ({3: 1}, {}, {})]
)
def test_loss__is_none_where_everything_can_be_read(
    positions: dict[int, int], begin: dict[int, int], end: dict[int, int]
) -> None:
    assert find_loss("spark", "readings", positions, begin, end) is None


def test_checkpoint__gives_the_place_after_its_last_finished_batch(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    assert (last_batch(folder), query_id(folder), next_positions(folder, "readings")) == (None, None, {})
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True)
    for batch in (8, 9, 10):
        (folder / "offsets" / str(batch)).write_text(f'v1\n{{"conf":{{}}}}\n{{"readings":{{"0":{batch},"1":3}}}}')
        (folder / "offsets" / f".{batch}.crc").touch()
    for batch in (8, 9):
        (folder / "commits" / str(batch)).write_text("v1\n{}")
    assert next_positions(folder, "readings") == {0: 9, 1: 3}
    assert next_positions(folder, "readings", 10) == {0: 10, 1: 3}


def test_checkpoint__begun_anew_keeps_the_place_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    (folder / "state").mkdir(parents=True)
    begin_anew(folder, "readings", {1: 4, 0: 7})
    assert [path.name for path in folder.iterdir()] == ["gridflex-start.json"]
    assert next_positions(folder, "readings") == {0: 7, 1: 4}


@pytest.mark.parametrize("text", ["", "v1", "v1\n{}\n[]", 'v1\n{}\n{"readings": {"a": 1}}'])
def test_checkpoint__that_is_damaged_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    for name in ("offsets", "commits"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "3").write_text(text)
    with pytest.raises(ServiceError, match=r"offsets/3 has no offsets: "):
        next_positions(tmp_path, "readings")

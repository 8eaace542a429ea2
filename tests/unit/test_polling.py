"""Answers are asked for until one will do, and no longer than is allowed."""

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import pytest

from gridflex import polling
from gridflex.polling import poll_until


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which goes on in pauses alone."""
    now = [0.0]
    own = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda pause_s: now.__setitem__(0, now[0] + pause_s))
    monkeypatch.setattr(polling, "time", own)
    return now


def numbers() -> Callable[[], int]:
    found = count(1)
    return lambda: next(found)


def test_answer__is_the_first_that_is_done(clock: list[float]) -> None:
    assert poll_until(numbers(), lambda number: number == 4, timeout_s=60, pause_s=2) == 4
    assert clock == [6.0]


def test_first_answer__needs_no_pause_even_without_time(clock: list[float]) -> None:
    assert poll_until(numbers(), bool, timeout_s=-1, pause_s=2) == 1
    assert clock == [0.0]


def test_late__is_made_of_the_last_answer(clock: list[float]) -> None:
    with pytest.raises(ValueError, match="answer 4"):
        poll_until(
            numbers(), lambda _: False, timeout_s=5, pause_s=2, late=lambda number: ValueError(f"answer {number}")
        )
    assert clock == [6.0]


def test_last_answer__is_given_when_being_late_is_no_error(clock: list[float]) -> None:
    assert poll_until(numbers(), lambda _: False, timeout_s=5, pause_s=2) == 4


def test_what_asking_raises__is_not_asked_again(clock: list[float]) -> None:
    with pytest.raises(ZeroDivisionError):
        poll_until(lambda: 1 // 0, bool, timeout_s=60, pause_s=2)

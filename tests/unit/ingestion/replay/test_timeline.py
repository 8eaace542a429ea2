from hypothesis import given
from hypothesis import strategies as st

from gridflex.domain.readings import MS_PER_DAY
from ingestion.replay.replay import Pace
from ingestion.replay.timeline import Align, Span, base_days, tracks

spans = st.builds(
    lambda first, length: Span(first_ms=first, last_ms=first + length),
    st.integers(0, 10**12),
    st.integers(0, 400 * MS_PER_DAY),
)
moments = st.integers(17 * 10**11, 19 * 10**11)


@given(spans, moments)
def test_past__is_the_latest_whole_day_with_no_reading_after_now(span: Span, now_ms: int) -> None:
    base = base_days(span, Align.PAST, now_ms)
    assert span.last_ms + base * MS_PER_DAY <= now_ms < span.last_ms + (base + 1) * MS_PER_DAY


@given(spans, moments)
def test_today__plays_the_last_source_day_today(span: Span, now_ms: int) -> None:
    base = base_days(span, Align.TODAY, now_ms)
    assert (span.last_ms + base * MS_PER_DAY) // MS_PER_DAY == now_ms // MS_PER_DAY


@given(spans, st.sets(st.integers(0, 600), min_size=1, max_size=40))
def test_tracks__play_every_shift_once(span: Span, shifts: set[int]) -> None:
    for align in Align:
        played = [clone.shift for track in tracks(span, align, sorted(shifts), 100) for clone in track.clones]
        assert sorted(played) == sorted(shifts)


def test_tracks__hundreds_of_shifts_share_one_cursor_in_the_past() -> None:
    span = Span(first_ms=0, last_ms=3 * MS_PER_DAY)
    assert len(tracks(span, Align.PAST, range(500), 0)) == 1
    assert len(tracks(span, Align.TODAY, range(500), 0)) == span.days == 4


def test_pace__live_is_never_ahead_of_the_wall_clock() -> None:
    pace = Pace(speed=3600, never_after_now=True, start_event_ms=1_000_000, start_wall_ms=5_000_000)
    assert pace.until_ms(5_001_000) == 1_000_000 + 3_600_000
    assert pace.until_ms(5_002_000) == 5_002_000
    assert Pace(speed=None, never_after_now=False, start_event_ms=0, start_wall_ms=0).until_ms(1) is None

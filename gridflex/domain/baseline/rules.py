"""Lists the named baseline methods as a table of rules: data, not code.

Source notes: "found" means that the constant was read in a public text or open implementation named there; "memory"
means that it is as the field remembers it and was not seen in the text (docs/baselines.md tells them apart one by one).
All windows are relative to the event, in hours; all days are earlier days of the same kind, most recent first, without
event days, excluded days and days with a missing interval in the windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Choose(StrEnum):
    """Which of the candidate days are averaged."""

    LAST = "last"  # the most recent
    HIGH = "high"  # of the most recent, those with the highest load
    MIDDLE = "middle"  # of the most recent, without the highest and the lowest
    WEATHER = "weather"  # those with the closest highest temperature
    SIMILAR = "similar"  # those whose hours outside the event look most like the day's


class RankBy(StrEnum):
    """The load by which HIGH and MIDDLE rank."""

    WINDOW = "window"  # mean over the event's slots
    DAY = "day"  # mean over the day's known slots


class Alike(StrEnum):
    """Which days count as the same kind."""

    ANY = "any"
    WEEKEND_TOGETHER = "weekend_together"  # weekdays | Saturdays, Sundays and holidays
    SATURDAY_APART = "saturday_apart"  # weekdays | Saturdays | Sundays and holidays


class Adjust(StrEnum):
    """How the day itself moves the average of the chosen days."""

    NONE = "none"
    RATIO = "ratio"  # B' = B x clip(mean L / mean B, low, high), means over the adjustment windows
    ADD = "add"  # B' = B + mean(L - B) over the adjustment windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """The number of days in the pool, the number averaged, and the fewest days in the pool that still give a number."""

    pool: int
    days: int
    least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """The same-day adjustment."""

    kind: Adjust = Adjust.NONE
    before_h: tuple[float, float] | None = None
    """(4, 1): from 4 hours until 1 hour before the event's start."""
    after_h: tuple[float, float] | None = None
    """(2, 4): from 2 hours until 4 hours after the event's end."""
    low: float = 0.0
    high: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRule:
    """One day-matching or weather-matching method."""

    name: str
    choose: Choose
    weekday: Take
    weekend: Take
    lookback_days: int
    adjustment: Adjustment = Adjustment()
    rank_by: RankBy = RankBy.WINDOW
    alike: Alike = Alike.WEEKEND_TOGETHER
    low_use_share: float = 0.0
    """A candidate day below this share of the reference is left out; 0: none is."""
    low_use_of_peak: bool = False
    """The reference: the highest hour in the event window over the lookback (True), or the window's mean (False)."""
    skip_days: int = 0
    """Days just before the event that are no candidates."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRule:
    """Difference in differences against homes that the event did not touch.

    B = own mean + k x (control today - control's mean), means over the same past days and slots, k the ratio of the
    two means over the window, so that a control group of another size serves.
    """

    name: str
    weekday: Take
    weekend: Take
    lookback_days: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRule:
    """The mean of other methods: of those that give a number, at least ``least`` of them."""

    name: str
    members: tuple[str, ...]
    least: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionRule:
    """Ridge regression of the departure from the last like days on calendar, weather and recent load."""

    name: str
    before_h: tuple[float, float] | None = None
    """Hours of the event day that are inputs, relative to the event's start; None: nothing of the day."""
    half_life_days: float = 365.0
    ridges: tuple[float, ...] = (1000.0, 100.0, 10.0, 1.0)
    """How strongly coefficients are drawn to zero: as if by so many days without any effect. The past chooses."""
    least_days: int = 40
    source: str


Method = DayRule | ControlRule | MeanRule | RegressionRule

_TEN = Take(pool=10, days=10, least=5)
_FOUR = Take(pool=4, days=4, least=4)
_FIVE_OF_TEN = Take(pool=10, days=5, least=5)
_TWO_OF_THREE = Take(pool=3, days=2, least=2)
_CAISO_ADJUSTMENT = Adjustment(kind=Adjust.RATIO, before_h=(4, 1), low=0.8, high=1.2)
_RESIDENTIAL_ADJUSTMENT = Adjustment(kind=Adjust.RATIO, before_h=(4, 2), after_h=(2, 4), low=0.71, high=1.40)
_PJM_ADJUSTMENT = Adjustment(kind=Adjust.ADD, before_h=(4, 1))

IGRID = DayRule(
    name="igrid_last_5",
    choose=Choose.LAST,
    weekday=Take(pool=5, days=5, least=5),
    weekend=Take(pool=5, days=5, least=5),
    lookback_days=10,
    alike=Alike.ANY,
    source="The first iGrid: the same time of day's mean over the last 5 days, whatever kind of day; no adjustment.",
)
CAISO = DayRule(
    name="caiso_10_of_10",
    choose=Choose.LAST,
    weekday=_TEN,
    weekend=_FOUR,
    lookback_days=45,
    adjustment=_CAISO_ADJUSTMENT,
    source="California ISO, 10-in-10 (found: Baseline Accuracy Work Group proposal, April 2017, section 1: 10 of 10 "
    "with a 20 % same-day adjustment; AEMO's Baseline Methodology Register says its own are this). From "
    "memory: 45 calendar days, 4 weekend days, 5 weekdays at least, window from -4 h to -1 h. Too few days: no "
    "number, event days are not used.",
)
CAISO_PRE_POST = DayRule(
    name="caiso_10_of_10_pre_post",
    choose=Choose.LAST,
    weekday=_TEN,
    weekend=_FOUR,
    lookback_days=45,
    adjustment=_RESIDENTIAL_ADJUSTMENT,
    source="CAISO_10_of_10 with the residential adjustment of the Baseline Accuracy Work Group: two hours before and "
    "two after the event, each behind a two-hour buffer, 0.71 to 1.40 (found: the 2017 assessment tests post- "
    "event hours; the figures are from memory).",
)
CAISO_RESIDENTIAL = DayRule(
    name="caiso_5_of_10_residential",
    choose=Choose.HIGH,
    weekday=_FIVE_OF_TEN,
    weekend=Take(pool=5, days=3, least=3),
    lookback_days=45,
    adjustment=_RESIDENTIAL_ADJUSTMENT,
    source="California ISO's residential day matching (found: PG&E Power Saver Rewards, FAQ: the 5 highest of 10 "
    "weekdays, the 3 highest of 5 weekend days or holidays, adjusted by the hours before and after the event). "
    "The FAQ weights the 3 weekend days without giving the weights: here they weigh the same.",
)
HIGH_5_OF_10 = DayRule(
    name="high_5_of_10_raw",
    choose=Choose.HIGH,
    weekday=_FIVE_OF_TEN,
    weekend=_TWO_OF_THREE,
    lookback_days=45,
    source="High 5 of 10 without adjustment: kept as a warning. Choosing high days invents megawatts.",
)
HIGH_5_OF_10_ADD = DayRule(
    name="high_5_of_10_additive",
    choose=Choose.HIGH,
    weekday=_FIVE_OF_TEN,
    weekend=_TWO_OF_THREE,
    lookback_days=45,
    adjustment=_PJM_ADJUSTMENT,
    source="High 5 of 10 (as NYISO's) with PJM's symmetric additive adjustment: pjm_high_4_of_5 on a longer pool.",
)
PJM = DayRule(
    name="pjm_high_4_of_5",
    choose=Choose.HIGH,
    weekday=Take(pool=5, days=4, least=4),
    weekend=_TWO_OF_THREE,
    lookback_days=45,
    adjustment=_PJM_ADJUSTMENT,
    alike=Alike.SATURDAY_APART,
    low_use_share=0.25,
    source="PJM Manual 11, economic load response, 3-day-types CBL: high 4 of 5 weekdays (found: the open "
    "implementation of Wijaya et al., EPFL, 'When bias matters', IEEE Trans. Smart Grid 2014, class HighXOfY). "
    "From memory: high 2 of 3 Saturdays, of 3 Sundays or holidays, 45 days, 25 % low-use rule, symmetric "
    "additive adjustment over three hours behind one skipped hour (the three hours and the skipped one also "
    "stand in PJM's 3+2 rule, found: RTO Insider, 25 February 2025).",
)
NYISO = DayRule(
    name="nyiso_high_5_of_10",
    choose=Choose.HIGH,
    weekday=_FIVE_OF_TEN,
    weekend=_TWO_OF_THREE,
    lookback_days=30,
    adjustment=Adjustment(kind=Adjust.RATIO, before_h=(4, 2), low=0.8, high=1.2),
    alike=Alike.SATURDAY_APART,
    low_use_share=0.25,
    low_use_of_peak=True,
    skip_days=1,
    source="NYISO, Emergency Demand Response and Day-Ahead Demand Response manuals, customer baseline load with the "
    "in-day (weather-sensitive) adjustment (found: open implementation SumedhSankhe/NYISO_Baseline: high 5 of "
    "10 by the event window's mean, 25 % of the highest hour of 30 days as low use, the day before left out, "
    "window from -4 h to -2 h; Wijaya et al., class NYISO: 2 of 3 on weekends). From memory: 0.8 to 1.2.",
)
ERCOT = DayRule(
    name="ercot_mid_8_of_10",
    choose=Choose.MIDDLE,
    weekday=Take(pool=10, days=8, least=10),
    weekend=Take(pool=10, days=8, least=10),
    lookback_days=90,
    adjustment=Adjustment(kind=Adjust.RATIO, before_h=(3, 1)),
    rank_by=RankBy.DAY,
    source="ERCOT, Default Baseline Methodologies, Middle 8-of-10 Preceding Like Days (found: EILS Third Baseline "
    "Analysis, March 2009: without the highest and the lowest day, scalar adjustment actual kWh / base kWh; "
    "windows of eight quarter hours that start 2 h or 4 h before the event were considered and not adopted). "
    "From memory: the two hours that start 3 h before, no cap, 90 days back.",
)
WEATHER_MATCH = DayRule(
    name="weather_match_4",
    choose=Choose.WEATHER,
    weekday=_FOUR,
    weekend=_FOUR,
    lookback_days=90,
    adjustment=_RESIDENTIAL_ADJUSTMENT,
    source="California ISO's weather matching: the 4 days of the last 90 with the closest highest temperature (found: "
    "the 4-of-90 of slacgismo/pge-baseline-study; the 2017 assessment, appendix D, holds the rule), "
    "residential adjustment.",
)
MATCHING_DAYS = DayRule(
    name="matching_days_3",
    choose=Choose.SIMILAR,
    weekday=Take(pool=3, days=3, least=3),
    weekend=Take(pool=3, days=3, least=3),
    lookback_days=45,
    source="PJM Manual 11, match day, 3-day average: the three non-event days most like the event day in its other "
    "hours, without the hour before and the hour after (found: RTO Insider, 25 February 2025). From memory: 45 "
    "days, least mean square difference; it can only be computed after the day is over.",
)
CONTROL_GROUP = ControlRule(
    name="control_group",
    weekday=_TEN,
    weekend=_FOUR,
    lookback_days=45,
    source="Difference in differences against a control group (found: the work group's recommended baselines name "
    "control groups first), against the same 10 (weekend: 4) past days.",
)
MEAN_OF_ADJUSTED = MeanRule(
    name="mean_of_adjusted",
    members=tuple(
        rule.name
        for rule in (CAISO, CAISO_PRE_POST, CAISO_RESIDENTIAL, HIGH_5_OF_10_ADD, PJM, NYISO, ERCOT, WEATHER_MATCH)
    ),
    least=4,
    source="The mean of the adjusted methods: errors that differ cancel in part (forecast combination; Bates & "
    "Granger, 1969).",
)
_REGRESSION_SOURCE = (
    "Time-of-week and temperature regression with change points (Mathieu, Price, Kiliccote & Piette, 'Quantifying "
    "changes in building electricity use', IEEE Trans. Smart Grid 2011; CalTRACK's hourly methods), here on the "
    "departure from the 10 last like days. No tariff's rule: the columns are this implementation's own."
)
REGRESSION_DAY_AHEAD = RegressionRule(name="regression_day_ahead", source=_REGRESSION_SOURCE)
REGRESSION_SAME_DAY = RegressionRule(
    name="regression_same_day", before_h=(4, 1), source=f"{_REGRESSION_SOURCE} With the hours -4 h..-1 h of the day."
)

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        IGRID,
        CAISO,
        CAISO_PRE_POST,
        CAISO_RESIDENTIAL,
        HIGH_5_OF_10,
        HIGH_5_OF_10_ADD,
        PJM,
        NYISO,
        ERCOT,
        WEATHER_MATCH,
        MATCHING_DAYS,
        CONTROL_GROUP,
        MEAN_OF_ADJUSTED,
        REGRESSION_DAY_AHEAD,
        REGRESSION_SAME_DAY,
    )
}
"""Every named method; a mean stands after its members."""

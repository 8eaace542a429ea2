"""Where the time of an answer goes: instants along its way, the hops between them, and what made the slowest slow."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import Figure, percentile

_TOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One answer: when its way began, and how long each hop took, in order."""

    began: float
    """By the wall clock, seconds since 1970: what the servers' logs tell of that moment."""
    hops: dict[str, float]

    @property
    def total_s(self) -> float:
        """From the beginning to the answer."""
        return sum(self.hops.values())


def figures(name: str, traces: Sequence[Trace], *, at_most: float | None = None) -> list[Figure]:
    """p50, p95, p99 and the worst of all traces; the bound is p95's."""
    totals = [trace.total_s for trace in traces]
    return [
        Figure(name=f"{name}, p50", value=percentile(totals, 0.5), unit="s"),
        Figure(name=f"{name}, p95", value=percentile(totals, 0.95), unit="s", at_most=at_most),
        Figure(name=f"{name}, p99", value=percentile(totals, 0.99), unit="s"),
        Figure(name=f"{name}, worst", value=max(totals), unit="s", note=slowest_hop(traces)),
    ]


def slowest_hop(traces: Sequence[Trace]) -> str:
    """The hop of the worst trace that took longest beyond what it usually takes.

    >>> usual = [Trace(began=0, hops={"kafka": 0.1, "sql": 0.2})] * 3
    >>> slowest_hop([*usual, Trace(began=0, hops={"kafka": 0.9, "sql": 0.3})])
    'kafka 0.900 s, usually 0.100 s'
    """
    usual = _usual(traces)
    worst = max(traces, key=lambda trace: trace.total_s)
    hop = max(worst.hops, key=lambda name: worst.hops[name] - usual[name])
    return f"{hop} {worst.hops[hop]:.3f} s, usually {usual[hop]:.3f} s"


def report(name: str, traces: Sequence[Trace]) -> list[str]:
    """Each hop's p50, p95, p99 and worst, and the slowest traces hop by hop, with the time of day."""
    lines = [f"{name}: {len(traces)} traces; p50 / p95 / p99 / worst of each hop, s"]
    for hop in traces[0].hops:
        times = [trace.hops[hop] for trace in traces]
        told = " / ".join(f"{percentile(times, share):.3f}" for share in (0.5, 0.95, 0.99))
        lines.append(f"  {hop:<34} {told} / {max(times):.3f}")
    for trace in sorted(traces, key=lambda one: one.total_s, reverse=True)[:_TOLD]:
        at = time.strftime("%H:%M:%S", time.gmtime(trace.began)) + f".{int(trace.began % 1 * 1000):03d}"
        hops = ", ".join(f"{hop} {seconds:.3f}" for hop, seconds in trace.hops.items())
        lines.append(f"  {trace.total_s:.3f} s from {at} UTC: {hops}")
    return lines


def _usual(traces: Sequence[Trace]) -> dict[str, float]:
    return {hop: statistics.median(trace.hops[hop] for trace in traces) for hop in traces[0].hops}

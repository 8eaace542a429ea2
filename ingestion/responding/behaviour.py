"""Draws by a seed how households and their plugs answer: how late, and who refuses, opts out or is out of reach."""

from __future__ import annotations

from dataclasses import dataclass

from gridflex.domain.curtailment import Command, stable_hash
from gridflex.domain.readings import MS_PER_S
from ingestion.responding.appliances import Appliance

_PARTS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The behaviour of households. Shares are 0..1, each drawn once for a household and an event."""

    latency_s: float = 1.0
    """On average, from a command to its answer; each appliance has its own, half as long to one and a half as long."""
    unreachable_share: float = 0.0
    refusal_share: float = 0.0
    opt_out_share: float = 0.0
    """Who says no while the event runs."""
    seed: int = 0

    def latency_ms(self, appliance: Appliance) -> int:
        """The time until an appliance answers a command, ms."""
        return round(self.latency_s * MS_PER_S * (0.5 + self._draw("latency", appliance.appliance_id)))

    def is_unreachable(self, command: Command, appliance: Appliance) -> bool:
        """Whether a command does not reach an appliance."""
        return self._draw("unreachable", command.event_id, appliance.house_id) < self.unreachable_share

    def refuses(self, command: Command, appliance: Appliance) -> bool:
        """Whether a household refuses an event."""
        return self._draw("refusal", command.event_id, appliance.house_id) < self.refusal_share

    def opts_out_ms(self, command: Command, appliance: Appliance) -> int | None:
        """When a household opts out of an event within the appliance's off-run, UTC epoch; ``None``: it does not."""
        if self._draw("opt-out", command.event_id, appliance.house_id) >= self.opt_out_share:
            return None
        start_ms, end_ms = command.own_run_ms(appliance.appliance_id)
        return start_ms + round((end_ms - start_ms) * self._draw("moment", command.event_id, appliance.house_id))

    def _draw(self, *names: str) -> float:
        """A number in 0..1 drawn for a purpose and names."""
        return stable_hash(str(self.seed), "\0".join(names)) % _PARTS / _PARTS

"""Lets the houses of a replay respond, and stores their commands, answers and state with the replay's position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gridflex.adapters.avro import encode_dicts
from gridflex.adapters.kafka.enrolment import follow_enrolment
from gridflex.adapters.kafka.feed_topics import topic_of
from gridflex.adapters.kafka.transactions import Message
from gridflex.config import Config
from gridflex.contracts.feeds import feed
from gridflex.contracts.schemas import written_schema
from gridflex.domain.enrolment import Participation
from gridflex.domain.readings import Floats, Ints
from gridflex.errors import SourceError
from ingestion.responding.accepted_commands import Answer
from ingestion.responding.appliances import Appliance
from ingestion.responding.behaviour import Behaviour
from ingestion.responding.command_reader import CommandReader
from ingestion.responding.ground_truth import GroundTruthFile
from ingestion.responding.houses import Houses
from ingestion.responding.state_files import StateFiles

_RESULTS = "command_results"


class Responder:
    """Connects the houses of one replay with Kafka. Call in turn listen, play, advance; to commit, prepare and
    committed.
    """

    def __init__(
        self,
        config: Config,
        replay_id: str,
        appliances: Sequence[Appliance],
        lag_ms: Ints,
        *,
        truth: Path | None,
        position: Mapping[str, Any] | None,
    ) -> None:
        """``position``: what ``prepare`` gave at the last commit; ``None``: these houses have never responded.

        Raises ``SourceError`` when files are not as they were left, ``ServiceError`` when Kafka cannot be read.
        """
        at = position or {}
        self._houses = Houses(appliances, lag_ms, Behaviour(**config.responding.model_dump()))
        self._files = StateFiles(config.state_dir / "replay", replay_id, at.get("state", 0))
        carried = self._files.read()
        if carried is not None:
            try:
                self._houses.load(carried)
            except ValueError as problem:
                raise SourceError(f"replay {replay_id}, state of its houses: {problem}") from None
        self._truth = _truth_file(truth, at)
        self._kept = {name: at[name] for name in ("truth", "truth_bytes") if name in at}
        self._commands = CommandReader(
            config.kafka, f"replay-{replay_id}", {int(k): v for k, v in at.get("commands", {}).items()}
        )
        self._enrolment = follow_enrolment(config.kafka)
        self._participation: Participation | None = None
        self._topic = topic_of(config.kafka, feed(_RESULTS))
        self._answers: list[Answer] = []
        self._lines: list[str] = []
        self._started = False

    def close(self) -> None:
        """Stop following enrolments, and close the files."""
        self._commands.close()
        self._enrolment.close()
        if self._truth is not None:
            self._truth.close()

    def listen(self, clock_ms: int) -> None:
        """Take new commands and enrolments; all readings before the clock must have been played."""
        participation = self._enrolment.participation
        if participation is not self._participation:
            self._participation = participation
            self._houses.follow(participation, clock_ms)
        commands = self._commands.take() if self._started else self._commands.read_to_end()
        self._started = True
        if commands:
            self._houses.take(commands, participation, clock_ms)

    def play(self, series: Ints, time_ms: Ints, power_w: Floats, observed_s: Floats) -> Floats:
        """Change the power of readings to what it is while appliances are called; shapes (n,)."""
        return self._houses.play(series, time_ms, power_w, observed_s)

    def advance(self, clock_ms: int | None) -> bool:
        """Advance the clock: all readings before it (``None``: all there are) have been played. Returns whether there
        is anything to commit.
        """
        if clock_ms is not None:
            self._answers += self._houses.answers(clock_ms)
        self._lines += self._houses.truth_lines(clock_ms)
        return bool(self._answers or self._lines)

    def prepare(self, *, at_end: bool) -> tuple[dict[str, list[Message]], dict[str, Any]]:
        """The messages by topic and the position, to be committed in one transaction with the readings that were
        played.

        ``at_end``: no reading comes any more, so that nothing is to be carried.
        """
        position: dict[str, Any] = self._kept | {"commands": self._commands.position}
        if self._truth is not None:
            self._truth.append(self._lines)
            position |= {"truth": str(self._truth.path), "truth_bytes": self._truth.size}
        nothing = at_end or self._houses.idle
        position["state"] = self._files.write(None if nothing else self._houses.to_json())
        return ({self._topic: self._results()} if self._answers else {}), position

    def committed(self) -> None:
        """Note that what ``prepare`` gave is committed."""
        self._files.committed()
        self._answers, self._lines = [], []

    def _results(self) -> list[Message]:
        appliances = self._houses.fleet.appliances
        records = [_record(one, appliances[one.series]) for one in self._answers]
        keys = [appliances[one.series].appliance_id.encode() for one in self._answers]
        return list(zip(keys, encode_dicts(written_schema(feed(_RESULTS)), records), strict=True))


def _truth_file(path: Path | None, position: Mapping[str, Any]) -> GroundTruthFile | None:
    if path is None:
        return None
    whole = path.resolve()
    return GroundTruthFile(whole, position.get("truth_bytes") if position.get("truth") == str(whole) else None)


def _record(answer: Answer, appliance: Appliance) -> dict[str, Any]:
    command = answer.command
    return {
        "event_time_ms": answer.time_ms,
        "command_id": command.command_id,
        "event_id": command.event_id,
        "version": command.version,
        "region": appliance.region,
        "feeder": appliance.feeder,
        "appliance": appliance.appliance,
        "cohort": command.cohort,
        "house_id": appliance.house_id,
        "appliance_id": appliance.appliance_id,
        "result": answer.result,
        "reason": answer.reason,
    }

"""What a Spark driver's log tells of its executors and tasks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_STAGE = re.compile(r"Submitting \d+ missing tasks from (\w+Stage) (\d+) ")
_STARTED = re.compile(r"Starting task \S+ in stage (\d+)\.\d+ \(TID (\d+)\) \([^,]+,\s?executor (\w+)")
_FINISHED = re.compile(r"Finished task \S+ in stage \S+ \(TID (\d+)\)")
_LOST_TASK = re.compile(
    r"task \S+ in stage \S+ \(TID (\d+)\) (?:failed because .*executor exited|.*ExecutorLostFailure)"
)
_LOST_EXECUTOR = re.compile(r"Lost executor (\w+) on ")


class Task(NamedTuple):
    """A running task."""

    number: int
    stage: str
    """``ShuffleMapStage``: it reads and decodes; ``ResultStage``: it folds into the state."""
    executor: str


@dataclass(frozen=True, slots=True)
class DriverLog:
    """The log of one driver, with the settings of ``tests.support.spark_cluster``."""

    path: Path

    @property
    def text(self) -> str:
        """All that it has written."""
        return self.path.read_text(errors="replace") if self.path.is_file() else ""

    def running(self, kind: str) -> Task | None:
        """A task of such a stage that has not finished, the newest."""
        text = self.text
        kinds = {stage: name for name, stage in _STAGE.findall(text)}
        over = {*_FINISHED.findall(text), *_LOST_TASK.findall(text)}
        found = [
            Task(int(number), kinds.get(stage, ""), executor)
            for stage, number, executor in _STARTED.findall(text)
            if number not in over and kinds.get(stage) == kind
        ]
        return found[-1] if found else None

    def lost_executors(self) -> set[str]:
        """Executors that went without being asked to."""
        return set(_LOST_EXECUTOR.findall(self.text))

    def lost_tasks(self) -> set[int]:
        """Tasks that went with them."""
        return {int(number) for number in _LOST_TASK.findall(self.text)}

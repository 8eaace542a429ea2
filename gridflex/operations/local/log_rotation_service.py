"""Describes the rotation of logs as a process of the stack, which runs for as long as any service does."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gridflex.config import Config
from gridflex.operations.local.services import Service

LOG_ROTATION = "log-keeper"
_RUN_LOGS_MB = 200
_RUN_LOGS_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsProbe:
    """No log is far above its limit: the rotation does its job."""

    folder: Path
    max_bytes: int

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        for log in sorted(self.folder.glob("*.log")):
            if log.stat().st_size > 2 * self.max_bytes:
                return f"{log} has {log.stat().st_size / 1e6:.0f} MB, more than twice its limit (launcher.log_max_mb)"
        return None


def log_rotation_service(config: Config) -> Service:
    """Describe the log rotation. It starts and stops with the services; commands cannot name it."""
    logs, max_bytes = config.state_dir / "logs", config.launcher.log_max_mb * 1_000_000
    runs = ("--sweep", str(config.state_dir / "airflow" / "logs"), "--sweep-bytes", str(_RUN_LOGS_MB * 1_000_000))
    limits = ("--max-bytes", str(max_bytes), "--files", str(config.launcher.log_files))
    return Service(
        name=LOG_ROTATION,
        argv=(
            sys.executable,
            "-m",
            "gridflex.operations.local.log_rotation",
            str(logs),
            *limits,
            *runs,
            "--days",
            str(_RUN_LOGS_DAYS),
        ),
        probe=LogsProbe(folder=logs, max_bytes=max_bytes),
        folders=(logs,),
    )

"""systemd units: how a service of the launcher is kept running on a machine of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gridflex.operations.local.services import Service

SECRETS = Path("/run/gridflex/secrets.env")
"""In memory; filled from Secrets Manager at each start, readable by root alone: systemd reads it for the service."""
USER = "gridflex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A process that is started again whenever it ends."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    after: tuple[str, ...] = ()
    stop_timeout_s: float = 60

    @property
    def path(self) -> Path:
        """Where systemd finds it."""
        return Path("/etc/systemd/system") / f"gridflex-{self.name}.service"

    def text(self) -> str:
        """The unit file."""
        after = " ".join(("network-online.target", *(f"gridflex-{name}.service" for name in self.after)))
        environment = "".join(f"Environment={_quoted(f'{key}={value}')}\n" for key, value in self.env.items())
        return (
            f"[Unit]\nDescription=Gridflex: {self.name}\nWants=network-online.target\nAfter={after}\n"
            "StartLimitIntervalSec=0\n\n"
            f"[Service]\nUser={USER}\nWorkingDirectory={self.cwd}\n{environment}EnvironmentFile={SECRETS}\n"
            f"ExecStart={' '.join(_quoted(word.replace('$', '$$')) for word in self.argv)}\n"
            f"Restart=always\nRestartSec=5\nTimeoutStopSec={self.stop_timeout_s:.0f}\nLimitNOFILE=65536\n"
            # Java ends with 143 on SIGTERM.
            "SuccessExitStatus=143\nNoNewPrivileges=true\nPrivateTmp=true\nProtectSystem=full\nUMask=0077\n\n"
            "[Install]\nWantedBy=multi-user.target\n"
        )


def unit_of(service: Service) -> Unit:
    """The unit of a service that the launcher describes."""
    return Unit(
        name=service.name,
        argv=service.argv,
        env=service.env,
        cwd=service.cwd,
        after=service.starts_after,
        stop_timeout_s=service.stop_timeout_s,
    )


def _quoted(word: str) -> str:
    """One word, as systemd reads it back."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{escaped}"'

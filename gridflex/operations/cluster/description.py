"""What a machine must be told of its cluster and of itself before its files can be written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gridflex.errors import ConfigError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]+$")]


class Cluster(BaseModel):
    """The Druid cluster, as Terraform tells it (``infra/terraform/modules/druid``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zookeepers: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Names in the private zone, in the order of their numbers."""
    metadata_host: Name
    metadata_port: Annotated[int, Field(ge=1, le=65535)]
    metadata_name: Name
    metadata_user: Name
    deep_storage: Name
    """Bucket of segments and task logs."""
    deep_storage_key: Name
    """ARN of the key that encrypts them."""
    task_slots: Annotated[int, Field(ge=2)]
    """Tasks that one middle manager runs at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine, and where things stand on it."""

    hostname: str
    memory_mb: int
    cores: int
    disk_mb: int
    druid_home: Path = Path("/opt/druid")
    """The official distribution."""
    settings_dir: Path = Path("/etc/gridflex")
    state_dir: Path = Path("/var/lib/gridflex")

    @property
    def tls_dir(self) -> Path:
        """Key, certificate and trust, as the boot script leaves them."""
        return self.settings_dir / "tls"


def read_cluster(text: str) -> Cluster:
    """Read the JSON. Raises ``ConfigError`` with what is wrong in it."""
    try:
        return Cluster.model_validate_json(text)
    except ValidationError as problem:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problem.errors())
        raise ConfigError(f"the cluster's description is wrong: {wrong}") from None

"""What a release is: the project's zip, and the zip of Spark's connectors."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from gridflex.config import ROOT
from gridflex.errors import UsageError
from gridflex.files import replaced
from gridflex.operations.local.jars import STACK

_FOLDERS = ("gridflex", "ingestion", "stream_processing", "batch", "schemas", "database", "frontend", "infra")
_FILES = ("pyproject.toml", "README.md", "Makefile")
_REQUIREMENTS = ("core", "airflow", "superset")
_LEFT_OUT = {"__pycache__", ".terraform", "target", ".terraform.lock.hcl"}
_LEFT_OUT_SUFFIXES = (".pyc", ".tfstate", ".tfvars", ".backup")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip can hold: the same content gives the same bytes, so that Terraform sees no change."""
_FILE, _PROGRAM = 0o100644, 0o100755
"""The only two kinds that git knows: what else a checkout's files may bear is its user's umask."""
CODE = "gridflex.zip"
JARS = "spark-jars.zip"


def pack(target: Path) -> list[Path]:
    """Write both zips into the folder. Raises ``UsageError`` if Spark's jars were never fetched."""
    jars = sorted((STACK / "spark").glob("*.jar"))
    if not jars:
        raise UsageError(f"no jars in {STACK / 'spark'}; get them with: make stack")
    target.mkdir(parents=True, exist_ok=True)
    return [
        _zip(target / CODE, ((path, path.relative_to(ROOT)) for path in _sources())),
        _zip(target / JARS, ((path, Path(path.name)) for path in jars)),
    ]


def _sources() -> Iterable[Path]:
    yield from (ROOT / name for name in _FILES)
    yield from (ROOT / "requirements" / f"{name}{suffix}" for name in _REQUIREMENTS for suffix in (".in", ".txt"))
    for folder in _FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            parts = set(path.relative_to(ROOT).parts)
            if path.is_file() and not parts & _LEFT_OUT and not path.name.endswith(_LEFT_OUT_SUFFIXES):
                yield path


def _zip(target: Path, files: Iterable[tuple[Path, Path]]) -> Path:
    with replaced(target) as fresh, zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in files:
            entry = zipfile.ZipInfo(str(name), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (_PROGRAM if path.stat().st_mode & 0o100 else _FILE) << 16
            archive.writestr(entry, path.read_bytes())
    return target

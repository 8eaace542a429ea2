"""Fetches the servers' jars with Maven into ``build/stack``: one folder for each ``pom.xml`` below ``infra/local``.

A folder is fetched again only when a pom or a source of it changed, so that later calls work offline.
``python -m gridflex.operations.local.jars`` fetches everything.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gridflex.config import ROOT, Config, load_config
from gridflex.errors import GridflexError, ServiceError
from gridflex.operations.local.java import check_java

log = logging.getLogger(__name__)

LOCAL = ROOT / "infra" / "local"
STACK = ROOT / "build" / "stack"
EXTENSIONS = "druid-extensions"
OFFICIAL_AVRO = "druid-avro-extensions"
STAND_IN_AVRO = "druid-avro-stream"
_NOT_PUBLISHED = re.compile(r"Could not find artifact|was not found in")


@dataclass(frozen=True, slots=True, kw_only=True)
class JarFolder:
    """One ``pom.xml`` and the folder that its jars go to."""

    name: str
    """Below ``infra/local`` and below ``build/stack`` alike."""
    without: str | None = None
    """Leave out the jars that this other folder has: Druid's extensions see those of Druid itself."""
    builds: bool = False
    """The pom builds a jar from source of its own."""

    @property
    def source(self) -> Path:
        """Where its pom stands."""
        return LOCAL / self.name

    @property
    def target(self) -> Path:
        """Where its jars stand."""
        return STACK / self.name

    @property
    def stamp(self) -> Path:
        """Holds the digest of what the jars were fetched for."""
        return STACK / "stamps" / self.name.replace("/", "-")


FOLDERS = (
    JarFolder(name="kafka"),
    JarFolder(name="spark"),
    JarFolder(name="kafka-tools"),
    JarFolder(name="postgres"),
    JarFolder(name="druid"),
    JarFolder(name=f"{EXTENSIONS}/druid-kafka-indexing-service", without="druid"),
    JarFolder(name=f"{EXTENSIONS}/druid-datasketches", without="druid"),
    JarFolder(name=f"{EXTENSIONS}/druid-loopback-guard", without="druid", builds=True),
)
OFFICIAL = JarFolder(name=f"{EXTENSIONS}/{OFFICIAL_AVRO}", without="druid")
STAND_IN = JarFolder(name=f"{EXTENSIONS}/{STAND_IN_AVRO}", without="druid", builds=True)


def fetch_jars(config: Config, say: Callable[[str], None] = log.info) -> None:
    """Fetch all jars that are not there yet; ``say`` gets a line for each folder fetched.

    Raises ``ServiceError`` if Java or Maven is missing or an artifact cannot be had.
    """
    for folder in FOLDERS:
        _fetch(folder, say)
    _fetch_avro(config.launcher.druid_avro, say)


def missing_jars() -> list[str]:
    """Names of the folders that were never fetched, or for another version."""
    missing = [folder.name for folder in FOLDERS if not _is_fetched(folder)]
    if not (_is_fetched(OFFICIAL) or _is_fetched(STAND_IN)):
        missing.append(OFFICIAL.name)
    return missing


def extension_names() -> list[str]:
    """Names of Druid's extensions at hand: what ``druid.extensions.loadList`` takes."""
    return sorted(folder.name for folder in (STACK / EXTENSIONS).glob("*") if folder.is_dir())


def _fetch_avro(choice: str, say: Callable[[str], None]) -> None:
    if choice == "auto" and (_is_fetched(OFFICIAL) or _is_fetched(STAND_IN)):
        return
    if choice != "stand_in":
        try:
            _fetch(OFFICIAL, say)
        except ServiceError as problem:
            if choice == "official" or not _NOT_PUBLISHED.search(str(problem)):
                raise
            say(f"{OFFICIAL_AVRO} is not available for this version of Druid: using {STAND_IN_AVRO} instead")
        else:
            _forget(STAND_IN)
            return
    _fetch(STAND_IN, say)
    _forget(OFFICIAL)


def _forget(folder: JarFolder) -> None:
    shutil.rmtree(folder.target, ignore_errors=True)
    folder.stamp.unlink(missing_ok=True)


def _is_fetched(folder: JarFolder) -> bool:
    return folder.stamp.is_file() and folder.target.is_dir() and folder.stamp.read_text() == _digest(folder)


def _digest(folder: JarFolder) -> str:
    poms = [LOCAL / path / "pom.xml" for path in (Path(folder.name), *Path(folder.name).parents)]
    sources = sorted(path for path in (folder.source / "src").rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in (pom for pom in (*poms, *sources) if pom.is_file()):
        digest.update(f"{path.relative_to(LOCAL)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _fetch(folder: JarFolder, say: Callable[[str], None]) -> None:
    if _is_fetched(folder):
        return
    started = time.monotonic()
    fresh = STACK / "fetching" / folder.name
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    _run_maven(folder, fresh)
    if folder.without:
        for jar in (STACK / folder.without).glob("*.jar"):
            (fresh / jar.name).unlink(missing_ok=True)
    _forget(folder)
    folder.target.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(folder.target)
    folder.stamp.parent.mkdir(parents=True, exist_ok=True)
    folder.stamp.write_text(_digest(folder))
    shutil.rmtree(STACK / "fetching")
    jars = list(folder.target.glob("*.jar"))
    size_mb = sum(jar.stat().st_size for jar in jars) / 1e6
    say(f"{folder.name}: {len(jars)} jars, {size_mb:.0f} MB, {time.monotonic() - started:.0f} s")


def _run_maven(folder: JarFolder, fresh: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServiceError("Maven not found: no `mvn` on PATH; install it (Debian: apt-get install maven)")
    check_java()
    goals = ["package"] if folder.builds else []
    command = [maven, "-B", "-q", "-s", str(LOCAL / "settings.xml"), "-f", str(folder.source / "pom.xml"), *goals]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
    command += [f"-Dstack.target={STACK / 'target' / folder.name}", f"-Dstack.jars={fresh}", "-Dstyle.color=never"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        error = re.search(r"\[ERROR\] +(.+)", done.stdout)
        reason = error.group(1) if error else (done.stderr or done.stdout).strip()[-500:]
        raise ServiceError(f"Maven could not fetch {folder.name}: {reason}")


def main() -> int:
    """Fetch everything, a line for each folder."""
    try:
        fetch_jars(load_config(), lambda line: print(line, flush=True))  # noqa: T201
    except GridflexError as problem:
        print(f"error: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The release that Terraform uploads, as the boot scripts lay it out on a machine of EMR."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from string import Template

from gridflex.operations.cluster.pack import CODE, JARS
from tests.support.flow import GRIDFLEX

_HOME = "/opt/gridflex"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The two zips, unpacked, and a Python environment of their own."""

    home: Path
    """What ``/opt/gridflex`` is on a machine."""

    @property
    def app(self) -> Path:
        """The project's zip."""
        return self.home / "app"

    @property
    def python(self) -> Path:
        """Python with the packages of the lock file, and without the checkout."""
        return self.home / "venv-core" / "bin" / "python"

    @property
    def spark_home(self) -> Path:
        """PySpark in that environment."""
        return _packages(self.home) / "pyspark"

    @property
    def jars(self) -> list[Path]:
        """Spark's connectors."""
        return sorted((self.app / "build" / "stack" / "spark").glob("*.jar"))

    def settings(self, **values: object) -> dict[str, str]:
        """Spark's settings of boot/spark.sh, but for those of YARN and S3. ``values``: what the script fills in."""
        block = re.search(r"<<CONF\n(.*?)^CONF$", self._boot(), re.DOTALL | re.MULTILINE)
        assert block is not None, "boot/spark.sh writes no spark-defaults.conf"
        text = Template(block[1]).substitute({name: str(value) for name, value in values.items()})
        pairs = dict(line.split(maxsplit=1) for line in text.replace(_HOME, str(self.home)).splitlines())
        return {key: value for key, value in pairs.items() if "spark.yarn" not in key and "ClassPath" not in key}

    def command(self, **values: object) -> list[str]:
        """The command of the streaming job's unit, as boot/spark.sh writes it."""
        line = re.search(r"^ExecStart=(\S+ -m stream_processing.*)$", self._boot(), re.MULTILINE)
        assert line is not None, "boot/spark.sh starts no streaming job"
        text = Template(line[1]).substitute({name: str(value) for name, value in values.items()})
        return text.replace(_HOME, str(self.home)).split()

    def _boot(self) -> str:
        return (self.app / "infra" / "terraform" / "boot" / "spark.sh").read_text()


def unpacked_release(home: Path) -> Release:
    """Pack a release as ``make dist`` does, and unpack it below ``home`` as boot/spark-bootstrap.sh does."""
    dist = home / "dist"
    subprocess.run([str(GRIDFLEX), "deploy", "pack", "--out", str(dist)], check=True, capture_output=True, timeout=120)
    release = Release(home=home)
    for name, folder in ((CODE, release.app), (JARS, release.app / "build" / "stack" / "spark")):
        with zipfile.ZipFile(dist / name) as archive:
            archive.extractall(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home / "venv-core")], check=True, timeout=60)
    lock = (release.app / "requirements" / "core.txt").read_text()
    _link(_packages(home), _PIN.findall(lock))
    return release


def _packages(home: Path) -> Path:
    (found,) = (home / "venv-core" / "lib").glob("python*/site-packages")
    return found


def _link(target: Path, names: Iterable[str]) -> None:
    """Put these packages of the running environment, and no other, into the folder: installing them anew is slow."""
    for name in names:
        installed = distribution(name)
        tops = {file.parts[0] for file in installed.files or () if file.parts[0] not in {"..", "__pycache__"}}
        for top in tops:
            if not (target / top).exists():
                (target / top).symlink_to(Path(str(installed.locate_file(top))))

"""The programs of `gridflex up openadr`: PostgreSQL unpacked from its jar, the VTN built by cargo, each once.

They stand outside the checkout, so that each checkout finds them, under the digest of what they were made from. Under
root the servers run as another user, who must be able to read them: then they stand in ``/var/cache``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gridflex.errors import GridflexError, ServiceError
from gridflex.operations.local.jars import LOCAL, STACK

SOURCE = LOCAL / "openadr-vtn"
_VTN = "gridflex-openadr-vtn"
_JAR_DIGEST = "23da5a044b4fb7a5a081a45008c95749c873305328d73f86aefd56922ce1d29d"
"""SHA-256 of the jar that ``infra/local/postgres/pom.xml`` names."""
_ARCHIVE = "postgres-linux-x86_64.txz"
_NEEDS = (
    "needed: a C compiler, cmake, pkg-config, OpenSSL's headers (Debian: build-essential cmake pkg-config libssl-dev)"
)
_READABLE = 0o755


def cache_folder() -> Path:
    """Where programs stand that are made once on a machine."""
    if os.geteuid() == 0:
        return Path("/var/cache/gridflex")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gridflex"


def postgres_programs() -> Path:
    """The folder of ``initdb`` and ``postgres``."""
    return cache_folder() / f"postgres-{_JAR_DIGEST[:16]}" / "bin"


def vtn_program() -> Path:
    """The VTN built from the present source."""
    digest = hashlib.sha256()
    for path in (SOURCE / "Cargo.lock", SOURCE / "Cargo.toml", *sorted((SOURCE / "src").rglob("*.rs"))):
        digest.update(f"{path.relative_to(SOURCE)}\n".encode() + path.read_bytes())
    return cache_folder() / f"openadr-vtn-{digest.hexdigest()[:16]}" / _VTN


def missing_vtn() -> str | None:
    """Why the VTN can neither be started nor built here; nothing if it can."""
    if vtn_program().is_file():
        return None
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return f"the OpenADR VTN runs on Linux x86_64; this is {platform.system()} {platform.machine()}"
    if shutil.which("cargo") is None:
        return "no `cargo` on PATH to build the OpenADR VTN with: install Rust 1.91 or later; all else works without it"
    return None


def unpack_postgres() -> None:
    """Unpack PostgreSQL from its jar, once. Raises ``ServiceError`` if the jar is not the one that is pinned."""
    target = postgres_programs().parent
    with _alone("postgres"):
        if target.is_dir():
            return
        jar = next(iter(sorted((STACK / "postgres").glob("*.jar"))), None)
        if jar is None:
            raise ServiceError("PostgreSQL's jar was not fetched; run `make setup`")
        found = hashlib.sha256(jar.read_bytes()).hexdigest()
        if found != _JAR_DIGEST:
            raise ServiceError(f"{jar.name} has the SHA-256 {found}; expected {_JAR_DIGEST}: it is not used")
        with (
            _fresh(target) as folder,
            zipfile.ZipFile(jar) as packed,
            packed.open(_ARCHIVE) as archive,
            tarfile.open(fileobj=archive, mode="r:xz") as files,
        ):
            files.extractall(folder, filter="data")


def build_vtn(say: Callable[[str], None]) -> None:
    """Build the VTN, once. ``say`` gets a line before, which names the log, and one after.

    Raises ``ServiceError`` if it cannot be built here.
    """
    if lacks := missing_vtn():
        raise ServiceError(lacks)
    program = vtn_program()
    with _alone("openadr-vtn"):
        if program.is_file():
            return
        started = time.monotonic()
        log = cache_folder() / "openadr-vtn-build.log"
        say(f"openadr-vtn: built once on this machine, which takes some minutes; progress in {log}")
        built = cache_folder() / "openadr-vtn-build"
        _run_cargo(built, log)
        with _fresh(program.parent) as folder:
            shutil.copyfile(built / "release" / _VTN, folder / _VTN)
            (folder / _VTN).chmod(_READABLE)
        shutil.rmtree(built)
        say(f"openadr-vtn: built, {time.monotonic() - started:.0f} s")


def _run_cargo(built: Path, log: Path) -> None:
    command = ["cargo", "build", "--release", "--locked", "--manifest-path", str(SOURCE / "Cargo.toml")]
    with log.open("wb") as output:
        done = subprocess.run(
            command, cwd=SOURCE, env=os.environ | {"CARGO_TARGET_DIR": str(built)},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False,
        )  # fmt: skip
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        reason = next((line.strip() for line in lines if line.lstrip().startswith("error")), "no reason given")
        raise ServiceError(f"the OpenADR VTN could not be built: {reason[:300]}; {_NEEDS}; all of it: {log}")


@contextmanager
def _fresh(target: Path) -> Iterator[Path]:
    """A folder to fill; complete in its place at the end, or not there."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}.") as name:
        folder = Path(name) / target.name
        folder.mkdir()
        yield folder
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o022 | (_READABLE if path.is_dir() else 0o444))
        folder.rename(target)


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Two launchers do not make the same at once."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        cache_folder().chmod(_READABLE)
        with (cache_folder() / f"{what}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as problem:
        raise ServiceError(f"{problem.filename or cache_folder()}: {problem.strerror}") from None


def main() -> int:
    """Make both; a line before and after what takes long."""
    try:
        build_vtn(lambda line: print(line, flush=True))  # noqa: T201
        unpack_postgres()
    except GridflexError as problem:
        print(f"error: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

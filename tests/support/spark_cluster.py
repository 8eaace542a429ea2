"""A standalone Spark cluster on loopback: a master and workers, each a process of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from gridflex.operations.local.health import listens
from gridflex.operations.local.process import MARK
from tests.support.stack import free_ports, wait_until

_HOST = "127.0.0.1"
_EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"
_QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Five Java processes that live for half a minute each: they do not pay for what a long life would give back."""
_LOG = """
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{ISO8601} %p %c{1}: %m%n%ex
logger.dag.name = org.apache.spark.scheduler.DAGScheduler
logger.dag.level = info
logger.tasks.name = org.apache.spark.scheduler.TaskSetManager
logger.tasks.level = info
"""


@dataclass(slots=True, kw_only=True)
class SparkCluster:
    """A running cluster. Its drivers take ``environ`` and ``url``."""

    folder: Path
    environ: Mapping[str, str]
    """What its processes and its drivers have in their environment, and nothing else."""
    port: int
    web_port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Spark's master."""
        return f"spark://{_HOST}:{self.port}"

    def start(self) -> None:
        """Start the master; wait until it is the leader."""
        master = self._run("Master", self.port, self.web_port, "master")
        wait_until(lambda: self._state().get("status") == "ALIVE", what=self._log("master"))
        assert listens(master.pid, self.web_port), "another program answers on the master's port"

    def fill_up(self, workers: int) -> None:
        """Start as many workers of one core as are missing; wait until the master has them all."""
        for _ in range(workers - len(self._alive())):
            name = f"worker-{len(self.processes)}"
            port, web_port = free_ports(2)
            options = ("--cores", "1", "--memory", "1g", "--work-dir", str(self.folder / "work"), self.url)
            self._run("Worker", port, web_port, name, *options)
        wait_until(lambda: len(self._alive()) == workers, what=f"{workers} workers: {self.folder}")

    def executors(self) -> dict[str, tuple[psutil.Process, psutil.Process]]:
        """Worker and executor by the executor's id, as processes."""
        workers = [psutil.Process(process.pid) for process in self.processes if process.poll() is None]
        found = {}
        for worker, child in [(parent, child) for parent in workers for child in parent.children()]:
            with suppress(psutil.NoSuchProcess):
                words = child.cmdline()
                if _EXECUTOR in words:
                    found[words[words.index("--executor-id") + 1]] = (worker, child)
        return found

    def kill(self, executor: str) -> None:
        """``kill -9`` a worker and its executor: all that a machine runs for the job."""
        for process in self.executors()[executor]:
            process.kill()
        wait_until(lambda: executor not in self.executors(), what=f"the end of executor {executor}")

    def stop(self) -> None:
        """End everything; a worker takes its executors along."""
        for process in reversed(self.processes):
            process.terminate()
            process.wait(30)
        wait_until(lambda: not self.leftovers(), what=f"left behind: {self.leftovers()}")

    def leftovers(self) -> list[psutil.Process]:
        """Running processes that the cluster or a driver of it has started."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get(MARK) == self.environ[MARK]
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def _alive(self) -> list[dict[str, Any]]:
        return [worker for worker in self._state().get("workers", []) if worker["state"] == "ALIVE"]

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = requests.get(f"http://{_HOST}:{self.web_port}/json/", timeout=5).json()
        except requests.RequestException:
            return {}
        return state

    def _run(self, kind: str, port: int, web_port: int, name: str, *words: str) -> subprocess.Popen[bytes]:
        program = Path(self.environ["SPARK_HOME"]) / "bin" / "spark-class"
        where = ("--host", _HOST, "--port", str(port), "--webui-port", str(web_port))
        command = [str(program), f"org.apache.spark.deploy.{kind.lower()}.{kind}", *where, *words]
        with Path(self._log(name)).open("ab") as out:
            started = subprocess.Popen(
                command, cwd=self.folder, env=dict(self.environ), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        self.processes.append(started)
        return started

    def _log(self, name: str) -> str:
        return str(self.folder / f"{name}.log")


@contextmanager
def spark_cluster(folder: Path, spark_home: Path, settings: Mapping[str, str]) -> Iterator[SparkCluster]:
    """A master, healthy. ``settings``: of its processes and of its drivers. Afterwards not one process is left."""
    conf = folder / "conf"
    conf.mkdir(parents=True)
    known = {**settings, "spark.authenticate.secret": secrets.token_hex(32)}
    defaults = conf / "spark-defaults.conf"
    defaults.touch(0o600)
    defaults.write_text("".join(f"{key} {value}\n" for key, value in known.items()))
    (conf / "log4j2.properties").write_text(_LOG)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "JAVA_HOME") if name in os.environ}
    own = {
        "SPARK_HOME": str(spark_home),
        "SPARK_CONF_DIR": str(conf),
        "SPARK_LOCAL_IP": _HOST,
        "SPARK_DAEMON_MEMORY": "256m",
        "JAVA_TOOL_OPTIONS": _QUICK_START,
        MARK: f"spark-cluster@{folder}",
    }
    port, web_port = free_ports(2)
    cluster = SparkCluster(folder=folder, environ=kept | own, port=port, web_port=web_port)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()

import fcntl
import os
from pathlib import Path

import pytest

from gridflex.errors import ServiceError, UsageError
from gridflex.operations.local import jars, java
from gridflex.operations.local.jars import JarFolder
from gridflex.operations.local.stack import Stack
from tests.support.stack import own_config


def test_up__refuses_a_nearly_full_disk_in_one_line(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path, launcher_min_free_disk_mb=10**9))
    with pytest.raises(
        ServiceError, match=r"^disk nearly full: \d+ MB free at .*; at least 1000000000 MB needed"
    ) as found:
        stack.up(["kafka"])
    assert "\n" not in str(found.value)


def test_up__says_that_java_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match=r"^Java not found: .*install Java 17"):
        Stack(own_config(tmp_path)).up(["kafka"])


def test_check_java__refuses_one_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ServiceError, match=r"says 'openjdk version \"11.0.2\" 2019-01-15'; allowed: Java 17 to 21"):
        java.check_java()


def test_up__says_which_jars_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "STACK", tmp_path / "none")
    with pytest.raises(ServiceError, match=r"^jars not fetched: kafka; run `make setup`$"):
        Stack(own_config(tmp_path)).up(["kafka"])


def test_jars__are_stale_once_a_pom_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "STACK", tmp_path / "stack")
    monkeypatch.setattr(jars, "LOCAL", tmp_path / "local")
    folder = JarFolder(name="druid-extensions/one")
    for path in ("pom.xml", "druid-extensions/pom.xml", "druid-extensions/one/pom.xml"):
        (tmp_path / "local" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "local" / path).write_text("<project/>")
    folder.target.mkdir(parents=True)
    folder.stamp.parent.mkdir(parents=True)
    for path in ("pom.xml", "druid-extensions/pom.xml", "druid-extensions/one/pom.xml"):
        folder.stamp.write_text(jars._digest(folder))
        assert jars._is_fetched(folder)
        (tmp_path / "local" / path).write_text(f"<project>{path}</project>")
        assert not jars._is_fetched(folder)


def test_fetch_jars__says_that_maven_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "STACK", tmp_path / "stack")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError, match=r"^Maven not found: no `mvn` on PATH"):
        jars.fetch_jars(own_config(tmp_path))


def test_reset__refuses_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path))
    precious = stack.config.state_dir / "thesis.tex"
    precious.parent.mkdir()
    precious.touch()
    with pytest.raises(UsageError, match="was not made by gridflex"):
        stack.reset()
    assert precious.exists()


def test_down__of_nothing_makes_nothing(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path))
    assert stack.down() == []
    assert not stack.config.state_dir.exists()


def test_status__of_nothing_lists_every_service_as_unhealthy(tmp_path: Path) -> None:
    found = Stack(own_config(tmp_path)).status()
    assert {(one.healthy, one.pid, one.rss_mb, one.detail) for one in found} == {(False, None, 0, "not running")}
    assert len(found) >= 7


def test_up__refuses_to_work_beside_another_launcher(tmp_path: Path) -> None:
    stack = Stack(own_config(tmp_path))
    stack.config.state_dir.mkdir()
    with (stack.config.state_dir / "launcher.lock").open("w+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"gridflex up (pid {os.getpid()})")
        lock.flush()
        with pytest.raises(ServiceError, match=rf"^gridflex up \(pid {os.getpid()}\) is at work on "):
            stack.up(["kafka"])

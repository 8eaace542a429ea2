"""What a Python worker of Spark does at the start of a task."""

import importlib
import sys
import zipfile
from pathlib import Path
from zipimport import zipimporter

import pytest

from stream_processing.worker import prepare_worker


def test_prepare_worker__no_zip_is_read_anew_and_its_modules_are_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("settled_early.py", "WORD = 'early'")
        code.writestr("settled_late.py", "WORD = 'late'")
    monkeypatch.syspath_prepend(str(archive))
    assert importlib.import_module("settled_early").WORD == "early"
    assert isinstance(sys.path_importer_cache[str(archive)], zipimporter)
    prepare_worker()
    assert not any(isinstance(finder, zipimporter) for finder in sys.path_importer_cache.values())
    importlib.invalidate_caches()
    assert importlib.import_module("settled_late").WORD == "late"

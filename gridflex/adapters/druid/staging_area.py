"""Hands rows of a batch job to Druid's indexers: small ones inside the task, large ones as a file or S3 object."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, fs

from gridflex.config import Config

Json = dict[str, Any]

_ABANDONED_S = 86_400
_CSV: Json = {"type": "csv", "findColumnsFromHeader": True}


def exchange_folder(config: Config) -> Path | None:
    """The folder of ``batch.exchange``; None if it is a prefix in an object store."""
    if "://" in config.batch.exchange:
        return None
    return Path(config.batch.exchange).resolve() if config.batch.exchange else config.state_dir / "exchange"


class StagingArea:
    """The place of ``batch.exchange``: a folder that all indexers see, or an S3 prefix."""

    def __init__(self, config: Config) -> None:
        self._inline_bytes = config.batch.inline_bytes
        self._place = str(exchange_folder(config) or config.batch.exchange)

    @contextmanager
    def stage(self, table: str, data: bytes) -> Iterator[Json]:
        """The ``inputSource`` and ``inputFormat`` under which Druid finds the CSV, as long as the context lasts.

        What a killed run left behind is removed by a later one, a day after.
        """
        if len(data) <= self._inline_bytes:
            yield {"inputSource": {"type": "inline", "data": data.decode()}, "inputFormat": _CSV}
            return
        name = f"{table}-{uuid.uuid4().hex}.csv.gz"
        store, folder = self._store()
        path = f"{folder}/{name}"
        with store.open_output_stream(path, compression="gzip") as output:
            output.write(data)
        try:
            yield {"inputSource": self._source(name, path), "inputFormat": _CSV}
        finally:
            store.delete_file(path)
            _remove_abandoned(store, folder)

    def _store(self) -> tuple[fs.FileSystem, str]:
        if "://" in self._place:
            store, folder = fs.FileSystem.from_uri(self._place)
            return store, folder.rstrip("/")
        folder = Path(self._place).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return fs.LocalFileSystem(), str(folder)

    def _source(self, name: str, path: str) -> Json:
        if self._place.startswith("s3://"):
            return {"type": "s3", "uris": [f"{self._place.split('?')[0].rstrip('/')}/{name}"]}
        return {"type": "local", "files": [path]}


def as_csv(rows: pa.Table) -> bytes:
    """A table as CSV with a header; numbers keep every digit, a null is an empty field."""
    output = io.BytesIO()
    csv.write_csv(rows, output, csv.WriteOptions(quoting_style="needed"))
    return output.getvalue()


def _remove_abandoned(store: fs.FileSystem, folder: str) -> None:
    for found in store.get_file_info(fs.FileSelector(folder)):
        if found.mtime_ns is not None and time.time() - found.mtime_ns / 1e9 > _ABANDONED_S:
            store.delete_file(found.path)

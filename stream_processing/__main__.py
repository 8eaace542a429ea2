"""Runs the duty-cycle job: ``python -m stream_processing``, or ``spark-submit`` with this file."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from types import FrameType
from urllib.parse import unquote, urlsplit

import click

from gridflex.command_line import run
from gridflex.config import load_config
from stream_processing.jobs.duty_cycles import follow, read_messages, start
from stream_processing.jobs.session import open_session, ship_code
from stream_processing.status import Status

logger = logging.getLogger(__name__)


@click.command(name="stream_processing")
@click.option("--checkpoint", help="Folder or URL of the job's state. Default: spark/checkpoint in the state folder.")
@click.option("--master", help="Spark master. Default: spark-submit's, else that of the configuration.")
@click.option("--until-caught-up", is_flag=True, help="End after reading what is there now.")
def duty_cycles(checkpoint: str | None, master: str | None, until_caught_up: bool) -> None:
    """Detect duty cycles in the readings of Kafka, for ever, and write them and dead letters back to Kafka."""
    settings = load_config()
    folder = settings.state_dir / "spark"
    stop = _stop_on_signals()
    where = checkpoint or (folder / "checkpoint").as_uri()
    session = open_session(settings, master=master, local_files=urlsplit(where).scheme in {"", "file"})
    try:
        ship_code(session, folder)
        job = start(read_messages(session, settings, _begin(where)), settings, where, until_caught_up=until_caught_up)
        status = Status(folder / "status.json")
        status.write(batch_id=None, rows_per_s=0)
        logger.info("job=started checkpoint=%s query=%s", where, job.query.id)
        follow(job, status, stop)
        logger.info("job=stopped")
    finally:
        session.stop()


def _begin(checkpoint: str) -> str:
    """Where a new checkpoint begins: as `gridflex recover spark` says, else at the oldest reading."""
    place = urlsplit(checkpoint)
    begun = Path(unquote(place.path)) / "gridflex-start.json"
    local = place.scheme in {"", "file"}
    return begun.read_text(encoding="utf-8") if local and begun.is_file() else "earliest"


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return stop


if __name__ == "__main__":
    run(duty_cycles)

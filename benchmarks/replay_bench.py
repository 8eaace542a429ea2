"""(a) Replay into Kafka, from files on disk, against Kafka's own ProducerPerformance."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from benchmarks.measure import Figure, gridflex_json, versus
from gridflex.config import ROOT, Config

PEER_TOPIC = "perf"
_STACK = ROOT / "build" / "stack"


def run(config: Config, data: Path, value_bytes: int) -> list[Figure]:
    """``data``: a generated REDD data set; ``value_bytes``: the mean size of its messages' values."""
    count = 0

    def ours() -> float:
        nonlocal count
        name = f"bench-{time.time_ns()}"
        done = gridflex_json(["replay", "redd", "--path", str(data), "--shifts", "0:1", "--replay-id", name])
        count = done["delivered"]
        return float(count / done["seconds"])

    def peer() -> float:
        return producer_performance(config, count, value_bytes)

    rate, peer_rate, ratio = versus(ours, peer)
    return [
        Figure(name=f"replay of {count:,} readings from files, transactional", value=rate, unit="readings/s"),
        Figure(name=f"ProducerPerformance, {value_bytes} bytes, the same settings", value=peer_rate, unit="records/s"),
        Figure(name="replay / ProducerPerformance", value=ratio, unit="", at_least=0.85),
    ]


def producer_performance(config: Config, count: int, value_bytes: int) -> float:
    """Records a second of Kafka's own producer benchmark: transactional, acks=all, lz4."""
    properties = [
        f"bootstrap.servers={config.kafka.bootstrap_servers}", "acks=all", "compression.type=lz4", "linger.ms=20",
        "batch.size=1000000", f"transactional.id=perf-{time.time_ns()}",
    ]  # fmt: skip
    command = [
        "java", "-Xmx512m", "-cp", f"{_STACK / 'kafka-tools'}/*:{_STACK / 'kafka'}/*",
        "org.apache.kafka.tools.ProducerPerformance", "--topic", PEER_TOPIC, "--num-records", str(count),
        "--record-size", str(value_bytes), "--throughput", "-1", "--transaction-duration-ms", "200",
        "--producer-props", *properties,
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    rates = re.findall(r"([\d.]+) records/sec", done.stdout)
    return float(rates[-1])

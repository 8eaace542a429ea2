import json
import time
from pathlib import Path

import pytest

from gridflex.operations.cluster.metrics import stream_metrics


def test_stream__tells_the_age_of_its_newest_micro_batch(tmp_path: Path) -> None:
    status = tmp_path / "status.json"
    status.write_text(json.dumps({"batch_id": 3, "updated_ms": int((time.time() - 90) * 1000)}))
    (told,) = stream_metrics(status)
    assert told["MetricName"] == "StreamBatchAgeSeconds"
    assert told["Value"] == pytest.approx(90, abs=5)


def test_stream__that_never_finished_a_batch_tells_nothing(tmp_path: Path) -> None:
    assert stream_metrics(tmp_path / "status.json") == []

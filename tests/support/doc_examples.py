"""Which test runs each command that the pages show, and why some run in none."""

from __future__ import annotations

_LOCAL = "tests/accuracy/test_doc_examples.py"
_LAUNCHER = "tests/component/test_launcher.py"
_LIVE = "tests/e2e/test_doc_commands.py"

RUN_BY = {
    "gridflex backfill": "tests/component/test_backfill.py",
    "gridflex bakeoff": _LOCAL,
    "gridflex batch JOB": "tests/airflow/test_batch_jobs.py",
    "gridflex batch compact": "tests/airflow/test_batch_jobs.py",
    "gridflex batch forecast_today": "tests/airflow/test_batch_jobs.py",
    "gridflex batch reconcile": "tests/airflow/test_reconcile.py",
    **{
        f"gridflex curtail {name}": "tests/component/test_events_service.py"
        for name in ("approve", "cancel", "list", "propose", "reject", "show")
    },
    "gridflex curtail audit": "tests/component/test_ledger.py",
    "gridflex curtail flex": "tests/e2e/test_flexibility.py",
    "gridflex curtail plan": "tests/component/test_curtail_plan.py",
    "gridflex dashboards apply": "tests/browser/test_dashboard_access.py",
    "gridflex dashboards export": "tests/browser/test_dashboard_access.py",
    "gridflex dashboards screenshots": "tests/browser/test_dashboards_live.py",
    "gridflex dashboards validate": _LOCAL,
    **dict.fromkeys(("gridflex openadr ven", "gridflex openadr reports"), "tests/component/test_openadr_events.py"),
    "gridflex deploy check": "tests/e2e/test_deploy_check.py",
    "gridflex deploy health": _LOCAL,
    "gridflex deploy kafka-access": _LOCAL,
    "gridflex deploy metrics": "tests/component/test_deploy_metrics.py",
    "gridflex deploy pack": "tests/support/release.py",
    "gridflex deploy render": _LOCAL,
    "gridflex deploy supervisors": "tests/e2e/test_deploy_check.py",
    "gridflex down": _LAUNCHER,
    "gridflex duty-cycles": _LOCAL,
    "gridflex enrol load": "tests/component/test_enrolment.py",
    "gridflex enrol opt-in": "tests/component/test_enrolment.py",
    "gridflex enrol opt-out": "tests/component/test_enrolment.py",
    "gridflex enrol show": "tests/component/test_enrolment.py",
    "gridflex feeds list": _LOCAL,
    "gridflex settle-history": "tests/accuracy/batch/test_settle_history.py",
    "gridflex forecast-score": "tests/accuracy/batch/test_forecast_score.py",
    "gridflex generate": _LOCAL,
    "gridflex logs": _LIVE,
    "gridflex recover": "tests/e2e/test_lost_place.py",
    "gridflex replay": "tests/e2e/test_kills.py",
    "gridflex reset": _LAUNCHER,
    "gridflex sql": _LIVE,
    "gridflex status": _LIVE,
    "gridflex up": _LAUNCHER,
    "make help": _LOCAL,
    "python -m gridflex.events": "tests/component/test_events_service.py",
    "make api-docs": "tests/contracts/test_events_api.py",
}
"""A command's names and the test that runs it: as a process, or, in the browser's tests, by the function behind it."""

_WHOLE = "it is what runs the tests; .ci/run calls it"
_SETS_UP = "make test depends on it"
NOT_RUN = {
    "gridflex demo": "it takes six minutes; make bench runs it, and tests run its parts",
    "make demo": "it takes six minutes; make bench runs it, and tests run its parts",
    "gridflex deploy druid-users": "druid-basic-security is not available here; unit tests run its requests",
    "gridflex curtail": "a group of commands",
    "make test": _WHOLE,
    "make check": _WHOLE,
    "make setup": _SETS_UP,
    "make setup-openadr": "it takes minutes; tests/component/test_openadr_vtn.py builds the same",
    **dict.fromkeys(("make test-unit", "make test-accuracy", "make test-integration", "make test-e2e"), _WHOLE),
    "make test-chaos": "it runs tests of killed servers, some of which make test runs",
    "make test-nightly": "it runs all tests",
    "make browser": "make test runs the same tests",
    "make terraform-check": _WHOLE,
    "make terraform-test": "it runs tests/terraform",
    "make setup-airflow": _SETS_UP,
    "make setup-superset": _SETS_UP,
    "make dist": "gridflex deploy pack, which a test runs",
    "make bench": "it takes an hour",
    "python -m batch": "gridflex batch, which tests run",
    "python -m benchmarks": "make bench",
    "python -m benchmarks.baseline_bench": "make bench",
    "python -m gridflex.operations.local.jars": _SETS_UP,
}
"""Commands that no test runs, with the reason. Their names and options are checked all the same."""

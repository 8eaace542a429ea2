"""Lists the environment's variables that begin with ``GRIDFLEX_``: what each overrides, and which else are known.

A misspelt one would pass in silence, and something else than was asked for would run: it is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from gridflex.config.event_users import SERVICE_TOKEN_VARIABLE, TOKEN_VARIABLE

PREFIX = "GRIDFLEX_"
KAFKA_LOGIN = ("GRIDFLEX_KAFKA_USERNAME", "GRIDFLEX_KAFKA_PASSWORD")
"""The environment's names of Kafka's user and password."""
DRUID_LOGIN = ("GRIDFLEX_DRUID_USERNAME", "GRIDFLEX_DRUID_PASSWORD")
"""The environment's names of Druid's user and password."""
OPENADR_SECRETS = ("GRIDFLEX_OPENADR_CLIENT_SECRET", "GRIDFLEX_OPENADR_VEN_CLIENT_SECRET")
"""The environment's names of the secrets with which business logic and a VEN sign in to an OpenADR VTN."""
VEN_APPROVER_TOKEN = "GRIDFLEX_OPENADR_VEN_APPROVER_TOKEN"  # noqa: S105 - a variable's name
"""The token with which the VEN approves at once what it proposed."""

SUPERSET_PASSWORD = "GRIDFLEX_SUPERSET_PASSWORD_"  # noqa: S105 - the beginning of a variable's name
OTHERS = frozenset(
    {
        *KAFKA_LOGIN,
        *DRUID_LOGIN,
        *OPENADR_SECRETS,
        # of every command
        *("GRIDFLEX_CONFIG", "GRIDFLEX_LOG_LEVEL", "GRIDFLEX_PROG", "GRIDFLEX_SERVICE"),
        # of the events service and of its clients
        *(TOKEN_VARIABLE, SERVICE_TOKEN_VARIABLE),
        # of `gridflex openadr ven`
        VEN_APPROVER_TOKEN,
        # of Airflow's tasks and of Superset
        *("GRIDFLEX_PYTHON", "GRIDFLEX_SUPERSET_HOME", "GRIDFLEX_SUPERSET_PLAN", "GRIDFLEX_SUPERSET_SECRET_KEY"),
        # of ingestion/run_*.sh and of tests
        *("GRIDFLEX_REDD_DIR", "GRIDFLEX_GREEND_DIR", "GRIDFLEX_SHARED_DATA", "GRIDFLEX_TERRAFORM_PLUGINS"),
        # of a cluster's machines: infra/terraform
        *("GRIDFLEX_ARTIFACTS", "GRIDFLEX_ROLE", "GRIDFLEX_NODE", "GRIDFLEX_HOSTNAME", "GRIDFLEX_DATA_VOLUME"),
        *("GRIDFLEX_SITE", "GRIDFLEX_LOG_GROUP", "GRIDFLEX_CA_ARN", "GRIDFLEX_CERTIFICATES", "GRIDFLEX_PUBLIC_NAME"),
        *("GRIDFLEX_TLS_PASSWORD", "GRIDFLEX_DATA_SETS", "GRIDFLEX_REPLAYS", "GRIDFLEX_CHECKPOINT"),
        *("GRIDFLEX_EXECUTORS", "GRIDFLEX_EXECUTOR_CORES", "GRIDFLEX_EXECUTOR_MEMORY"),
        *("GRIDFLEX_KAFKA_ADMIN_SERVERS", "GRIDFLEX_DRUID_VERSION", "GRIDFLEX_DRUID_CLUSTER"),
        *(
            f"GRIDFLEX_DRUID_{user}_PASSWORD"
            for user in ("ADMIN", "BATCH", "SUPERSET", "EVENTS", "INTERNAL", "METADATA")
        ),
        *(f"GRIDFLEX_DRUID_{user}_SECRET" for user in ("ADMIN", "BATCH", "SUPERSET", "EVENTS", "INTERNAL", "METADATA")),
        *("GRIDFLEX_KAFKA_SECRET", "GRIDFLEX_DRUID_SECRET"),
        *("GRIDFLEX_SUPERSET_KEY_SECRET", "GRIDFLEX_SUPERSET_ADMIN_SECRET"),
        *("GRIDFLEX_EVENTS_SERVICE_SECRET", "GRIDFLEX_EVENTS_CHECK_SECRET", "GRIDFLEX_EVENTS_TOKEN_SECRETS"),
        "GRIDFLEX_OPENADR_SECRET",
    }
)
"""Variables that override no key."""

_NEAR = 0.9
_NEAR_USER = 0.75


def variable(section: str, key: str) -> str:
    """The variable that overrides a key.

    >>> variable("kafka", "partitions")
    'GRIDFLEX_KAFKA_PARTITIONS'
    """
    return f"{PREFIX}{section}_{key}".upper()


def misspelt(environ: Mapping[str, str], keys: Iterable[str], passwords: Iterable[str]) -> list[str]:
    """A line for each unknown variable, with the closest known one.

    ``keys``: the variables that override a key. ``passwords``: those of Superset's users; another user's password is
    left alone, unless it looks like one of theirs.
    """
    known, theirs = {*keys, *OTHERS}, set(passwords)
    unread = (name for name in sorted(environ) if name.upper().startswith("GRID") and name not in known | theirs)
    return [
        f"{name} in the environment: unknown variable; the closest known one: {near}"
        for name in unread
        if (near := _nearest(name, known, theirs))
    ]


def _nearest(name: str, known: set[str], theirs: set[str]) -> str | None:
    """The known variable that was probably meant; None if the name does not look like one of ours."""
    wanted = name.upper().replace("-", "_")
    if wanted.startswith(SUPERSET_PASSWORD):
        users = {one.removeprefix(SUPERSET_PASSWORD): one for one in theirs}
        near = get_close_matches(wanted.removeprefix(SUPERSET_PASSWORD), users, 1, _NEAR_USER)
        return users[near[0]] if near else None
    if not wanted.startswith(PREFIX):
        return next(iter(get_close_matches(wanted, known, 1, _NEAR)), None)
    whole = sorted(one for one in known if one.endswith(wanted.removeprefix(PREFIX[:-1])))
    return whole[0] if whole else get_close_matches(wanted, known, 1, 0)[0]

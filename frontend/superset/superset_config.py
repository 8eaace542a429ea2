"""Configures Superset. All that differs between machines comes from the environment."""

from __future__ import annotations

import copy
import json
import os
import shlex
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from superset.config import DEFAULT_FEATURE_FLAGS
from superset.config import DISALLOWED_SQL_FUNCTIONS as _DISALLOWED
from superset.config import TALISMAN_CONFIG as _TALISMAN
from superset.utils.log import AbstractEventLogger

sys.path.insert(0, str(Path(__file__).parent))

from guards import pages, related, sign_in
from guards.calcite import CalciteDruid
from guards.druid_driver import DRIVER
from guards.manager import GridflexSecurityManager
from guards.templates import QueryTemplates
from template_values import region_tiles, sums_of_circuits

_HOME = Path(os.environ["GRIDFLEX_SUPERSET_HOME"])

SECRET_KEY = json.loads((_HOME / "credentials.json").read_text(encoding="utf-8"))["secret_key"]
# Features that are off have keys that everybody knows: whoever turns one on does not begin with those.
GUEST_TOKEN_JWT_SECRET = GLOBAL_ASYNC_QUERIES_JWT_SECRET = SECRET_KEY
JWT_REFRESH_TOKEN_EXPIRES = timedelta(days=1)
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_HOME / 'superset.db'}?check_same_thread=false"
WTF_CSRF_ENABLED = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
# Cookies know no ports: a name of its own keeps this session apart from other servers on the loopback.
SESSION_COOKIE_NAME = "gridflex_superset"
PERMANENT_SESSION_LIFETIME = timedelta(days=1)
AUTH_ROLE_PUBLIC = "Public"
PUBLIC_ROLE_LIKE = None
AUTH_USER_REGISTRATION = False

APP_NAME = "Gridflex"
# "today", Superset's default, makes "Last hour" end before it begins.
DEFAULT_RELATIVE_START_TIME = "now"
DEFAULT_RELATIVE_END_TIME = "now"
FEATURE_FLAGS = {
    **dict.fromkeys(("ALERT_REPORTS", "EMBEDDABLE_CHARTS", "TAGGING_SYSTEM", "THUMBNAILS", "CSS_TEMPLATES"), False),
    "DRUID_JOINS": True,
    "ENABLE_TEMPLATE_PROCESSING": True,
    "DASHBOARD_VIRTUALIZATION": True,
    "FILTERBAR_CLOSED_BY_DEFAULT": False,
}
DASHBOARD_AUTO_REFRESH_MODE = "fetch"
ROW_LIMIT = 10_000
SUPERSET_WEBSERVER_TIMEOUT = 60
MAPBOX_API_KEY = ""
# A query of SQL Lab waits behind all others, is one of two at most (infra/local/druid/broker.properties), and ends.
_SQL_LAB_CONTEXT = {"priority": -1, "timeout": 10_000}
SQLLAB_TIMEOUT = 15
SQL_MAX_ROW = DISPLAY_MAX_ROW = 10_000
# A regular expression that backtracks ends at no timeout; the others make texts of any length out of nothing.
DISALLOWED_SQL_FUNCTIONS = {
    **_DISALLOWED,
    "druid": {"REGEXP_EXTRACT", "REGEXP_LIKE", "REGEXP_REPLACE", "STRING_TO_ARRAY", "MV_FILTER_REGEX"}
    | {"REPEAT", "LPAD", "RPAD", "STRING_FORMAT"},
}

# Who may ask what: docs/security.md. Each of these is looked for in a test with what gets through without it.
CUSTOM_SECURITY_MANAGER = GridflexSecurityManager
CUSTOM_TEMPLATE_PROCESSORS = {"druid": QueryTemplates}
SQLGLOT_DIALECTS_EXTENSIONS = {"druid": CalciteDruid}
EXTRA_RELATED_QUERY_FILTERS = {"user": related.only_oneself, "role": related.only_own_roles}
ENABLE_CORS = False

# Nothing is asked of any other host: no fonts, no tiles, no pixels that count visitors.
TALISMAN_ENABLED = True
TALISMAN_CONFIG: dict[str, Any] = copy.deepcopy(_TALISMAN)
TALISMAN_CONFIG["content_security_policy"] |= {
    "img-src": ["'self'", "blob:", "data:"],
    "connect-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "font-src": ["'self'", "data:"],
}

# What datasets' SQL may name between braces.
_MINUTES = {"PT1M": 1, "PT5M": 5, "PT10M": 10, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360}
_LONG = {"P1D", "P1W", "P1M", "P3M", "P1Y"}


def _slot_of(time_grain: str | None, shortest_min: int, otherwise_min: int = 0) -> str:
    """Druid's period for a chart's time grain, for SQL that takes means of slots; weeks begin as Druid's do.

    A shorter grain, or none, gives ``otherwise_min`` minutes, by default the shortest that is allowed.
    """
    grain = "P1W" if "P1W" in (time_grain or "") else time_grain
    allowed = grain in _LONG or _MINUTES.get(grain or "", 0) >= shortest_min
    return str(grain) if allowed else f"PT{otherwise_min or shortest_min}M"


def _shell_word(text: str) -> str:
    """A text as one word of a shell's command line, inside of an SQL literal."""
    return shlex.quote("".join(letter for letter in str(text) if letter.isprintable())).replace("'", "''")


JINJA_CONTEXT_ADDONS = {
    "shell_word": _shell_word,
    "slot_of": _slot_of,
    "region_tiles": region_tiles(Path(__file__).parents[2] / os.environ["GRIDFLEX_REPLAY_PREMISES"]),
    "sums_of_circuits": sums_of_circuits(),
    "interval_minutes": int(os.environ["GRIDFLEX_BASELINES_INTERVAL_MINUTES"]),
}

CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
# However many people watch, Druid answers each chart once in 20 s: most figures are of whole minutes. What changes each
# second says less in its dataset (cache_s); whoever sees other rows by row-level security has entries of their own. In
# files: all worker processes share them.
DATA_CACHE_CONFIG = {
    "CACHE_TYPE": "FileSystemCache",
    "CACHE_DIR": str(_HOME / "cache"),
    "CACHE_DEFAULT_TIMEOUT": 20,
    "CACHE_THRESHOLD": 500,
}
_METASTORE = {
    "CACHE_TYPE": "SupersetMetastoreCache",
    "CACHE_DEFAULT_TIMEOUT": int(timedelta(days=30).total_seconds()),
    "REFRESH_TIMEOUT_ON_RETRIEVAL": True,
}
FILTER_STATE_CACHE_CONFIG = _METASTORE | {"CACHE_KEY_PREFIX": "filters"}
EXPLORE_FORM_DATA_CACHE_CONFIG = _METASTORE | {"CACHE_KEY_PREFIX": "explore"}


class _Silent(AbstractEventLogger):
    """Logs nothing: each view would cost a write to the metadata database."""

    def log(self, *arguments: Any, **named: Any) -> None:
        """Does nothing."""


EVENT_LOGGER = _Silent()


def DB_CONNECTION_MUTATOR(uri: Any, params: Any, username: Any, manager: Any, source: Any) -> tuple[Any, Any]:  # noqa: N802
    """Adds Druid's user and authority to each connection, from the environment: Superset's own database has neither."""
    if uri.get_backend_name() != "druid":
        return uri, params
    if getattr(source, "name", "") == "SQL_LAB":
        params = params | {"connect_args": params.get("connect_args", {}) | {"context": _SQL_LAB_CONTEXT}}
    user, password = (os.environ.get(f"GRIDFLEX_DRUID_{name}") for name in ("USERNAME", "PASSWORD"))
    if user and password:
        uri = uri.set(username=user, password=password)
    params = params | {"module": DRIVER}
    authority = os.environ.get("GRIDFLEX_DRUID_CA_FILE")
    if authority:
        trusted = {"ssl_verify_cert": str(Path(__file__).parents[2] / authority)}
        params = params | {"connect_args": params.get("connect_args", {}) | trusted}
    return uri, params


# Superset's counters of requests are of one process each and count right passwords too: guards/sign_in.py counts.
RATELIMIT_ENABLED = False
RATELIMIT_STORAGE_URI = "memory://"


def FLASK_APP_MUTATOR(app: Any) -> None:  # noqa: N802
    """Installs the guards that need the application itself."""
    sign_in.install(app, _HOME / "sign_in.db")
    pages.install(app)


CELERY_CONFIG = None
# Behind nginx on a cluster: what it says of the address is believed, and cookies go over TLS alone.
ENABLE_PROXY_FIX = SESSION_COOKIE_SECURE = os.environ.get("GRIDFLEX_SUPERSET_URL", "").startswith("https:")
PROXY_FIX_CONFIG = {"x_for": 1, "x_proto": 1, "x_host": 0, "x_port": 0, "x_prefix": 0}

assert set(FEATURE_FLAGS) <= set(DEFAULT_FEATURE_FLAGS) | {"TAGGING_SYSTEM"}, "a feature flag that Superset lacks"  # noqa: S101

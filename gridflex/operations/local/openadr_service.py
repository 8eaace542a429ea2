"""OpenADR's VTN and its PostgreSQL as services of the local stack.

PostgreSQL listens on no network: only at a socket inside its data folder, which is closed to everyone but the user
it runs as, and there it asks the system who connects. It refuses to run as root: under root both run as ``postgres``
or ``nobody``. As the state folder is closed to that user too, each is started inside the data folder, which it then
calls ``/proc/self/cwd``.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
from dataclasses import dataclass

from gridflex.adapters.openadr.logins import Role, client_id, logins_file, openadr_folder, openadr_url, vtn_host
from gridflex.adapters.openadr.users import own_session, secret_file
from gridflex.config import Config
from gridflex.errors import ServiceError
from gridflex.operations.local.health import listens
from gridflex.operations.local.openadr_programs import postgres_programs, vtn_program
from gridflex.operations.local.postgres_probe import DATABASE, SOCKET, USER, PostgresProbe
from gridflex.operations.local.services import FirstStart, Service

OPENADR_POSTGRES = "openadr-postgres"
OPENADR_VTN = "openadr-vtn"
_HERE = "/proc/self/cwd"
_OTHER_USERS = ("postgres", "nobody")
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": _HERE,
    "shared_buffers": "32MB",
    "max_connections": "30",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_MARKED = 'env -i GRIDFLEX_SERVICE="$GRIDFLEX_SERVICE" LC_ALL=C'
"""Nothing else of the launcher's environment: it may hold secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VtnProbe:
    """The VTN takes a token and reads its programs from the database."""

    config: Config

    def check(self, pid: int) -> str | None:
        """See ``Probe``."""
        port = self.config.openadr.port
        if not listens(pid, port):
            return f"does not listen on port {port} yet"
        try:
            with own_session(self.config, ["read_all"]) as session:
                found = session.ask("GET", "/programs", limit=1)
        except ServiceError as problem:
            return str(problem)
        return None if isinstance(found, list) else f"/programs: {str(found)[:80]!r}"


def openadr_services(config: Config) -> tuple[Service, ...]:
    """Describe both, which start only when they are named; ``openadr`` names them together."""
    folder = openadr_folder(config)
    database, made = folder / "postgres", folder / "postgres.made"
    postgres = shlex.quote(str(postgres_programs() / "postgres"))
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    start = f"{_AFTER_KILL}exec {_as_other()}{_MARKED} {postgres} -D {_HERE} {settings}"
    return (
        Service(
            name=OPENADR_POSTGRES,
            argv=("/bin/sh", "-c", start),
            probe=PostgresProbe(folder=database),
            first_start=FirstStart(argv=("/bin/sh", "-ec", _first_start(str(database), str(made))), made=made),
            cwd=database,
            folders=(folder,),
            stop_timeout_s=15,
            optional=True,
        ),
        Service(
            name=OPENADR_VTN,
            argv=("/bin/sh", "-c", _vtn(config)),
            probe=VtnProbe(config=config),
            port=config.openadr.port,
            depends_on=(OPENADR_POSTGRES,),
            starts_after=(OPENADR_POSTGRES,),
            cwd=database,
            secrets=(secret_file(config),),
            optional=True,
        ),
    )


def openadr_welcome(config: Config) -> str | None:
    """Where the VTN is and who signs in there; nothing before the first start."""
    file = logins_file(config)
    if config.openadr.url or not file.is_file():
        return None
    names = " and ".join(client_id(config, role) for role in Role)
    return f"openadr: {openadr_url(config)} (secrets of {names} in {file})"


def missing_user() -> str | None:
    """Why PostgreSQL cannot run as another user than root; nothing if it can, or need not."""
    if os.geteuid() != 0:
        return None
    if shutil.which("setpriv") is None:
        return (
            "PostgreSQL does not run as root, and there is no `setpriv` to start it as another user: install util-linux"
        )
    return None if _other_user() else f"PostgreSQL does not run as root; needed: a user {' or '.join(_OTHER_USERS)}"


_AFTER_KILL = (
    "pid=$(head -n 1 postmaster.pid 2>/dev/null) && "
    f'case "$(cut -d")" -f2 "/proc/$pid/stat" 2>/dev/null)" in " Z"*) rm -f postmaster.pid {SOCKET}.lock;; esac; '
)
"""A killed server that nobody has reaped yet keeps its pid: PostgreSQL would take it for a running one."""


def _first_start(database: str, made: str) -> str:
    """Makes the database anew, with what a killed first start left there removed."""
    other = _other_user()
    folder = shlex.quote(database)
    owner = f"chown {other} {folder}; " if other else ""
    initdb = shlex.quote(str(postgres_programs() / "initdb"))
    options = f"-U {USER} -E UTF8 --no-locale --auth-local=peer --auth-host=reject"
    users = dict.fromkeys(filter(None, (other, _own_user())))
    idents = "".join(f"gridflex {user} {USER}\\n" for user in users)
    return (
        f"rm -rf {folder}; mkdir -m 700 {folder}; {owner}cd {folder}; "
        f"{_as_other()}env -i LC_ALL=C {initdb} -D {_HERE} {options}; "
        f"printf 'local {DATABASE} {USER} peer map=gridflex\\n' > pg_hba.conf; printf '{idents}' > pg_ident.conf; "
        f"touch {shlex.quote(made)}"
    )


def _vtn(config: Config) -> str:
    url = f"postgres://{USER}@localhost/{DATABASE}?host={_HERE}"
    program = shlex.quote(str(vtn_program()))
    address = f"{vtn_host(config)}:{config.openadr.port}"
    secret = shlex.quote(str(secret_file(config)))
    return f"exec {_as_other()}{_MARKED} RUST_LOG=info DATABASE_URL='{url}' {program} {address} < {secret}"


def _as_other() -> str:
    """The beginning of a command that is to run as another user than root."""
    other = _other_user()
    if other is None:
        return ""
    found = pwd.getpwnam(other)
    return f"setpriv --reuid={found.pw_uid} --regid={found.pw_gid} --clear-groups --no-new-privs "


def _other_user() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in _OTHER_USERS if name in known), None)


def _own_user() -> str | None:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None

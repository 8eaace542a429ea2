"""Merges embedded defaults, ``config.ini`` and the environment; all problems come in one message."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from gridflex.config.event_users import parse_event_users
from gridflex.config.inifile import IniFile, Values, read_ini
from gridflex.config.places import ROOT
from gridflex.config.sections import Config, Druid, Kafka, with_token
from gridflex.config.users import parse_users
from gridflex.config.variables import DRUID_LOGIN, KAFKA_LOGIN, misspelt, variable
from gridflex.config.web_sections import Events, Superset
from gridflex.errors import ConfigError

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_KEYS: dict[str, tuple[str, ...]] = {
    section: tuple(getattr(field.annotation, "model_fields", ())) for section, field in Config.model_fields.items()
}
_VARIABLES = {variable(section, key): (section, key) for section, keys in _KEYS.items() for key in keys}


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration: embedded defaults, then the file, then the environment.

    The file is ``path``, else ``$GRIDFLEX_CONFIG``, else ``config.ini`` in the checkout if there is one.
    Raises ``ConfigError`` with every problem in one message.
    """
    environ = os.environ if environ is None else environ
    file = _find(path, environ)
    values, origins = _merge(file, environ)
    unread = misspelt(environ, {*_VARIABLES, *_token_variables(values)}, _password_variables(values))
    try:
        config = _at_local_stack(Config.model_validate(values))
    except ValidationError as problem:
        raise _as_error([*_explain(problem, origins), *unread], file) from None
    if unread:
        raise _as_error(unread, None)
    _refuse_idle_login(config.kafka, environ)
    _refuse_open_login(config.druid, environ)
    return config


def authorities(section: str, ca_file: str) -> str | bool:
    """Who may have signed an https certificate, as requests takes it: the file, or True for whoever the system trusts.

    Raises ``ConfigError`` if there is no such file, or it is none.
    """
    if not ca_file:
        return True
    path = (ROOT / ca_file).resolve()
    try:
        data = path.read_bytes()
    except OSError as problem:
        data, why = b"", f" ({problem.strerror})"
    else:
        why = ""
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise ConfigError(f"{section}.ca_file: no certificate in {path}{why}; expected the authorities as PEM")
    return str(path)


def _find(path: Path | None, environ: Mapping[str, str]) -> IniFile | None:
    named = path or (Path(environ["GRIDFLEX_CONFIG"]).expanduser() if environ.get("GRIDFLEX_CONFIG") else None)
    found = named or ROOT / "config.ini"
    if named is not None and not os.path.lexists(named):
        raise ConfigError(f"configuration file not found: {named}")
    return read_ini(found) if os.path.lexists(found) else None


def _merge(file: IniFile | None, environ: Mapping[str, str]) -> tuple[Values, dict[tuple[str, str], str]]:
    """The merged values, and the source of each of them."""
    values: Values = {name: dict(keys) for name, keys in file.values.items()} if file else {}
    origins = {place: f"{file.path.name}:{line}" for place, line in file.lines.items()} if file else {}
    for name, (section, key) in _VARIABLES.items():
        if name in environ:
            values.setdefault(section, {})[key] = environ[name]
            origins[section, key] = name
    return values, origins


def _password_variables(values: Values) -> list[str]:
    users = values.get("superset", {}).get("users", Superset.model_fields["users"].default)
    try:
        return [user.password_key for user in parse_users(users)]
    except ConfigError:
        return []


def _token_variables(values: Values) -> list[str]:
    users = values.get("events", {}).get("users", Events.model_fields["users"].default)
    try:
        return [user.token_key for user in parse_event_users(users)]
    except ConfigError:
        return []


def _refuse_idle_login(kafka: Kafka, environ: Mapping[str, str]) -> None:
    """Refuse a password that nothing would use."""
    given = [name for name in KAFKA_LOGIN if environ.get(name)]
    if given and kafka.security_protocol != "SASL_SSL":
        raise ConfigError(
            f"{' and '.join(given)} in the environment, but kafka.security_protocol is {kafka.security_protocol}, "
            "which does not use them: set it to SASL_SSL, or leave them out"
        )


def _refuse_open_login(druid: Druid, environ: Mapping[str, str]) -> None:
    """Refuse a password for an unencrypted connection that leaves the machine."""
    address = urlsplit(druid.router_url)
    if environ.get(DRUID_LOGIN[1]) and address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise ConfigError(
            f"{DRUID_LOGIN[1]} in the environment, but druid.router_url is {druid.router_url}: anyone on the way "
            "could read it; allowed: https://"
        )


def _at_local_stack(config: Config) -> Config:
    """Set addresses without a value to those of the local stack, at the ports that the launcher was given."""
    local = config.launcher
    kafka, druid = config.kafka, config.druid
    if "bootstrap_servers" not in kafka.model_fields_set:
        kafka = kafka.model_copy(update={"bootstrap_servers": f"{local.host}:{local.kafka_port}"})
    if "router_url" not in druid.model_fields_set:
        druid = druid.model_copy(update={"router_url": f"http://{local.host}:{local.druid_router_port}"})
    return config.model_copy(update={"kafka": kafka, "druid": with_token(druid, config)})


def _as_error(lines: list[str], file: IniFile | None) -> ConfigError:
    """One problem is one line; several are a line each."""
    source = f"{file.path} or the environment" if file else "the environment"
    parts = "\n  " + "\n  ".join(lines) if len(lines) > 1 else " " + lines[0]
    return ConfigError(f"{len(lines)} problem(s) in {source}:{parts}")


def _explain(problem: ValidationError, origins: Mapping[tuple[str, str], str]) -> list[str]:
    lines = []
    for error in problem.errors():
        section, key = (*(str(part) for part in error["loc"]), "", "")[:2]
        where = ".".join(part for part in (section, key) if part)
        said = error["msg"].removeprefix("Value error, ")
        told = origins.get((section, key), "")
        at = f" ({told})" if told else ""
        if error["type"] == "extra_forbidden":
            allowed = _KEYS.get(section, ()) if key else tuple(_KEYS)
            near = get_close_matches(key or section, allowed, 1)
            nearest = f"; did you mean {near[0]}?" if near else ""
            lines.append(f"{where}: unknown; allowed: {', '.join(sorted(allowed))}{nearest}{at}")
        elif not section:
            lines.append(said)
        else:
            lines.append(f"{where}: found {_shortened(error['input'])}: {said}{at}")
    return lines


def _shortened(value: Any) -> str:
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= 200 else f"{text[:200]}..."

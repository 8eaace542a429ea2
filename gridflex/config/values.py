"""Validates values of keys, and explains wrong ones."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from gridflex.public_holidays import ALLOWED, code_problem

_LARGEST_COUNT = 1_000_000_000
_LONGEST_S = 86_400 * 7
_NO_ZONES = frozenset({"localtime", "Factory"})
"""In the system's folder of zones, but no place's."""
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_WORD}(?:\.{_WORD})*\.?")


def tidy(value: object) -> object:
    """Text without spaces around it, and without quotes around all of it.

    >>> tidy(' "127.0.0.1" ')
    '127.0.0.1'
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1].strip()
    return text


def is_host(text: str) -> bool:
    """Whether the text is an IPv4 address or a host name.

    >>> [is_host(text) for text in ("127.0.0.1", "kafka-1.example", "256.1.1.1", "a b", "http://x")]
    [True, True, False, False, False]
    """
    if text.replace(".", "").isdigit():
        try:
            return bool(ipaddress.IPv4Address(text))
        except ValueError:
            return False
    return len(text) < 254 and _NAME.fullmatch(text) is not None


def _host(value: str) -> str:
    if not is_host(value):
        raise ValueError("allowed: a host's name or IPv4 address, such as 127.0.0.1")
    return value


def _servers(value: str) -> str:
    servers = [part.strip() for part in value.split(",")]
    for server in servers:
        host, _, port = server.rpartition(":")
        inner = host[1:-1] if host.startswith("[") and host.endswith("]") else ""
        if not (is_host(host) or _is_ipv6(inner)) or not _is_port(port):
            raise ValueError(
                f"{server!r} is no server; allowed: host:port, several with commas, such as 127.0.0.1:9092"
            )
    return ",".join(servers)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65_536


def _is_ipv6(text: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _address(value: str) -> str:
    """http:// or https://, a host, perhaps a port, nothing else."""
    if not value:
        return value
    text = value.rstrip("/")
    wrong = ValueError("allowed: http:// or https://, a host, perhaps a port, such as http://127.0.0.1:8888")
    if any(letter.isspace() or not letter.isprintable() for letter in text):
        raise wrong
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    if "@" in parts.netloc:
        raise ValueError("user and password do not belong here; they come from the environment")
    if parts.scheme not in {"http", "https"} or not (is_host(host) or _is_ipv6(host)) or port == 0:
        raise wrong
    if parts.query or parts.fragment or parts.netloc.endswith(":"):
        raise wrong
    return value


def _router(value: str) -> str:
    text = _address(value).rstrip("/")
    if not text or urlsplit(text).path:
        raise ValueError("allowed: http:// or https://, a host, perhaps a port, such as http://127.0.0.1:8888")
    return text


def _topic(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", value) or value in {".", ".."} or value.startswith("__"):
        raise ValueError("allowed: at most 249 letters, digits, '.', '_', '-', not '__' first")
    return value


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


def _zone(value: str) -> str:
    """An IANA name that this machine knows: never a folder, a leap-second zone or a file that is none."""
    if value == "UTC":
        return value
    known = _zones()
    if value not in known:
        below = sorted(name for name in known if name.startswith(f"{value}/"))[:3]
        near = below or get_close_matches(value, sorted(known), 3, 0.6) or ["Africa/Tunis", "UTC"]
        raise ValueError(f"no time zone; allowed: an IANA name, such as {', '.join(near)}")
    try:
        ZoneInfo(value)
    except (OSError, ValueError, LookupError) as problem:
        raise ValueError(f"this machine cannot read that time zone: {problem}") from None
    return value


def _holidays(value: str) -> str:
    if value and (problem := code_problem(value)):
        raise ValueError(f"{problem}; allowed: {ALLOWED}, or nothing")
    return value


def _day(value: str) -> str:
    if value:
        try:
            if dt.date.fromisoformat(value).isoformat() != value:
                raise ValueError
        except ValueError:
            raise ValueError("allowed: a day as YYYY-MM-DD, such as 2026-03-01, or nothing") from None
    return value


def _matching(pattern: str, allowed: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"allowed: {allowed}")
        return value

    return AfterValidator(check)


Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=_LONGEST_S, allow_inf_nan=False)]
Watts = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=_LARGEST_COUNT)]
Days = Annotated[int, Field(ge=1, le=3660)]
Few = Annotated[int, Field(ge=1, le=10_000)]
Host = Annotated[str, AfterValidator(_host)]
Servers = Annotated[str, AfterValidator(_servers)]
WebAddress = Annotated[str, AfterValidator(_address)]
"""Empty: none."""
RouterAddress = Annotated[str, AfterValidator(_router)]
Topic = Annotated[str, AfterValidator(_topic)]
TimeZone = Annotated[str, AfterValidator(_zone)]
Holidays = Annotated[str, AfterValidator(_holidays)]
Day = Annotated[str, AfterValidator(_day)]
"""Empty: none."""
SparkMaster = Annotated[
    str,
    _matching(
        r"local|local\[(\*|[1-9]\d{0,3})(,\d{1,3})?\]|yarn|(spark|k8s)://\S+",
        "local[N], local[*], yarn, spark://host:port, k8s://address",
    ),
]
Memory = Annotated[str, _matching(r"[1-9]\d{0,6}[kmgtKMGT][bB]?", "a whole number with its unit, such as 900m or 2g")]
UserName = Annotated[str, _matching(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", "letters, digits, '.', '_', '-', '@'")]
ClientId = Annotated[str, _matching(r"[A-Za-z0-9_-]{1,128}", "letters, digits, '_', '-'")]
"""As OpenADR allows it."""

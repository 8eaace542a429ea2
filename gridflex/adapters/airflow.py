"""Gives the addresses of Airflow's web interface and API."""

from __future__ import annotations

from gridflex.config import Config


def airflow_url(config: Config) -> str:
    """Airflow's address for people: ``airflow.url``, else the one on this machine."""
    return config.airflow.url.rstrip("/") or local_url(config)


def local_url(config: Config) -> str:
    """Its address on this machine."""
    return f"http://{config.launcher.host}:{config.airflow.port}"

"""Changes a running Superset to match the files: the assets, and who sees which region."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

from gridflex.adapters.superset.client import Json, Superset
from gridflex.adapters.superset.users import credentials_file, first_admin, parse_users, password_of, superset_url
from gridflex.config import Config, authorities
from gridflex.errors import SourceError
from gridflex.operations.dashboards.assets import Assets, load_assets
from gridflex.operations.dashboards.bundle import bundle
from gridflex.operations.dashboards.validate import validate

log = logging.getLogger(__name__)

_ALL_REGIONS = ("Admin", "Operator", "Researcher")
_NOBODY_ELSE = "Gridflex: no region unless a role grants it"


def sign_in(config: Config) -> Superset:
    """A session of the first admin of the configuration."""
    user = first_admin(config)
    verify = authorities("superset", config.superset.ca_file)
    return Superset(superset_url(config), user.name, password_of(config, user), verify)


def apply(config: Config, assets: Assets | None = None) -> int:
    """Import all assets and set the row-level security; idempotent. Gives the number of assets.

    Raises ``SourceError`` with everything that is wrong with the files; then nothing was changed.
    """
    assets = assets or load_assets()
    wrong = validate(assets)
    if wrong:
        raise SourceError("\n  ".join([f"{len(wrong)} problem(s) in {assets.folder}:", *wrong]))
    superset = sign_in(config)
    _secure(superset, config, assets)
    superset.import_assets(bundle(assets, config))
    _secure(superset, config, assets)
    return sum(len(assets.of(kind)) for kind in ("databases", "datasets", "charts", "dashboards"))


def apply_changes(config: Config) -> None:
    """Apply when the files or the users changed since the last time: a change made in the browser is not undone."""
    assets = load_assets()
    told = bundle(assets, config) + config.superset.users.encode()
    digest = hashlib.sha256(told).hexdigest()
    stamp = credentials_file(config).with_name("applied")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return
    apply(config, assets)
    stamp.write_text(digest, encoding="utf-8")


def _secure(superset: Superset, config: Config, assets: Assets) -> None:
    """Row-level security over the datasets that Superset knows.

    A base rule shows no row to anyone who has neither a role for all regions nor a region's role; a region's role sees
    its own. Set before the import too, so that a changed dataset is never open in between.
    """
    by_uuid = {doc["uuid"]: name for name, doc in assets.datasets.items()}
    known = {one["uuid"]: int(one["id"]) for one in superset.every("/api/v1/dataset/") if one["uuid"] in by_uuid}
    if not known:
        return
    open_to_all = {doc["uuid"] for doc in assets.datasets.values() if "every_region" in doc}
    tables = [number for uuid, number in known.items() if uuid not in open_to_all]
    roles = {one["name"]: int(one["id"]) for one in superset.every("/api/v1/security/roles/")}
    regions = sorted({user.region for user in parse_users(config.superset.users) if user.region})
    wanted = [
        _rule(f"Gridflex: region {region}", "Regular", f"region = '{_quoted(region)}'", [roles[f"Region {region}"]])
        for region in regions
    ]
    exempt = [*_ALL_REGIONS, *(f"Region {region}" for region in regions)]
    wanted.append(_rule(_NOBODY_ELSE, "Base", "1 = 0", [roles[name] for name in exempt]))
    found = {one["name"]: int(one["id"]) for one in superset.every("/api/v1/rowlevelsecurity/")}
    for rule in wanted:
        body = rule | {"tables": tables}
        if rule["name"] in found:
            superset.send("PUT", f"/api/v1/rowlevelsecurity/{found[rule['name']]}", body)
        else:
            superset.send("POST", "/api/v1/rowlevelsecurity/", body)
    for name in found.keys() - {rule["name"] for rule in wanted}:
        if name.startswith("Gridflex: region "):
            superset.send("DELETE", f"/api/v1/rowlevelsecurity/{found[name]}")
    log.info("row_level_security rules=%d datasets=%d", len(wanted), len(tables))


def _rule(name: str, kind: str, clause: str, roles: Sequence[int]) -> Json:
    return {"name": name, "filter_type": kind, "clause": clause, "roles": list(roles), "group_key": ""}


def _quoted(text: str) -> str:
    return text.replace("'", "''")

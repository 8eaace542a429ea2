"""Takes pictures of every dashboard, as an operator sees them."""

from __future__ import annotations

from pathlib import Path

from gridflex.adapters.superset.users import OPERATOR, first_admin, parse_users, password_of, superset_url
from gridflex.config import Config
from gridflex.operations.dashboards.assets import load_assets
from gridflex.operations.dashboards.browser import await_still, open_dashboard, windows


def screenshots(config: Config, out: Path) -> list[Path]:
    """Write ``<slug>.png`` of each dashboard, 1440 x 900; gives the files.

    As the first operator sees it, or the admin where there is no operator.
    """
    out.mkdir(parents=True, exist_ok=True)
    operators = (user for user in parse_users(config.superset.users) if user.role == OPERATOR)
    user, url = next(operators, first_admin(config)), superset_url(config)
    written = []
    with windows() as opened:
        context = opened.sign_in(url, user.name, password_of(config, user))
        for slug in load_assets().dashboards:
            page = open_dashboard(context, url, slug, "?standalone=1")
            page.mouse.move(0, 0)
            path = out / f"{slug}.png"
            path.write_bytes(await_still(page))
            written.append(path)
            page.close()
    return written

"""Derives from the names of roles which regions a user sees, and what the user may query; without a role, nothing."""

from __future__ import annotations

from collections.abc import Collection

ALL_REGIONS = frozenset({"Admin", "Operator", "Researcher"})
EXPLORERS = frozenset({"Admin", "Researcher"})
"""May send queries that no saved chart sends."""
ADMINS = frozenset({"Admin"})
_REGION = "Region "


def sees_all(roles: Collection[str]) -> bool:
    """Whether rows of all regions are shown.

    >>> sees_all({"Operator"}), sees_all({"Operator", "Region Sousse"})
    (True, False)
    """
    return bool(ALL_REGIONS & set(roles)) and not region_roles(roles)


def region_roles(roles: Collection[str]) -> frozenset[str]:
    """The regions that roles grant.

    >>> region_roles({"Regional operator", "Region Le Kef"})
    frozenset({'Le Kef'})
    """
    return frozenset(name.removeprefix(_REGION) for name in roles if name.startswith(_REGION))


def explores(roles: Collection[str]) -> bool:
    """Whether questions that no saved chart asks are allowed."""
    return bool(EXPLORERS & set(roles)) and not region_roles(roles)

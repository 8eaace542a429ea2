from __future__ import annotations

import pytest

from gridflex.config import Druid
from gridflex.errors import ServiceError
from gridflex.operations.cluster.druid_users import USERS, calls, make_druid_users


@pytest.mark.parametrize("name", ["superset", "events"])
def test_user__that_asks_by_sql_alone_only_reads(name: str) -> None:
    found = next(user for user in USERS if user.name == name)
    assert {one["action"] for one in found.permissions()} == {"READ"}
    assert {one["resource"]["type"] for one in found.permissions()} == {"DATASOURCE"}


def test_calls__make_the_user_before_what_refers_to_it() -> None:
    paths = [path.partition("/basic-security/")[2] for path, _ in calls(USERS[0], "unused")]
    assert paths == [
        "authentication/db/basic/users/batch",
        "authentication/db/basic/users/batch/credentials",
        "authorization/db/basic/users/batch",
        "authorization/db/basic/roles/batch",
        "authorization/db/basic/users/batch/roles/batch",
        "authorization/db/basic/roles/batch/permissions",
    ]


def test_users__are_not_made_without_every_password() -> None:
    with pytest.raises(
        ServiceError, match="_ADMIN_PASSWORD, GRIDFLEX_DRUID_SUPERSET_PASSWORD, GRIDFLEX_DRUID_EVENTS_PASSWORD"
    ):
        make_druid_users(Druid(), {"GRIDFLEX_DRUID_BATCH_PASSWORD": "x"})


def test_problem__never_tells_a_password() -> None:
    environ = dict.fromkeys(
        (f"GRIDFLEX_DRUID_{user}_PASSWORD" for user in ("ADMIN", "BATCH", "SUPERSET", "EVENTS")), "s3cret"
    )
    with pytest.raises(ServiceError, match="does not answer") as caught:
        make_druid_users(Druid(router_url="http://127.0.0.1:1"), environ)
    assert "s3cret" not in str(caught.value)

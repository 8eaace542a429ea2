from __future__ import annotations

from pathlib import Path

import pytest

from gridflex.adapters.events.tokens import make_tokens
from gridflex.domain.curtailment import Role
from gridflex.events.rates import RateLimit
from gridflex.events.sign_in import SignIn, UnknownTokenError, UnknownUserError
from tests.support.events import ENVIRON, SERVICE_TOKEN, TOKENS, events_config


@pytest.fixture
def sign_in(tmp_path: Path) -> SignIn:
    return SignIn.of(make_tokens(events_config(tmp_path), ENVIRON))


def test_sign_in__tells_a_tokens_owner_with_roles_and_regions(sign_in: SignIn) -> None:
    emna = sign_in.actor(TOKENS["emna"])
    assert (emna.name, emna.roles, emna.regions) == ("emna", {Role.PLANNER, Role.APPROVER}, {"Sfax"})
    assert sign_in.actor(TOKENS["bilel"]).regions is None


def test_sign_in__by_the_service_token_is_for_the_user_it_names(sign_in: SignIn) -> None:
    assert sign_in.actor(SERVICE_TOKEN, "emna") == sign_in.actor(TOKENS["emna"])
    for user in (None, "", "nobody", "amira,bilel"):
        with pytest.raises(UnknownUserError):
            sign_in.actor(SERVICE_TOKEN, user)


def test_sign_in__by_ones_own_token_names_nobody_else(sign_in: SignIn) -> None:
    with pytest.raises(UnknownUserError, match="allowed with the service token alone"):
        sign_in.actor(TOKENS["amira"], "bilel")


@pytest.mark.parametrize("token", ["", "nobody's", TOKENS["amira"][:-1], TOKENS["amira"] + " ", "\udcff"])
def test_sign_in__knows_no_other_token(sign_in: SignIn, token: str) -> None:
    with pytest.raises(UnknownTokenError):
        sign_in.actor(token)


def test_sign_in__keeps_no_token(sign_in: SignIn) -> None:
    kept = repr(sign_in)
    assert not any(token in kept for token in (*TOKENS.values(), SERVICE_TOKEN))


def test_rate__is_refilled_evenly_and_forgets_who_asked_longest_ago() -> None:
    now = [0.0]
    limit = RateLimit(60, clock=lambda: now[0])
    assert [limit.take("amira") for _ in range(61)].count(True) == 60
    now[0] = 1.0
    assert [limit.take("amira") for _ in range(2)] == [True, False]
    for number in range(20_000):
        limit.take(f"address {number}")
    assert len(limit._left) == 10_000
    assert "amira" not in limit._left

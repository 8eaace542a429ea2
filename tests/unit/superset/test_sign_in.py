"""Wrong passwords and open sessions, kept where all worker processes see them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from guards import sign_in_store
from guards.role_rights import explores, region_roles, sees_all
from guards.sign_in_store import SignInStore

LIMITS = {"both": 5, "address": 20}


@pytest.fixture
def store(tmp_path: Path) -> SignInStore:
    return SignInStore(tmp_path / "sign_in.db")


def test_sixth_try__within_a_minute_waits(store: SignInStore, tmp_path: Path) -> None:
    assert [store.begin(LIMITS) is None for _ in range(7)] == [False] * 5 + [True] * 2
    beside = SignInStore(tmp_path / "sign_in.db")
    assert 50 < beside.wait_s(LIMITS) <= 60
    assert beside.wait_s({"another": 5, "address": 20}) == 0


def test_try__is_allowed_again_when_the_first_is_a_minute_old(
    store: SignInStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        store.begin(LIMITS)
    monkeypatch.setattr(sign_in_store, "WINDOW_S", 0.0)
    assert store.begin(LIMITS)


def test_right_password__counts_nothing_and_forgives_no_wrong_one(store: SignInStore) -> None:
    for _ in range(30):
        begun = store.begin(LIMITS)
        assert begun
        store.forgive(LIMITS, begun)
    for _ in range(4):
        assert store.begin(LIMITS)
    begun = store.begin(LIMITS)
    assert begun
    store.forgive(LIMITS, begun)
    assert store.begin(LIMITS)
    assert store.begin(LIMITS) is None


def test_tries__side_by_side_are_all_counted(store: SignInStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        begun = list(threads.map(lambda _: store.begin({"both": 5}), range(40)))
    assert sum(one is not None for one in begun) == 5


def test_session__ends_when_closed_when_old_and_with_a_new_password(store: SignInStore) -> None:
    for token in ("a", "b", "c"):
        store.open_session(token, 1, 60)
    store.open_session("old", 1, -1)
    store.close_session("a")
    assert [store.is_open(token, 1) for token in ("a", "b", "c", "old", "unknown")] == [False, True, True, False, False]
    assert not store.is_open("b", 2), "another person's"
    store.close_all(1)
    assert not store.is_open("b", 1)


def test_roles__see_and_ask_nothing_unless_one_says_so() -> None:
    assert [sees_all({name}) for name in ("Admin", "Operator", "Researcher", "Regional operator", "Gamma")] == [
        True, True, True, False, False]  # fmt: skip
    assert not sees_all({"Operator", "Region Sousse"})
    assert region_roles({"Regional operator", "Region Le Kef"}) == {"Le Kef"}
    assert [explores({name}) for name in ("Admin", "Researcher", "Operator", "Public")] == [True, True, False, False]

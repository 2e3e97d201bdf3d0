"""Limits: a key may so much a second and no more, and whoever tries keys may try few."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http import callers
from api.http.limits import FAILURES_AT_ONCE, Buckets
from api.http.problems import Problem
from api.wiring import Bahi
from ledger.settings import Settings
from tests.api.http.little import Little, bearing, unread

ENOUGH = 10 * FAILURES_AT_ONCE


def allowed(buckets: Buckets, whose: str) -> int:
    """Seconds to wait; 0 for a request that is let through, and counted."""
    try:
        buckets.demand(whose)
    except Problem as problem:
        return int((problem.headers or {})["Retry-After"])
    buckets.take(whose)
    return 0


@settings(max_examples=60)
@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 6)), max_size=40),
)
def test_in_any_stretch_of_time_nobody_gets_more_than_the_burst_and_what_has_flowed_in(
    rate: int, burst: int, calls: list[tuple[str, int]]
) -> None:
    """The model: a call is let through if no stretch that it ends holds more than burst + rate × its length."""
    now = Fraction(0)
    buckets = Buckets(rate, burst, lambda: float(now))
    passed: dict[str, list[Fraction]] = {"a": [], "b": []}
    for whose, quarters in calls:
        now += Fraction(quarters, 4)
        before = passed[whose]
        fits = all(
            len(before) - index + 1 <= burst + rate * (now - begun)
            for index, begun in enumerate(before)
        )
        assert (allowed(buckets, whose) == 0) is fits
        if fits:
            before.append(now)


def test_who_waits_as_long_as_they_are_told_is_let_through() -> None:
    now = 0.0
    buckets = Buckets(0.3, 1, lambda: now)
    assert allowed(buckets, "a") == 0
    wait_s = allowed(buckets, "a")
    assert wait_s == 4
    now = wait_s - 1.0
    assert allowed(buckets, "a") > 0
    now = float(wait_s)
    assert allowed(buckets, "a") == 0


@pytest.mark.parametrize("step", [0.001, 0.0], ids=["one by one", "all at once"])
def test_however_many_call_no_more_than_some_are_remembered(step: float) -> None:
    now = 0.0
    buckets = Buckets(1, 2, lambda: now)
    for n in range(25_000):
        now += step
        buckets.take(n)
    assert len(buckets._left) <= 10_000


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Little]:
    home: Path = tmp_path_factory.mktemp("limits")
    with Bahi.open(Settings(home=home, http_rate=1)) as bahi:
        little = Little(bahi)
        yield little
        little.close()


def test_a_key_that_is_used_too_often_is_told_when_to_come_again_and_others_go_on(
    door: Little,
) -> None:
    busy, other = door.key("ingest"), door.key("ingest")
    told = [(answer := door.post(busy)).status_code]
    while answer.status_code == 200 and len(told) < ENOUGH:
        told.append((answer := door.post(busy)).status_code)
    assert told[0] == 200
    assert (answer.status_code, answer.json()["type"]) == (429, "/problems/too-many-requests")
    assert answer.headers["retry-after"] == "1"
    assert door.post(other).status_code == 200
    while (answer := door.post(busy)).status_code == 429:
        pass
    assert answer.status_code == 200


def test_whoever_tries_keys_may_try_few_and_keys_that_are_known_go_on(
    door: Little, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = door.key("ingest")
    assert door.post(known).status_code == 200
    wrong = (bearing(f"bahi_sk_{n:043}") for n in range(ENOUGH))
    told = []
    for heads in wrong:
        answer = door.ask("POST", "/v1/events", headers=heads, content=unread())
        told.append(answer.status_code)
        if answer.status_code == 429:
            break
    assert told == [401] * (len(told) - 1) + [429]
    assert len(told) > FAILURES_AT_ONCE
    assert int(answer.headers["retry-after"]) == 1
    monkeypatch.setattr(callers, "_FRESH_S", -1.0)  # as if a second had gone by
    assert door.post(known).status_code == 200
    # Nor does it help to send them all at once, or from all addresses of a network.
    door.address = "2001:db8::1"
    every = [bearing(f"bahi_sk_{n:043}") for n in range(ENOUGH)]
    told = door.ask_at_once("POST", "/v1/events", every)
    assert told.count(401) == FAILURES_AT_ONCE
    door.address = "2001:db8::2"
    assert door.ask("POST", "/v1/events", headers=every[0]).status_code == 429
    # Whoever brings no key at all costs nothing, and is told what is missing.
    assert door.ask("POST", "/v1/events", content=unread()).status_code == 401

from hypothesis import given
from hypothesis import strategies as st

from policyd.lookups.dns.cache import OVERHEAD, Cache
from policyd.model.dns import Answer, Mx
from tests.examples import thorough

FOUND = Answer(("192.0.2.1",), 60, "found")


def test_an_answer_is_told_until_its_time_is_over() -> None:
    cache = Cache(10, 10_000)
    cache.put(("a.example", "A"), FOUND, until=160.0)
    assert cache.get(("a.example", "A"), 159.9) is FOUND
    assert cache.get(("a.example", "TXT"), 100.0) is None
    assert cache.get(("a.example", "A"), 160.0) is None
    assert (len(cache), cache.bytes) == (0, 0)


def test_a_failure_is_told_as_its_reason() -> None:
    cache = Cache(10, 10_000)
    cache.put(("a.example", "A"), "servfail", until=102.0)
    assert cache.get(("a.example", "A"), 101.0) == "servfail"


def test_the_longest_unused_gives_way() -> None:
    cache = Cache(2, 10_000)
    for name in ("a", "b"):
        cache.put((name, "A"), FOUND, 100.0)
    cache.get(("a", "A"), 0.0)
    cache.put(("c", "A"), FOUND, 100.0)
    assert [name for name in "abc" if cache.get((name, "A"), 0.0)] == ["a", "c"]
    assert cache.evicted == 1


def test_an_answer_too_big_for_the_cache_is_not_kept() -> None:
    cache = Cache(10, OVERHEAD + 1000)
    cache.put(("a", "A"), FOUND, 100.0)
    cache.put(("b", "TXT"), Answer((b"x" * 2000,), 60, "found"), 100.0)
    assert (len(cache), cache.bytes) == (0, 0)


names = st.sampled_from("abcdef")
records = st.lists(
    st.text(max_size=50) | st.binary(max_size=300) | st.builds(Mx, st.integers(0, 9), st.text(max_size=9))
)


@given(st.lists(st.tuples(names, records, st.integers(1, 50), st.booleans()), max_size=30))
@thorough
def test_bounds_hold_and_nothing_false_is_told(steps: list[tuple[str, list[str | bytes | Mx], int, bool]]) -> None:
    cache, truth = Cache(4, 5000), {}
    for now, (name, values, ttl, is_put) in enumerate(steps):
        if is_put:
            truth[name] = Answer(tuple(values), ttl, "found"), now + ttl
            cache.put((name, "A"), *truth[name])
        known = cache.get((name, "A"), now)
        assert known is None or (known, True) == (truth[name][0], truth[name][1] > now)
        assert len(cache) <= 4
        assert 0 <= cache.bytes <= 5000
    assert (cache.bytes == 0) == (len(cache) == 0)

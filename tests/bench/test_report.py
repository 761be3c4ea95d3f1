from bench.report import Run, bars, grouped, table

BASE = Run("policyd", 10_000, "new", 60_000.0, 1.0, 2.0, 3.0, 15.0, 1.0, 1.0, 60.0, 70.0, 0.5)
POSTGREY = BASE._replace(server="postgrey", rate=2500.0, p99=55.0, cpu=300.0)


def verdicts(*runs: Run) -> dict[str, bool]:
    return {bar.promise: bar.met for bar in bars(runs)}


def test_rounds_are_reported_by_their_median_and_range() -> None:
    (group,) = grouped([BASE, BASE._replace(rate=90_000.0), BASE._replace(rate=61_000.0)])
    assert group.mid("rate") == 61_000.0
    assert group.range("rate") == (60_000.0, 90_000.0)


def test_the_table_compares_with_postgrey() -> None:
    head, ours, theirs = table([BASE, POSTGREY]).splitlines()
    assert head.split()[:4] == ["server", "stored", "workload", "req/s"]
    assert "60,000..60,000" in ours
    assert " 24.0 " in ours
    assert theirs.split()[0] == "postgrey"


def test_without_postgrey_nothing_is_said_of_it() -> None:
    assert not any("postgrey" in promise for promise in verdicts(BASE))
    assert " - " in table([BASE]).splitlines()[1]


def test_the_bars_beside_postgrey() -> None:
    assert all(verdicts(BASE, POSTGREY).values())
    slow = verdicts(BASE._replace(rate=29_000.0), POSTGREY)
    assert [promise for promise, met in slow.items() if not met] == ["new: throughput >= 12 x postgrey's"]
    late = verdicts(BASE._replace(p99=5.6), POSTGREY)
    assert [promise for promise, met in late.items() if not met] == ["new: p99 <= 0.1 of postgrey's"]


def test_the_bars_of_a_million() -> None:
    big = BASE._replace(stored=1_000_000, rate=51_000.0, peak=150.0)
    assert all(verdicts(BASE, big).values())
    assert sum(not met for met in verdicts(BASE, big._replace(rate=50_900.0)).values()) == 1
    assert sum(not met for met in verdicts(BASE, big._replace(peak=150.1)).values()) == 1


def test_a_bar_on_start_and_log_is_held_by_the_worst_round() -> None:
    assert sum(not met for met in verdicts(BASE, BASE, BASE._replace(start=1.1)).values()) == 1
    assert sum(not met for met in verdicts(BASE, BASE, BASE._replace(log_lines=0.9)).values()) == 1


def test_the_bar_of_being_watched_is_the_same_server_unseen() -> None:
    unseen = BASE._replace(server="policyd, unwatched", rate=BASE.rate * 1.08)
    promise = "new: throughput >= 90% of that without log, metrics and control"
    assert verdicts(BASE, unseen)[promise] is True
    assert verdicts(BASE, unseen._replace(rate=BASE.rate * 1.2))[promise] is False
    assert promise not in verdicts(BASE)


def test_the_bar_of_lists_is_the_same_server_without_them() -> None:
    listed = BASE._replace(server="policyd, 1,000,000 listed", rate=53_000.0)
    promise = "new: throughput of policyd, 1,000,000 listed >= 90% of that with none"
    assert verdicts(BASE, listed)[promise] is False
    assert verdicts(BASE, listed._replace(rate=55_000.0))[promise] is True
    assert promise not in verdicts(listed)

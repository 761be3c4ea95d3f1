"""Law tested: whoever a client may be, its mail waits once; and trust is earned by each identity for itself."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.greylist import Entry, Judgement, Rules, Triplet, client_key, judge
from policyd.model.recognition import (
    FORGOTTEN,
    TRAPPED,
    crowd_key,
    distrusted,
    domain_of,
    group_key,
    is_trapped,
    is_triplet,
    names_to_ask,
    recognise,
    reply_key,
    trapped,
)
from tests.examples import thorough

T0 = 1_800_000_000
HOUR, DAY = 3600, 86400
RULES = Rules()
MAIL = Triplet("192.0.2.0/24", "a@x.example", "b@y.example")


class Book:
    """The smallest store there is."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.entries: dict[Triplet, Entry] = {}

    def ask(self, now: int, *others: str, mail: Triplet = MAIL, crowded: bool = False) -> tuple[str, int]:
        outcome, seconds, writes = recognise(self.entries.get, mail, others, self.rules, now, crowded=crowded)
        self.entries |= writes
        return outcome, seconds


def test_a_client_without_other_identities_costs_one_row() -> None:
    book = Book()
    assert book.ask(T0) == ("new", 240)
    assert list(book.entries) == [MAIL]


def test_each_identity_costs_a_row() -> None:
    book = Book()
    book.ask(T0, "x.example", "z.example")
    assert sorted(key.client for key in book.entries) == ["192.0.2.0/24", "x.example", "z.example"]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sets(st.sampled_from("abc")), st.integers(0, 200)), min_size=1, max_size=12
    )
)
@thorough
def test_whoever_shares_an_identity_with_each_try_before_waits_no_longer_than_from_the_first(
    tries: list[tuple[int, set[str], int]],
) -> None:
    book, now, first = Book(), T0, T0 + tries[0][2]
    for network, others, pause in tries:
        now += pause
        mail = MAIL._replace(client=f"192.0.{network}.0/24")
        outcome, seconds = book.ask(now, "always", *sorted(others), mail=mail)
        if outcome in ("new", "early"):
            assert seconds == 240 - (now - first)
        else:
            assert now - first >= 240
            assert outcome in ("passed", "known")


@given(
    st.one_of(st.none(), st.builds(Entry, *[st.integers(T0 - 40 * DAY, T0 + DAY)] * 2, st.integers(0, 1))),
    st.sampled_from([0, 240]),
)
def test_of_a_stranger_without_other_identities_it_says_what_judge_says(entry: Entry | None, delay: int) -> None:
    rules = replace(RULES, delay=delay)
    judged = judge(None, entry, rules, T0)
    found = {MAIL: entry} if entry else {}
    outcome, seconds, writes = recognise(found.get, MAIL, (), rules, T0)
    assert (outcome, seconds) == (judged.outcome, judged.seconds)
    assert writes == {k: v for k, v in {MAIL: judged.triplet, client_key(MAIL): judged.client}.items() if v}


def test_others_are_asked_only_if_the_network_does_not_settle_it() -> None:
    def forbidden() -> tuple[str, ...]:
        raise AssertionError

    settled = [Judgement("auto-whitelisted", 0), Judgement("known", 0)]
    assert [names_to_ask(judgement, None, RULES, forbidden) for judgement in settled] == [None, None]
    assert names_to_ask(Judgement("new", 240), None, RULES, lambda: ("x.example",)) == ("x.example",)
    assert names_to_ask(Judgement("new", 240), None, RULES, None) is None
    assert names_to_ask(Judgement("new", 240), None, RULES, lambda: ()) is None
    assert names_to_ask(Judgement("new", 240), Entry(T0, T0, 1), RULES, None) is None
    assert names_to_ask(Judgement("new", 240), Entry(T0, T0, 0), RULES, None) == ()
    assert names_to_ask(Judgement("new", 240), None, replace(RULES, group_after=1), None) is None
    assert names_to_ask(Judgement("passed", 300), None, RULES, None) is None
    assert names_to_ask(Judgement("known", 0), Entry(T0, T0, 2), RULES, forbidden) is None
    # A date must be noted under every identity, and a trap may be remembered.
    assert names_to_ask(Judgement("known", 0, triplet=Entry(T0, T0, 1)), None, RULES, lambda: ("x",)) == ("x",)
    assert names_to_ask(Judgement("known", 0), Entry(T0, T0, TRAPPED), RULES, None) == ()
    assert names_to_ask(Judgement("passed", 300), None, replace(RULES, group_after=1), None) == ()


def test_a_date_is_noted_under_every_identity() -> None:
    book = Book()
    book.ask(T0, "x.example")
    book.ask(T0 + 240, "x.example")
    book.ask(T0 + 240 + HOUR, "x.example")
    entries = {key.client: entry for key, entry in book.entries.items() if key.recipient}
    assert {entry.last_seen for entry in entries.values()} == {T0 + 240 + HOUR}


def test_what_every_identity_knows_is_not_noted_again() -> None:
    book = Book()
    for now in (T0, T0 + 240):
        book.ask(now, "x.example")
        assert recognise(book.entries.get, MAIL, ("x.example",), RULES, now + 1).writes == {}
    # What passed before the other did says no more than that.
    book.entries[MAIL] = Entry(T0 - 9, T0 + 240 + DAY, 1)
    assert recognise(book.entries.get, MAIL, ("x.example",), RULES, T0 + 250 + DAY).writes == {}


def test_trust_in_an_identity_is_noted_once_an_hour() -> None:
    book = Book()
    key = client_key(MAIL._replace(client="x.example"))
    book.entries[key] = Entry(T0, T0, 5, T0)
    assert book.ask(T0 + HOUR - 1, "x.example") == ("auto-whitelisted", 0)
    assert book.entries == {key: Entry(T0, T0, 5, T0)}
    assert book.ask(T0 + HOUR, "x.example") == ("auto-whitelisted", 0)
    assert book.entries == {key: Entry(T0, T0 + HOUR, 5, T0)}


def test_the_identity_that_speaks_most_for_a_mail_counts_and_the_others_learn() -> None:
    book = Book()
    waits, passed = MAIL._replace(client="x.example"), MAIL._replace(client="z.example")
    book.entries = {MAIL: Entry(T0 + 200, T0 + 200), waits: Entry(T0, T0)}
    assert book.ask(T0 + 240, "x.example") == ("passed", 240)
    book.entries = {MAIL: Entry(T0, T0), waits: Entry(T0 + 1, T0 + 1), passed: Entry(T0, T0 + 99, 1)}
    assert book.ask(T0 + 100, "x.example", "z.example") == ("known", 0)
    assert {entry.passes for entry in book.entries.values()} == {1}


def test_an_identity_that_waits_longer_learns_who_came_first() -> None:
    book = Book()
    book.ask(T0 + 100, "x.example", mail=MAIL._replace(client="192.0.3.0/24"))
    book.ask(T0)
    book.ask(T0 + 110, "x.example")
    assert book.entries[MAIL._replace(client="x.example")].first_seen == T0


def test_what_passed_itself_is_no_favour() -> None:
    book = Book(replace(RULES, group_after=1))
    for now in (T0, T0 + 240):
        book.ask(now)
    assert book.ask(T0 + 241) == ("known", 0)
    assert book.ask(T0 + 241, mail=MAIL._replace(recipient="c@y.example")) == ("group", 0)
    assert None not in book.entries.values()
    book.entries[client_key(MAIL)] = Entry(T0, T0)  # the client has lost its trust
    assert book.ask(T0 + 241, mail=MAIL._replace(recipient="c@y.example")) == ("new", 240)


def test_who_waits_passes_at_once_when_his_recipient_wrote_to_him() -> None:
    book = Book(replace(RULES, replies_for=DAY))
    book.ask(T0)
    book.entries[reply_key(MAIL.sender, MAIL.recipient)] = Entry(T0 + 5, T0 + 5, 1)
    assert book.ask(T0 + 10) == ("reply", 0)


def test_a_favour_that_was_switched_off_is_none() -> None:
    book = Book(replace(RULES, group_after=1, replies_for=DAY))
    for now in (T0, T0 + 240):
        book.ask(now)
    other = MAIL._replace(recipient="c@y.example")
    reply = Triplet("198.51.100.0/24", "d@z.example", "b@y.example")
    book.entries[reply_key(reply.sender, reply.recipient)] = Entry(T0 + 300, T0 + 300, 1)
    book.rules = RULES
    assert book.ask(T0 + 300, mail=other)[0] == "new"
    assert book.ask(T0 + 300, mail=reply)[0] == "new"


def test_a_trap_is_a_networks_alone_and_ends() -> None:
    assert is_trapped(trapped(T0 + 10, T0), T0 + 10)
    assert not is_trapped(trapped(T0 + 10, T0), T0 + 11)
    assert not is_trapped(None, T0)
    book = Book(replace(RULES, refuses_trapped=True))
    book.entries[client_key(MAIL)] = trapped(T0 + DAY, T0)
    assert book.ask(T0, "x.example") == ("trapped", 0)
    assert book.ask(T0, "x.example", mail=MAIL._replace(client="192.0.3.0/24"))[0] == "new"


def test_no_reply_passes_from_a_network_that_mailed_a_trap() -> None:
    book = Book(replace(RULES, replies_for=DAY, trap_delay=HOUR))
    book.entries[client_key(MAIL)] = trapped(T0 + DAY, T0)
    book.entries[reply_key(MAIL.sender, MAIL.recipient)] = Entry(T0, T0, 1)
    assert book.ask(T0) == ("new", HOUR)


def test_what_stands_in_databases_never_changes() -> None:
    assert (-1, Entry(0, 0)) == (TRAPPED, FORGOTTEN)


@pytest.mark.parametrize("client", [trapped(T0 - 1, T0 - DAY), Entry(T0 - DAY, T0 - DAY)])
def test_who_has_lost_all_trust_begins_anew(client: Entry) -> None:
    book = Book()
    book.entries[client_key(MAIL)] = client
    book.ask(T0)
    book.ask(T0 + 240)
    assert book.entries[client_key(MAIL)] == Entry(T0 + 240, T0 + 240, 1, T0 + 240)


def test_only_earned_trust_is_lost() -> None:
    assert distrusted(None, T0) is None
    assert distrusted(Entry(T0, T0), T0 + 1) is None
    assert distrusted(trapped(T0 + 10, T0), T0) is None
    assert distrusted(Entry(T0 - 9, T0 - 1, 7, T0 - 1), T0) == Entry(T0, T0)


def test_a_null_sender_has_no_group_and_no_reply() -> None:
    book = Book(replace(RULES, group_after=1, replies_for=DAY, auto_whitelist_clients=0))
    bounce = MAIL._replace(sender="")
    book.ask(T0, mail=bounce)
    assert book.ask(T0 + 240, mail=bounce)[0] == "passed"
    assert set(book.entries) == {bounce, client_key(bounce)}
    book.entries[reply_key("", MAIL.recipient)] = Entry(T0, T0, 1)
    assert book.ask(T0 + 240, mail=bounce._replace(recipient="c@y.example"))[0] == "new"


def test_a_sender_without_a_domain_takes_nothing_from_its_client() -> None:
    book = Book(replace(RULES, group_after=1, auto_whitelist_interval=60))
    for number, at in enumerate((T0, T0 + HOUR)):
        mail = MAIL._replace(sender="localonly", recipient=f"r{number}@y.example")
        assert [book.ask(at, mail=mail)[0], book.ask(at + 240, mail=mail)[0]] == ["new", "passed"]
    assert book.entries[client_key(MAIL)].passes == 2


def test_a_pass_that_does_not_count_leaves_the_group_alone() -> None:
    book = Book(replace(RULES, group_after=2))
    for recipient in ("b@y.example", "c@y.example"):
        book.ask(T0, mail=MAIL._replace(recipient=recipient))
        book.ask(T0 + 240, mail=MAIL._replace(recipient=recipient))
    assert book.entries[group_key(MAIL)] == Entry(T0 + 240, T0 + 240, 1, T0 + 240)


def test_a_domain_begins_at_its_at() -> None:
    assert [domain_of(sender) for sender in ("a@b@c", "@c", "c", "")] == ["@c", "@c", "", ""]


def test_no_two_kinds_of_key_are_one() -> None:
    local = Triplet("192.0.2.0/24", "localonly", "b@y.example")
    for mail in (MAIL, MAIL._replace(sender=""), local):
        keys = [mail, client_key(mail), crowd_key(mail.client), reply_key(mail.sender, mail.recipient)]
        keys += [group_key(mail)] if "@" in mail.sender else []
        assert len(set(keys)) == len(keys)
        assert [key for key in keys if is_triplet(key)] == [mail]


def test_beyond_its_bound_a_network_shares_one_row() -> None:
    book = Book()
    for number in range(100):
        mail = MAIL._replace(recipient=f"r{number}@y.example")
        assert book.ask(T0 + number, "x.example", mail=mail, crowded=True) == ("crowded", 240 - number)
    assert list(book.entries) == [crowd_key(MAIL.client)]
    assert recognise(book.entries.get, MAIL, (), RULES, T0, crowded=True).writes == {}
    assert Book(replace(RULES, delay=0)).ask(T0, crowded=True) == ("passed", 0)
    assert book.ask(T0 + 240, mail=MAIL, crowded=True) == ("crowd passed", 0)
    # It never counts as passed, and ends like a first try that nobody came back for.
    assert book.ask(T0 + 3 * DAY, mail=MAIL, crowded=True) == ("crowded", 240)


def test_the_row_of_all_begins_anew_when_the_clock_went_back() -> None:
    book = Book()
    book.ask(T0 + DAY, crowded=True)
    assert book.ask(T0, crowded=True) == ("crowded", 240)
    assert book.ask(T0 + 240, crowded=True) == ("crowd passed", 0)


def test_beyond_the_bound_what_has_a_row_keeps_its_own_clock() -> None:
    book = Book()
    book.ask(T0)
    book.ask(T0 + 200, mail=MAIL._replace(recipient="c@y.example"), crowded=True)
    assert book.ask(T0 + 240, crowded=True) == ("passed", 240)

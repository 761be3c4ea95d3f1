from policyd.model.greylist import Triplet, client_key
from policyd.stores.sqlite.keys import Keys, client_text, triplet_text


def test_keys_depend_on_the_secret_and_fit_a_rowid() -> None:
    text = triplet_text(Triplet("192.0.2.0/24", "a@example.com", "b@example.com"))
    one, other = Keys(b"1" * 16).of(text), Keys(b"2" * 16).of(text)
    assert one != other
    assert one == Keys(b"1" * 16).of(text)
    assert all(0 <= key < 2**63 for key in (one, other))


def test_a_client_has_the_key_of_its_triplet_without_addresses() -> None:
    keys = Keys(b"secret")
    record = client_key(Triplet("192.0.2.0/24", "a@example.com", "b@example.com"))
    assert client_text("192.0.2.0/24") == triplet_text(record)
    assert keys.of_client("192.0.2.0/24") == keys.of(triplet_text(record))


def test_bytes_that_were_no_utf8_come_out_as_they_went_in() -> None:
    assert triplet_text(Triplet("c", "\udcff", "é")) == b"c\n\xff\n\xc3\xa9"


def test_what_is_hidden_keeps_its_shape_only() -> None:
    hidden = Keys(b"secret").hidden(b"192.0.2.0/24\n\nb@example.com").split(b"\n")
    assert [len(part) for part in hidden] == [16, 0, 16]

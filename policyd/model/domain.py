"""Domains in other scripts, and the names by which the DNS knows them (RFC 5890 2.3.2.1).

Law: pure and total; whether the DNS takes a name is not asked here. IDNA is that of 2008, as Postfix reads it (unless
it is told enable_idna2003_compatibility): another reading is another domain, which may be somebody else's.
"""

import re
from typing import Final
from unicodedata import normalize

_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
"""What stands for a dot (UTS 46 4)."""
_KEPT: Final = re.compile("[\xdf\u03c2\u200c\u200d]")
"""Characters that IDNA 2003 took for others, or for none: "fa\xdf" was "fass"."""


def a_labels(domain: str) -> str:
    """`domain` in A-labels and lower case; of one in ASCII only the case changes. "" if it has none."""
    if domain.isascii():
        return domain.lower()
    try:
        domain.encode()  # or a label of a kept character and a surrogate would have one
        return ".".join(map(_a_label, _DOTS.split(domain))).lower()
    except UnicodeError:  # surrogates of octets that are no UTF-8, labels that are too long, forbidden characters
        return ""


def _a_label(label: str) -> str:
    if _KEPT.search(label) is None:
        return label.encode("idna").decode("ascii")  # Python's IDNA is that of 2003
    # Letter by letter: lower() of a word would make the final sigma of any capital one at its end.
    plain = normalize("NFC", "".join(map(str.lower, normalize("NFKC", label))))
    return f"xn--{plain.encode('punycode').decode('ascii')}"

"""Made from one seed: damaged JSON, damaged bytes, odd texts. Quick, because it works on bytes and parses nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from random import Random

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"(?P<key>\s*:)?|-?\d[\d.eE+-]*|true|false|null')
ODD_TOKENS: tuple[bytes, ...] = (
    b"null", b"true", b"false", b"0", b"-0", b"-1", b"1.5", b"9007199254740993", b"9223372036854775808",
    b"18446744073709551617", b"1e400", b"-1e-400", b"1" + b"0" * 40, b'""', b'"0"', b'"\\u0000"', b'"\\ud800"',
    b'"\\udfff\\ud800"', b"[]", b"{}", b"[[[]]]", b'{"":{"":[null]}}', b'{"a":1,"a":[]}', b'"2026-06-18T09:00:00Z"',
    b'"9999-12-31T23:59:59.999999-14:00"', b'"0001-01-01T00:00:00+14:00"', b'"2026-02-30"', b'"\\u202e\\u2028"',
    b'"<b>&amp;&#x110000;"', b'"=?utf-8?q?=00?="', b'"incoming"', b'"activity"', b"2", b'"Channel::Email"',
    b'"resolved"', b'"message_created"', b'"@"', b"1781773202", b"1781773202.1234567", b"253402300800",
    b'"Tue, 99 Jun 2026 99:99:99 +9999"', b'{"id":-1,"name":[],"type":{}}', b'["a",null,{"b":2}]',
    b'"' + b"x" * 5000 + b'"', b"[" * 990 + b"]" * 990,
)  # fmt: skip
"""JSON that is as it should be, where nobody expects it."""
BROKEN_TOKENS = (b"NaN", b"-Infinity", b"+1", b"01", b'"\xff\xfe"', b'"\x00"', b'"\xed\xa0\x80"', b"[0,", b'"a\\', b"")
_LETTERS = "aZ09 ,;=%\x00\x01\n\r\t\"'\\/<>&é世\u0301\u202e\u2028\ud800\udfff\ufeff\U0001f600"


@cache
def _places(sample: bytes) -> tuple[tuple[int, int], ...]:
    """Where the values of a sample stand; in a sample that is no JSON, the whole of it."""
    return tuple(match.span() for match in TOKEN.finditer(sample) if not match["key"]) or ((0, len(sample)),)


def damaged(rng: Random, samples: Sequence[bytes]) -> bytes:
    """A sample with one to three tokens replaced, or with damaged bytes; sometimes cut, doubled, or random alone."""
    sample = samples[int(rng.random() * len(samples))]
    fate = rng.random()
    if fate < 0.75:
        return _other_tokens(rng, sample)
    if fate < 0.90:
        return _other_bytes(rng, sample)
    if fate < 0.95:
        return sample[: int(rng.random() * (len(sample) + 1))]
    return rng.randbytes(int(rng.random() * 300))


def _other_tokens(rng: Random, sample: bytes) -> bytes:
    places = _places(sample)
    for start, end in sorted({places[int(rng.random() * len(places))] for _ in range(rng.randint(1, 3))}, reverse=True):
        odd = ODD_TOKENS if rng.random() < 0.9 else BROKEN_TOKENS
        sample = sample[:start] + odd[int(rng.random() * len(odd))] + sample[end:]
    return sample


def _other_bytes(rng: Random, sample: bytes) -> bytes:
    changed = bytearray(sample or b"\x00")
    for _ in range(rng.randint(1, 4)):
        at = int(rng.random() * len(changed))
        match rng.randrange(3):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                changed[at:at] = rng.randbytes(rng.randint(1, 8))
            case _:
                other = int(rng.random() * len(changed))
                changed[at : at + 20] = changed[other : other + 20]
    return bytes(changed) or b"\x00"


def odd_text(rng: Random, most: int = 40) -> str:
    """Letters that matter to some parser."""
    return "".join(_LETTERS[int(rng.random() * len(_LETTERS))] for _ in range(int(rng.random() * most)))


def odd_value(rng: Random) -> bytes:
    """A header's value as a server lets it through: any byte but the controls."""
    return bytes(byte for byte in rng.randbytes(int(rng.random() * 60)) if byte >= 0x20 and byte != 0x7F)


def changed_text(rng: Random, text: str) -> str:
    """One character of it added, lost or replaced."""
    at = int(rng.random() * (len(text) + 1))
    lost = rng.randrange(2)
    return text[:at] + odd_text(rng, 3) + text[at + lost :]

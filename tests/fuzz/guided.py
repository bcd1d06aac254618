"""atheris: one target at a time, guided by which lines of the parsers an input reaches.

`python -m tests.fuzz.guided TARGET -runs=100000 -seed=1` in a process of its own; the options are libFuzzer's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from random import Random

import atheris

READERS = [
    "webhooks", "worker.intake", "worker.form_fields", "worker.survey_token", "worker.signing", "worker.language",
    "worker.api.bodies", "email", "json", "itsdangerous",
]  # fmt: skip

with atheris.instrument_imports(include=READERS):
    from tests.fuzz import parsers


def _words(data: bytes) -> list[str]:
    """The input as header values, latin-1 as a server hands them on."""
    return [part.decode("latin-1") for part in data.split(b"\n")]


def _bodies(source: str) -> Callable[[bytes], object]:
    return lambda data: parsers.facts_of(source, data)


def _knocked(data: bytes) -> object:
    path, body, *headers = [*_words(data), "", ""]
    return parsers.asked(dict(zip(parsers.DOOR_HEADERS, headers, strict=False)), path, body.encode("latin-1"))


def _token(data: bytes) -> object:
    token, seal, *_ = [*_words(data), ""]
    return parsers.token_and_seal(token, seal)


TARGETS: Mapping[str, Callable[[bytes], object]] = {
    "bodies of chatwoot": _bodies("chatwoot"),
    "bodies of email": _bodies("email"),
    "bodies of form": _bodies("form"),
    "bodies of survey": _bodies("survey"),
    "headers and signatures": _knocked,
    "survey tokens and seals": _token,
    "spool frames": lambda data: parsers.spool_read(data),
    "API bodies": lambda data: parsers.call_read(Random(len(data)), data),
}


def main() -> None:
    """Ends with 0 after the runs asked for, else with the exception of the input that broke it."""
    target = TARGETS[sys.argv[1]]

    def one(data: bytes) -> None:
        target(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

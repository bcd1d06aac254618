"""Public holidays by country and subdivision, as the library `holidays` knows them."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache

YEARS = range(2010, 2060)
"""The years asked for: the same at every start, so that neither a new year nor a restart changes the policy."""


@lru_cache(maxsize=64)
def holidays_of(country: str, subdivision: str) -> Mapping[date, str]:
    """The names of the holidays by date; `subdivision` may be empty.

    ValueError, with the likely code, when the library knows no such country or subdivision. A country that announces
    its holidays only some years ahead has none after those years.
    """
    import holidays

    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        raise ValueError(f'Write a country as two letters, for example "DE".{_near(country, known)}')
    if subdivision and subdivision not in known[country]:
        choice = ", ".join(known[country]) or "none"
        raise ValueError(f"Subdivisions of {country}: {choice}.{_near(subdivision, known[country])}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some countries warn of years whose dates are estimated or not known yet
        found = holidays.country_holidays(country, subdivision or None, years=YEARS, language="en_US")
    return dict(sorted(found.items()))


def _near(word: str, options: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.upper(), list(options), n=1)
    return f" Did you mean {near[0]}?" if near else ""

"""Currencies by ISO 4217. Its minor units count: CLDR's digits say how amounts are shown, and differ
for a dozen currencies (a Serbian dinar has 100 para, although nobody prints them).
"""

from collections.abc import Mapping
from functools import cache

_WITHDRAWN = ("SIT", "CYP", "MTL", "SKK", "EEK", "LVL", "LTL", "HRK", "BGN", "SLL", "ANG", "CUC")
"""Currencies of ISO 4217's list three that went out of use since 2007, each with two digits: what was
paid in them was paid."""


@cache
def _digits() -> Mapping[str, int | None]:
    from iso4217 import Currency  # slow to load: it reads the list itself

    listed = {currency.code: currency.exponent for currency in Currency}
    return {**dict.fromkeys(_WITHDRAWN, 2), **listed}


def is_currency(code: str) -> bool:
    """Whether ISO 4217 lists the code."""
    return code in _digits()


def minor_digits(code: str) -> int:
    """Decimals between an amount in main units and one in minor units: 2 for EUR, 0 for JPY.

    0 for what is listed without minor units, such as gold.
    """
    return _digits()[code] or 0

"""What an archive says besides the data, in the language of whoever reads it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, parse_pattern

from ledger.catalogue import Retention
from ledger.money import is_currency, minor_digits

LANGUAGES = ("en", "de", "fr", "es", "pt", "hi")
"""In the order in which the tables have them; the first is for everybody else."""

_PERIOD = re.compile(r"(\d+)([YMWD])")
_UNITS = {"Y": "year", "M": "month", "W": "week", "D": "day"}
_PIECE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, and its dates and numbers. Times are UTC, and say so once a page."""

    language: str

    @classmethod
    def of(cls, language: str | None) -> "Words":
        """Those of a language tag such as pt-BR; English for one that we have no words for."""
        base = (language or "").partition("-")[0]
        return cls(base if base in LANGUAGES else LANGUAGES[0])

    def say(self, name: str, **pieces: str) -> str:
        """A phrase of `words.toml`, with its pieces in their places."""
        text = _table("words.toml")[name][LANGUAGES.index(self.language)]
        return _PIECE.sub(lambda found: pieces[found[1]], text)

    def event(self, topic: str) -> str:
        """What a type of event is called; by its own name where nobody has written one."""
        named = _table("events.toml").get(topic)
        return topic if named is None else named[LANGUAGES.index(self.language)]

    def field(self, name: str) -> str:
        """What a field is called; by its own name where nobody has written one."""
        named = _table("fields.toml").get(name)
        return name.replace("_", " ") if named is None else named[LANGUAGES.index(self.language)]

    def kept_as(self, retention: Retention) -> str:
        """What a retention class is called."""
        return self.say(f"class_{retention.value}")

    def period(self, period: str) -> str:
        """A period such as P3Y or P14M."""
        parts = ((_UNITS[unit], int(count)) for count, unit in _PERIOD.findall(period))
        return ", ".join(
            self.say(unit) if count == 1 else self.say(f"{unit}s", count=self.number(count))
            for unit, count in parts
        )

    def day(self, day: date) -> str:
        """A day, as it is written there."""
        return _day(day, self.language)

    def moment(self, moment: datetime) -> str:
        """Day and time of the clock, in UTC."""
        at = moment.astimezone(UTC)
        return f"{_day(at.date(), self.language)} {at:%H:%M:%S}"

    def number(self, number: int) -> str:
        """A whole number, with the separators that are usual there."""
        return str(format_decimal(number, locale=_locale(self.language)))

    def money(self, amount_minor: int, currency: str) -> str:
        """An amount in minor units, as money."""
        if not is_currency(currency):
            return f"{self.number(amount_minor)} {currency}"
        digits = minor_digits(currency)
        amount = Decimal(amount_minor).scaleb(-digits)
        locale, pattern = _locale(self.language), _money(self.language, digits)
        return str(pattern.apply(amount, locale, currency=currency, currency_digits=False))


@cache
def _money(language: str, digits: int) -> NumberPattern:
    """How money is written there, with as many decimals as its minor units have: CLDR counts otherwise."""
    pattern = parse_pattern(_locale(language).currency_formats["standard"].pattern)
    pattern.frac_prec = (digits, digits)
    return pattern


@lru_cache(maxsize=10_000)
def _day(day: date, language: str) -> str:
    return str(format_date(day, "medium", locale=_locale(language)))


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


@cache
def _table(name: str) -> Mapping[str, Any]:
    """Phrases by name, each in every language."""
    text = files("api.archive").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)

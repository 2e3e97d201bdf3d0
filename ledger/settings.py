"""Where things are kept and what is tolerated, from the environment (`BAHI_…`) or as arguments."""

import os
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    DirectoryPath,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ledger.catalogue.fields import Country, TimeZone
from ledger.errors import BadUsage
from ledger.identifiers import KIND
from ledger.naming import LIMITS, Limits
from ledger.stores import book_folder, vault_file

_VIEWS_FILE = "views.db"

Hours = tuple[int, int]
"""Hours of a day, from the first up to but not with the second: (8, 20) ends as the clock strikes 20."""

SENDING_HOURS: Hours = (8, 20)
"""When people may be written to, on their own clock; a default of ours, no law names the hours."""


def _address(text: str) -> str:
    """An address of a book, or nothing."""
    try:
        if text:
            book_folder(text)
    except BadUsage as error:
        raise ValueError(str(error)) from None
    return text


def _vault(text: str) -> str:
    """An address of a vault, or nothing."""
    try:
        if text:
            vault_file(text)
    except BadUsage as error:
        raise ValueError(str(error)) from None
    return text


def _host(text: str) -> str:
    """An address to listen on."""
    if text != "localhost":
        try:
            ip_address(text)
        except ValueError:
            raise ValueError("expected an IP address or localhost") from None
    return text


def _folders(given: object) -> object:
    """Folders as a search path spells them."""
    return given.split(os.pathsep) if isinstance(given, str) else given


def _listed(given: object) -> object:
    """Words with `,` between them."""
    return [word.strip() for word in given.split(",")] if isinstance(given, str) else given


_Broker = Annotated[str, Field(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")]
_Kind = Annotated[str, Field(pattern=f"^{KIND.pattern}$")]


def _hours(given: object) -> object:
    """Hours as people write them: `8-20`."""
    if not isinstance(given, str):
        return given
    first, _, end = given.partition("-")
    if not (first.strip().isdecimal() and end.strip().isdecimal()):
        raise ValueError("expected two hours such as 8-20")
    return int(first), int(end)


def _in_order(hours: Hours) -> Hours:
    if not 0 <= hours[0] < hours[1] <= 24:
        raise ValueError("expected two hours of one day, the earlier one first, such as 8-20")
    return hours


class Settings(BaseSettings):
    """Three folders apart, since each has a backup rule of its own: book, vault, keyring.

    `home` is only the default place for the three; a KMS or a second disk is one variable away.
    """

    model_config = SettingsConfigDict(
        env_prefix="BAHI_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Path(".bahi")
    """Where book, vault and keyring are kept unless they are named one by one."""
    ledger: Annotated[str, AfterValidator(_address)] = ""
    """Address of the book: `sqlite:///folder` or `postgresql://user:password@host/database`."""
    vault: Annotated[str, AfterValidator(_vault)] = ""
    """Address of the vault: a file, or `postgresql://user:password@host/database`."""
    keyring: Path | None = None
    """File of the keyring, mode 0600."""
    views: Annotated[tuple[DirectoryPath, ...], NoDecode, BeforeValidator(_folders)] = ()
    """Folders with `folds/` and `questions/` of your own, with `:` between them."""
    future_tolerance_s: int = Field(default=86_400, ge=0, le=366 * 86_400)
    """How far ahead of our clock a source's clock may be."""
    region: Country | None = None
    """ISO country for phone numbers that are written without one."""
    unique_kinds: Annotated[frozenset[_Kind], NoDecode, BeforeValidator(_listed)] = LIMITS.unique
    """Kinds of identifiers of which one person has one: two `user` are two people."""

    sending_hours: Annotated[
        Hours, NoDecode, BeforeValidator(_hours), AfterValidator(_in_order)
    ] = SENDING_HOURS
    """Between which hours of their day people may be written to, such as `8-20`."""

    office_country: Country | None = None
    """ISO country where requests about people's data are answered: its public holidays count."""
    office_zone: TimeZone = "UTC"
    """Time zone of that office: its days count."""
    retention: Path | None = None
    """File of the rules by which data is kept."""
    history: Path | None = None
    """Folder of the history in columns; copies of the book, which can be made again."""

    http_host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    """Where `bahi serve` listens: an address, or `localhost`; all others can call only if it says so."""
    http_port: int = Field(default=8_000, ge=0, le=65_535)
    """On which port; 0 for any that is free."""
    http_url: Annotated[str, Field(pattern=r"^(https?://[^/?#\s]+)?$")] = ""
    """How others call it, where a proxy stands before it: `https://events.example.com`."""
    http_rate: int = Field(default=1_000, ge=1, le=1_000_000)
    """Requests a second that one key may make; twice as many at once."""
    http_hsts: bool = False
    """Whether browsers are told to come by TLS alone: for who serves by TLS and nothing else."""

    kafka: Annotated[tuple[_Broker, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Brokers to begin with: `host:port,host:port`."""
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = "PLAINTEXT"
    """How they are spoken to: encrypted or not, with a user or without."""
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How a user shows who they are."""
    kafka_user: str = ""
    """That user."""
    kafka_password: SecretStr = SecretStr("")
    """The user's password."""
    kafka_ca: Path | None = None
    """File of the certificates by which brokers are known; else those of the system."""
    kafka_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = "bahi"
    """What our topics begin with: `bahi.events` and so on."""
    kafka_partitions: int = Field(default=12, ge=1, le=10_000)
    """Partitions of our topics; which of them a key is in hangs on it, so it stays as it was at first."""
    kafka_replication: int | None = Field(default=None, ge=1, le=100)
    """Copies of each of our topics; else as many as the brokers make by themselves."""

    @property
    def ledger_address(self) -> str:
        """The address of the book."""
        return self.ledger or f"sqlite:///{self.home / 'book'}"

    @property
    def views_at(self) -> Path | str:
        """Where the views are, beside the book: the file in its folder, or the address of its server."""
        folder = book_folder(self.ledger_address)
        return self.ledger_address if folder is None else folder / _VIEWS_FILE

    @property
    def vault_address(self) -> str:
        """The address of the vault: a file at home, unless somebody chose another place.

        Also where the book is on a server: with the keys beside it, whoever copies the one has the other.
        """
        return self.vault or str(self.home / "vault" / "vault.db")

    @property
    def keyring_file(self) -> Path:
        """The file of the keyring."""
        return self.keyring or self.home / "keyring" / "keyring.json"

    @property
    def history_folder(self) -> Path:
        """The folder of the history in columns."""
        return self.history or self.home / "history"

    @property
    def staging_folder(self) -> Path:
        """Where files about people are made before they are handed over; it keeps nothing."""
        return self.home / "staging"

    @property
    def retention_file(self) -> Path | None:
        """The rules of one's own, if there are any; else those that are shipped hold."""
        own = self.home / "retention.toml"
        return self.retention or (own if own.exists() else None)

    @property
    def limits(self) -> Limits:
        """What one person may have."""
        return Limits(unique=self.unique_kinds)

    @property
    def future_tolerance(self) -> timedelta:
        """`future_tolerance_s` as a duration."""
        return timedelta(seconds=self.future_tolerance_s)


def read_settings(**given: Any) -> Settings:
    """The settings of this process, but for those `given`. Raises `BadUsage` naming what is wrong."""
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        name = f"BAHI_{problem['loc'][0]}".upper()
        raise BadUsage(f"{name}: {problem['msg'].removeprefix('Value error, ')}") from None

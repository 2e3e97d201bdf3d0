"""Where things are kept and what is tolerated, from the environment (`BAHI_…`) or as arguments."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, DirectoryPath, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ledger.catalogue.fields import Country
from ledger.errors import BadUsage
from ledger.stores import book_folder


def _address(text: str) -> str:
    """An address of a book, or nothing."""
    try:
        if text:
            book_folder(text)
    except BadUsage as error:
        raise ValueError(str(error)) from None
    return text


def _folders(given: object) -> object:
    """Folders as a search path spells them."""
    return given.split(os.pathsep) if isinstance(given, str) else given


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
    """Address of the book: `sqlite:///folder`."""
    vault: Path | None = None
    """File of the vault."""
    keyring: Path | None = None
    """File of the keyring, mode 0600."""
    views: Annotated[tuple[DirectoryPath, ...], NoDecode, BeforeValidator(_folders)] = ()
    """Folders with `folds/` and `questions/` of your own, with `:` between them."""
    future_tolerance_s: int = Field(default=86_400, ge=0, le=366 * 86_400)
    """How far ahead of our clock a source's clock may be."""
    region: Country | None = None
    """ISO country for phone numbers that are written without one."""

    @property
    def ledger_address(self) -> str:
        """The address of the book."""
        return self.ledger or f"sqlite:///{self.home / 'book'}"

    @property
    def vault_file(self) -> Path:
        """The file of the vault."""
        return self.vault or self.home / "vault" / "vault.db"

    @property
    def keyring_file(self) -> Path:
        """The file of the keyring."""
        return self.keyring or self.home / "keyring" / "keyring.json"

    @property
    def future_tolerance(self) -> timedelta:
        """`future_tolerance_s` as a duration."""
        return timedelta(seconds=self.future_tolerance_s)


def read_settings() -> Settings:
    """The settings of this process. Raises `BadUsage` naming the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        name = f"BAHI_{problem['loc'][0]}".upper()
        raise BadUsage(f"{name}: {problem['msg'].removeprefix('Value error, ')}") from None

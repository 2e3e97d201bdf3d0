"""Where things are kept and what is tolerated, from the environment (`BAHI_…`) or as arguments."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Three folders apart, since each has a backup rule of its own: book, vault, keyring.

    `home` is only the default place for the three; a KMS or a second disk is one variable away.
    """

    model_config = SettingsConfigDict(env_prefix="BAHI_", extra="ignore", frozen=True)

    home: Path = Path(".bahi")
    """Where book, vault and keyring are kept unless they are named one by one."""
    ledger: str = ""
    """Address of the book: `sqlite:///folder`."""
    vault: Path | None = None
    """File of the vault."""
    keyring: Path | None = None
    """File of the keyring, mode 0600."""
    views: list[Path] = Field(default_factory=list)
    """Folders with `folds/` and `questions/` of your own, as a JSON list."""
    future_tolerance_s: int = Field(default=86_400, ge=0)
    """How far ahead of our clock a source's clock may be."""
    region: str | None = Field(default=None, pattern="^[A-Z]{2}$")
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

"""What an address such as `postgresql://host/database?schema=book` means, and what may be said of it."""

import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.errors import BadUsage

_SCHEMA = re.compile(r"[a-z_][a-z0-9_-]{0,56}")
"""Of 63 characters, six are left for what stands beside it, as the views do."""
_SECRETS = ("password", "sslpassword")

_ALWAYS = " ".join(
    f"-c {setting}"
    for setting in (
        # A statement must see what was committed before it, not what was when the lock was asked for.
        r"default_transaction_isolation=read\ committed",
        # Every statement of ours walks an index. Left to estimate, the planner would read whole
        # tables while they are small, and keep to that plan when they no longer are.
        "enable_seqscan=off",
        "enable_bitmapscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "plan_cache_mode=force_generic_plan",
        "jit=off",
        # As long as SQLite's writers wait.
        "lock_timeout=30s",
    )
)
_UNLESS_SAID = {
    "connect_timeout": "10",
    # A server that fell silent is noticed within half a minute: when it takes nothing any more (ms), and
    # when it has taken everything and says nothing (s), which only probes can tell from work.
    "tcp_user_timeout": "30000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "application_name": "bahi",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a book or vault is: how to connect, in which schema, and its name in messages.

    `conninfo` is libpq's, with the settings that every connection of ours begins with; `name` has
    neither user nor password.
    """

    conninfo: str = field(repr=False)
    schema: str
    name: str
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, schema: str) -> Self:
        """Read an address; `schema` is the one that is meant if it names none.

        Raises `BadUsage`, which quotes nothing of an address that could be read in two ways: what
        follows an `@` too many may be half of a password.
        """
        try:
            parts = urlsplit(text)
            # A plus is a plus to libpq, and would be a space to us.
            query = parse_qsl(parts.query.replace("+", "%2B"), True, bool(parts.query))
        except ValueError:
            raise BadUsage(_EXPECTED + "with name=value after the ?") from None
        at = text.count("@")
        if at > 1 or (at and "@" not in parts.netloc):
            raise BadUsage(_EXPECTED + "with %40 %2F %3F %23 for @ / ? # in a password")
        given = dict(query)
        chosen = given.pop("schema", schema)
        if not _SCHEMA.fullmatch(chosen):
            raise BadUsage(
                "expected a schema of at most 57 small letters, digits, _ and - in the address, "
                f"came one of {len(chosen):,} characters"
            )
        plain = parts._replace(query=urlencode(given, quote_via=quote)).geturl()
        try:
            fields = {**_UNLESS_SAID, **conninfo_to_dict(plain)}
        except psycopg.ProgrammingError:
            raise BadUsage(_EXPECTED + "with libpq's parameters only") from None
        options = [str(fields.pop("options", "")), _ALWAYS, f'-c search_path="{chosen}"']
        fields |= {"options": " ".join(filter(None, options)), "client_encoding": "UTF8"}
        port = f":{fields['port']}" if "port" in fields else ""
        name = f"postgresql://{fields.get('host', '')}{port}/{fields.get('dbname', '')}"
        secrets = tuple(str(fields[name]) for name in _SECRETS if fields.get(name))
        return cls(make_conninfo("", **fields), chosen, f"{name}?schema={chosen}", secrets)

    def beside(self, suffix: str) -> Self:
        """The schema beside this one, called like it with something short after it."""
        schema = self.schema + suffix
        fields = conninfo_to_dict(self.conninfo)
        options = f'{fields.pop("options", "")} -c search_path="{schema}"'  # the last one counts
        name = self.name.removesuffix(self.schema) + schema
        return type(self)(make_conninfo("", **fields, options=options), schema, name, self.secrets)

    def without_secrets(self, message: str) -> str:
        """One line of a message of PostgreSQL's, with `…` for a password."""
        line = message.strip().partition("\n")[0]
        for secret in self.secrets:
            line = line.replace(secret, "…")
        return line


_EXPECTED = "expected an address such as postgresql://user:password@host/database, "

"""The catalogue of event types: one room a domain, each type with its docstring and its fields."""

from ledger.catalogue import audit, commerce, consent, email, profile, reference
from ledger.catalogue.model import (
    REFERENCE_KINDS,
    TAG_KINDS,
    Domain,
    EventType,
    Personal,
    Retention,
    find,
    load,
    parse,
    types,
)

__all__ = [
    "REFERENCE_KINDS",
    "TAG_KINDS",
    "Domain",
    "EventType",
    "Personal",
    "Retention",
    "audit",
    "commerce",
    "consent",
    "email",
    "find",
    "load",
    "parse",
    "profile",
    "reference",
    "types",
]

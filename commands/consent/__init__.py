"""Consent: what people allow and forbid, what follows from it, and what they may say next."""

from commands.consent.asking import Step, history, may_send
from commands.consent.permission import Notice, Permission, State, permission
from commands.consent.rules import (
    Give,
    Lift,
    Object,
    Publish,
    Refuse,
    Request,
    Unsubscribe,
    Withdraw,
)

__all__ = [
    "Give",
    "Lift",
    "Notice",
    "Object",
    "Permission",
    "Publish",
    "Refuse",
    "Request",
    "State",
    "Step",
    "Unsubscribe",
    "Withdraw",
    "history",
    "may_send",
    "permission",
]

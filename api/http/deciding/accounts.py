"""Companies, and who belongs to them."""

from api.http.deciding.routes import Command, add
from api.http.guard import router as guarded
from ledger.catalogue.account import AccountIdentified, MemberJoined, MemberLeft

router = guarded()

_KNOWN = {"account_name": "Acme GmbH", "sole_trader": False, "industry": "retail", "employees": 12}

add(
    router,
    "accounts",
    Command(
        "/v1/accounts",
        AccountIdentified,
        "identify_account",
        {"reference": "A-12", **_KNOWN, "market": "DE"},
        creates="account",
        tags=("market",),
    ),
    Command(
        "/v1/accounts/{account}/identify",
        AccountIdentified,
        "identify_known_account",
        _KNOWN,
        tags=("market",),
    ),
    Command(
        "/v1/accounts/{account}/join",
        MemberJoined,
        "join_account",
        {"identifiers": {"email": "anna@example.com"}, "role": "buyer", "job_title": "Head buyer"},
    ),
    Command(
        "/v1/accounts/{account}/leave",
        MemberLeft,
        "leave_account",
        {"identifiers": {"email": "anna@example.com"}, "reason": "moved-on"},
    ),
)

"""Commands over HTTP: decided by the rules that the command line goes by, and durable when they are answered.

A person is named in the body, never in an address; a thing by its id in the address, or by its number in the
body. `bodies` makes what is read from the catalogue, `routes` what is answered; each room declares its own.
"""

from api.http.deciding import (
    accounts,
    consents,
    deals,
    erasures,
    identity,
    opendsr,
    requests,
    showing,
    tickets,
)

ROOMS = (deals, tickets, accounts, consents, identity, opendsr, requests, erasures, showing)
"""The rooms, in the order in which the document has them."""

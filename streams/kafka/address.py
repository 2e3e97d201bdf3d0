"""Which Kafka, and how it is spoken to: from the settings to what every client of ours is given."""

import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from kafka.errors import KafkaError, KafkaTimeoutError, RequestTimedOutError

from ledger.errors import BadUsage, StoreUnavailable
from ledger.settings import Settings

_CONNECTED_WITHIN_MS = 5_000
_KNOCKED_S = 2.0
_TIME_IS_UP = (KafkaTimeoutError, RequestTimedOutError)


class _Overheard(logging.Handler):
    """Keeps why a broker turned the client away: to its caller it only says that time was up.

    With a handler Python prints none of the client's warnings, of each attempt to connect, on stderr.
    Whoever sets up logging still gets them.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._why, self._at = "", 0.0

    def emit(self, record: logging.LogRecord) -> None:
        args = record.args if isinstance(record.args, tuple) else ()
        for why in args:
            if isinstance(why, KafkaError) and not isinstance(why, _TIME_IS_UP):
                self._why, self._at = str(why), record.created

    def lately(self) -> str:
        """Why, if that was during the last attempt to connect, which says late that its time is up."""
        return self._why if time.time() - self._at < 3 * _CONNECTED_WITHIN_MS / 1000 else ""


_overheard = _Overheard()
logging.getLogger("kafka").addHandler(_overheard)


@dataclass(frozen=True, slots=True)
class Kafka:
    """Brokers to begin with, and the arguments by which a client of any kind connects to them."""

    name: str
    """What it is called in messages: no user, no password."""
    arguments: dict[str, Any] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The Kafka that the settings name. Raises `BadUsage` for settings that make no sense."""
        if not settings.kafka:
            raise BadUsage("BAHI_KAFKA: expected the brokers, such as localhost:9092, came nothing")
        security = settings.kafka_security
        given: dict[str, Any] = {
            "bootstrap_servers": [*settings.kafka],
            "security_protocol": security,
            "client_id": f"{settings.kafka_prefix}-{socket.gethostname()}",
            "bootstrap_timeout_ms": _CONNECTED_WITHIN_MS,
        }
        password = settings.kafka_password.get_secret_value()
        if security.startswith("SASL"):
            if not (settings.kafka_user and password):
                raise BadUsage(
                    f"BAHI_KAFKA_USER and BAHI_KAFKA_PASSWORD: expected for {security}, came nothing"
                )
            given |= {
                "sasl_mechanism": settings.kafka_mechanism,
                "sasl_plain_username": settings.kafka_user,
                "sasl_plain_password": password,
            }
        elif settings.kafka_user or password:
            raise BadUsage(
                f"BAHI_KAFKA_SECURITY: expected SASL_SSL or SASL_PLAINTEXT for a user, came {security}"
            )
        if settings.kafka_ca is not None:
            if not security.endswith("SSL"):
                raise BadUsage(
                    f"BAHI_KAFKA_SECURITY: expected SSL or SASL_SSL for BAHI_KAFKA_CA, came {security}"
                )
            if not settings.kafka_ca.is_file():
                raise BadUsage(f"BAHI_KAFKA_CA: expected a file, came {settings.kafka_ca}")
            given["ssl_cafile"] = str(settings.kafka_ca)
        return cls(",".join(settings.kafka), given, (password,) if password else ())

    def demand_answering(self) -> None:
        """Whether any of the brokers takes connections, and shows by TLS, if that is asked, that it is the
        one; raises `StoreUnavailable`, naming why not.

        To be asked before a client is made: it would try for long, and leave sockets open.
        """
        why: OSError | None = None
        for broker in self.arguments["bootstrap_servers"]:
            host, _, port = broker.rpartition(":")
            try:
                self._knock(host.strip("[]"), int(port))
            except ssl.SSLCertVerificationError as error:
                why = OSError(f"expected a certificate that can be trusted: {error.verify_message}")
            except ssl.SSLError as error:
                reason = (error.reason or "no answer").replace("_", " ").lower()
                why = OSError(f"expected a listener with TLS, came {reason}")
            except OSError as error:
                why = error
            else:
                return
        raise self.unavailable(why or OSError("no broker"))

    def _knock(self, host: str, port: int) -> None:
        with socket.create_connection((host, port), _KNOCKED_S) as plain:
            if self.arguments["security_protocol"].endswith("SSL"):
                context = ssl.create_default_context(cafile=self.arguments.get("ssl_cafile"))
                context.wrap_socket(plain, server_hostname=host).close()

    def unavailable(self, error: BaseException) -> StoreUnavailable:
        """What the client says is wrong, in an error of ours."""
        what = str(error) or type(error).__name__
        if isinstance(error, KafkaTimeoutError):
            # A broker that does not know somebody hangs up, as one does who is spoken to in another way.
            why = f": {heard}" if (heard := _overheard.lately()) else ""
            what += f"{why}; expected a listener of {self.arguments['security_protocol']}"
            if "sasl_mechanism" in self.arguments:
                what += f" that knows user and password by {self.arguments['sasl_mechanism']}"
        for secret in self.secrets:
            what = what.replace(secret, "…")
        return StoreUnavailable(f"kafka {self.name}", what)

    @contextmanager
    def spoken_to(self) -> Iterator[None]:
        """Errors of the client as `StoreUnavailable`."""
        try:
            yield
        except (KafkaError, OSError) as error:
            raise self.unavailable(error) from None

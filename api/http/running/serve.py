"""One process that serves, keeps the views and publishes; each also alone.

Told to stop, it takes no new connection, answers what has come, lets go of whoever is being sent events, and
writes a tree head that the keyring remembers.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from api.http.app import application
from api.http.running.logs import Log, overhear, where
from api.http.running.parts import Part
from api.http.running.wire import Wire
from api.http.serving import Serving
from api.resting import Rest
from api.wiring import Bahi
from ledger.errors import StoreUnavailable

_LOOK_S = 0.1
_FAREWELL_S = 10
"""Requests that are being answered as it is told to stop have so long."""
_KEPT_OPEN_S = 30
_BACKLOG = 2_048


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens: nowhere but on this machine, unless somebody says so."""

    host: str = "127.0.0.1"
    port: int = 8_000
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether nobody else can call."""
        return self.host == "localhost" or ip_address(self.host).is_loopback


@dataclass(slots=True)
class Server:
    """What is to run over an open ledger, which whoever opened it closes."""

    bahi: Bahi
    log: Log
    http: Address | None = field(default_factory=Address)
    views: bool = True
    publishing: bool = False

    def run(
        self, stopped: Callable[[], bool], listening: Callable[[str], object] = lambda _: None
    ) -> None:
        """Run until `stopped`; `listening` is told the address, when it can be called.

        Raises `StoreUnavailable` where it cannot listen there, where HTTP has stopped, since then nobody can
        ask how it stands, and where all that was to run has stopped.
        """
        parts = {part.name: part for part in self._parts()}
        serving = Serving(self.bahi, parts)
        door = None if self.http is None else _Door(serving, self.log, self.http)
        try:
            for part in parts.values():
                part.start()
            if door is not None:
                door.open(listening)
            waiting = threading.Event()
            while not stopped():
                waiting.wait(_LOOK_S)
                running = parts.values() if door is None else (door,)
                if not any(one.running for one in running):
                    raise StoreUnavailable("serve", "what was to run has stopped; see the log")
                if "views" not in parts:  # else they do it, and more, whenever they have a moment
                    self.bahi.renew_at_rest()
        finally:
            serving.stopping.set()
            if door is not None:
                door.close()
            for part in parts.values():
                part.stop()
            for part in parts.values():
                part.join()
            serving.close()

    def _parts(self) -> Iterator[Part]:
        bahi, log = self.bahi, self.log
        if self.views:

            def keep(told: Callable[[], bool]) -> None:
                rest = Rest(bahi, lambda what: log.warning("amiss", what=what))
                bahi.views.run(bahi.columns, told, lambda ours: log.info("views", ours=ours), rest)

            yield Part("views", keep, log)
        if self.publishing:
            from api.http.running.publishing import publishing  # Kafka's client is slow to load

            yield publishing(bahi, log)


class _Door:
    """Uvicorn, in a thread of its own."""

    def __init__(self, serving: Serving, log: Log, address: Address) -> None:
        for library in ("uvicorn.error", "asyncio", "opentelemetry"):
            overhear(library, log)
        self._address = address
        self._log = log
        self._failed = False
        self._server = uvicorn.Server(
            uvicorn.Config(
                application(serving, log),
                loop="uvloop",
                http=Wire,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEPT_OPEN_S,
                timeout_graceful_shutdown=_FAREWELL_S,
                ssl_certfile=address.certificate,
                ssl_keyfile=address.key,
            )
        )
        self._thread = threading.Thread(target=self._run, name="bahi-http", daemon=True)

    def open(self, listening: Callable[[str], object]) -> None:
        """Begin to listen. Raises `StoreUnavailable` where that cannot be."""
        host, port = self._address.host, self._address.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            why = f"cannot be listened on: {error.strerror}"
            raise StoreUnavailable(f"{host}:{port}", why) from None
        self._thread.start()
        while not self._server.started:
            self._thread.join(_LOOK_S / 10)
            if not self.running:
                raise StoreUnavailable("serve", "the server ended before it began; see the log")
        port = self._socket.getsockname()[1]
        scheme = "http" if self._address.certificate is None else "https"
        listening(f"{scheme}://{f'[{host}]' if family == socket.AF_INET6 else host}:{port}")

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive() and not self._failed

    def close(self) -> None:
        """Answer what has come, and listen no more."""
        self._server.should_exit = True
        if self.running:
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        try:
            await self._server.serve([self._socket])
        except BaseException as error:  # noqa: BLE001 - nobody above would hear of it
            self._failed = True  # now: a loop that is left in disorder may take for ever to close
            self._log.error("http stopped", **where(error))
            for one in getattr(self._server, "servers", ()):  # there are none before it has begun
                one.close()

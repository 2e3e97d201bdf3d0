"""A server for tests: the application over an open ledger, by Uvicorn, on a free port of this machine."""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import uvicorn

from api.http.app import application
from api.http.running.logs import log_to
from api.http.running.wire import Wire
from api.http.serving import Serving
from api.wiring import Bahi

_LOOK_S = 0.01


@contextmanager
def served(bahi: Bahi, log: TextIO | None = None) -> Iterator[str]:
    """The address of a server over this ledger, without a slash at its end; it is stopped afterwards.

    What it says goes to `log`, if anybody wants it.
    """
    serving = Serving(bahi)
    config = uvicorn.Config(
        application(serving, log_to(log or io.StringIO())),
        host="127.0.0.1",
        port=0,
        http=Wire,
        log_config=None,
        lifespan="off",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="test-server", daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended before it began"
            time.sleep(_LOOK_S)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        serving.stopping.set()
        server.should_exit = True
        thread.join()
        serving.close()

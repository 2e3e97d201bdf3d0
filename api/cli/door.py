"""The command that opens the HTTP door: `serve`."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import app, opened
from api.cli.stopping import told_to_stop
from api.render import out, say
from ledger.errors import BadUsage
from ledger.settings import read_settings


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Where to listen; BAHI_HTTP_HOST, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="BAHI_HTTP_PORT, else 8000; 0 for any that is free."),
    ] = None,
    cert: Annotated[
        Path | None, typer.Option("--cert", help="A certificate: then it speaks TLS.", exists=True)
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="The certificate's private key.", exists=True)
    ] = None,
    http: Annotated[bool, typer.Option(help="Serve HTTP.")] = True,
    views: Annotated[bool, typer.Option(help="Keep the views current.")] = True,
    publish: Annotated[
        bool | None,
        typer.Option(help="Publish on topics; by default where BAHI_KAFKA names brokers."),
    ] = None,
    try_: Annotated[
        bool, typer.Option("--try", help="Make a key for a day, and print calls that work with it.")
    ] = False,
) -> None:
    """Serve HTTP, keep the views and publish, in one process, until told to stop.

    The log is JSON on stderr, a line a request, without anything that was in it.
    """
    from api.http.running.logs import log_to
    from api.http.running.serve import Address, Server
    from api.http.running.traces import send_traces
    from api.http.running.trying import lines

    if (cert is None) != (key is None):
        raise BadUsage("--cert and --key: expected both or none, came one")
    settings = read_settings()
    publishing = bool(settings.kafka) if publish is None else publish
    if not (http or views or publishing):
        raise BadUsage(
            "expected something to run, came --no-http, --no-views and nothing to publish"
        )
    address = Address(
        _checked(host) or settings.http_host,
        settings.http_port if port is None else port,
        cert,
        key,
    )
    stopped = told_to_stop()
    send_the_last = send_traces()
    with opened(current=False, begin=True) as bahi:
        log = log_to()

        def listening(at: str) -> None:
            say(f"listening on {at}; Ctrl-C stops")
            if not address.is_local and cert is None:
                say("warning: others can call this, and nothing is encrypted; see --cert and --key")
            if try_:
                out.print("\n".join(lines(bahi, at)), soft_wrap=True, markup=False, highlight=False)

        server = Server(bahi, log, address if http else None, views, publishing)
        server.run(stopped, listening)
    send_the_last()


def _checked(host: str | None) -> str:
    """Where somebody wants to listen, by the rule of the setting; nothing if they do not say."""
    return "" if host is None else read_settings(http_host=host).http_host

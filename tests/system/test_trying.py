"""`make serve`: the three calls that it prints work as they are printed."""

import shlex
import signal
import subprocess

import httpx
import pytest

from tests.api.doors import clean
from tests.system import told
from tests.system.cli import BAHI


def _called(line: str) -> httpx.Response:
    """What a line of curl asks for, asked for."""
    words = shlex.split(line)
    assert words[:2] == ["curl", "-sS"]
    heads, body, url = {}, None, words[-1]
    for option, given in zip(words[2:-1:2], words[3:-1:2], strict=True):
        if option == "-d":
            body = given.encode()
        else:
            assert option == "-H"
            name, _, value = given.partition(": ")
            heads[name] = value
    return httpx.request("GET" if body is None else "POST", url, headers=heads, content=body)


def test_what_it_prints_works(tmp_path_factory: pytest.TempPathFactory) -> None:
    demo = told.copied(tmp_path_factory, "trying")
    server = subprocess.Popen(
        [BAHI, "serve", "--try", "--port", "0"],
        env={**clean(), "BAHI_HOME": str(demo.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        written, customer, pipeline = (_called(server.stdout.readline()) for _ in range(3))
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
    assert written.status_code == 201
    assert customer.json()["views"]["customer_360"]
    assert pipeline.json()["rows"]

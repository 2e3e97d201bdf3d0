"""What writes clients from a contract: openapi-python-client, apart from our own libraries, of which it wants older ones."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from tests.servers.cache import kept
from tests.servers.process import ServerError

_LOCK = Path(__file__).parent / "generator.lock"
_AS = {
    "application/x-ndjson": "application/octet-stream",
    "application/cloudevents+json": "application/json",
    "application/problem+json": "application/json",
    "text/event-stream": "text/plain",
}
"""Media types as which it takes those that it has not heard of."""
_LEFT_OUT = "application/cloudevents-batch+json"
"""Of two bodies of one route that are lists it writes code that does not run."""


def fetch_generator() -> Path:
    """Return a folder with it and all that it wants, fetched once for what the lock names."""

    def fetch(into: Path) -> None:
        _run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
             "--no-compile", "--require-hashes", "--target", str(into), "-r", str(_LOCK))  # fmt: skip

    version = f"{sys.version_info.major}{sys.version_info.minor}"
    return kept(f"generator-{version}-{sha256(_LOCK.read_bytes()).hexdigest()[:12]}", fetch)


def write_client(contract: Path, folder: Path) -> str:
    """Write a client of a contract as the package ``written`` into a folder, and return what to set
    ``PYTHONPATH`` to. What it cannot write of the contract is an error.
    """
    tools = str(fetch_generator())
    known = json.loads(contract.read_bytes())
    for methods in known["paths"].values():
        for operation in methods.values():
            operation.get("requestBody", {}).get("content", {}).pop(_LEFT_OUT, None)
    contract = folder / "known.json"
    contract.write_text(json.dumps(known))
    config = folder / "generator.json"
    config.write_text(json.dumps({"content_type_overrides": _AS}))
    _run("-m", "openapi_python_client", "generate", "--path", str(contract), "--config", str(config),
         "--output-path", str(folder / "written"), "--meta", "none", "--fail-on-warning",
         PYTHONPATH=tools, PATH=os.pathsep.join([f"{tools}/bin", os.environ["PATH"]]))  # fmt: skip
    return os.pathsep.join([str(folder), tools])


def _run(*arguments: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerError(f"{' '.join(arguments[:3])}:\n{done.stdout}{done.stderr}")
    return done.stdout

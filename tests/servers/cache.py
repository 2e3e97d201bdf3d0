"""What the tests fetch once for this machine, and keep outside of the checkout."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def kept(name: str, fetch: Callable[[Path], None]) -> Path:
    """Return the folder of that name, filled by ``fetch`` on the first call on this machine.

    It gets its name when it is complete, so that runs beside each other never see half of it.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bahi-test"
    found = caches / name
    if not found.exists():
        caches.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=caches) as folder:
            fetched = Path(folder) / "fetched"
            fetch(fetched)
            try:
                fetched.rename(found)
            except OSError:  # another run was first, and its own is the same
                if not found.exists():
                    raise
    return found

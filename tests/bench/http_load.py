"""Callers over HTTP, in a process of their own: as light as can be, since they share the machine with what they call.

    python -m tests.bench.http_load PORT CONNECTIONS < requests

Reads requests as they go over the wire, each after its length in a line; says `ready`, waits for a line, sends them
by so many connections, each waiting for its answer, and says in JSON how long they took.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque

_HOST = "127.0.0.1"


async def main(port: int, connections: int) -> None:
    """Send what stdin has."""
    pending = deque(_requests())
    streams = [await asyncio.open_connection(_HOST, port, limit=2**22) for _ in range(connections)]
    print("ready", flush=True)
    sys.stdin.buffer.readline()
    taken: list[float] = []
    statuses: Counter[int] = Counter()

    async def caller(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while pending:
            request = pending.popleft()
            begun = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            at = head.index(b"content-length: ") + 16
            await reader.readexactly(int(head[at : head.index(b"\r", at)]))
            taken.append(time.perf_counter() - begun)
            statuses[int(head[9:12])] += 1

    begun = time.perf_counter()
    await asyncio.gather(*(caller(*stream) for stream in streams))
    seconds = time.perf_counter() - begun
    taken.sort()
    found = {
        "seconds": seconds,
        "statuses": statuses,
        "p50_ms": 1_000 * taken[len(taken) // 2],
        "p99_ms": 1_000 * taken[len(taken) * 99 // 100],
    }
    print(json.dumps(found), flush=True)


def _requests() -> list[bytes]:
    """Up to a line with 0; what follows is for later."""
    found = []
    while length := int(sys.stdin.buffer.readline()):
        found.append(sys.stdin.buffer.read(length))
    return found


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))

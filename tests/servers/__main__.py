"""Say which servers the tests will use, and fetch what they need, before the clock of any test runs."""

import os
import sys

from tests.servers.generator import fetch_generator
from tests.servers.kafka import fetch_jars, find_java
from tests.servers.node import fetch_modules, find_node
from tests.servers.postgres import find_programs
from tests.servers.process import ServerError


def main() -> int:
    try:
        postgres = os.environ.get("BAHI_TEST_POSTGRES") or find_programs()
        kafka = os.environ.get("BAHI_TEST_KAFKA") or f"{fetch_jars()}, run by {find_java()}"
        node = f"{find_node()}, with {fetch_modules()}"
        fetch_generator()
    except ServerError as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"PostgreSQL for the tests: {postgres}\nKafka for the tests: {kafka}")
    print(f"Node for the tests: {node}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

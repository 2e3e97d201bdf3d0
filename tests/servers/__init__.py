"""Real PostgreSQL and Kafka for tests, on free ports of 127.0.0.1, gone when the test run is; and a Node for clients.

``with Postgres() as server:`` gives a test a server of its own, to kill and restart; the fixtures ``postgres_url`` and
``kafka_bootstrap`` give it the one that the whole run shares.
"""

from tests.servers.kafka import Kafka
from tests.servers.postgres import Postgres
from tests.servers.process import MissingServerError, ServerError

__all__ = ["Kafka", "MissingServerError", "Postgres", "ServerError"]

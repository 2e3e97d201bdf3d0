"""A broker that asks who one is and shows who it is: listeners with SASL, with TLS, and with both."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from tests.servers.kafka import Kafka
from tests.servers.process import free_port

USER, PASSWORD = "bahi", "s3cret-of-the-broker"
HOST = "localhost"
"""The one name in the broker's certificate; it answers to 127.0.0.1 as well."""

_NAMES = ("SASL_SSL", "SASL_PLAINTEXT", "SSL")


@dataclass(frozen=True)
class Guarded:
    """Where it listens, by kind of listener, and who has vouched for it."""

    ports: dict[str, int]
    ca: Path

    def at(self, listener: str, host: str = HOST) -> str:
        return f"{host}:{self.ports[listener]}"


@contextmanager
def guarded(folder: Path) -> Iterator[Guarded]:
    """The broker, with one user; its certificates are made in the folder."""
    authority = Authority(folder, "ca")
    ports = {name: free_port() for name in _NAMES}
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    advertised = ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
    settings = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(authority.signed(HOST)),
        "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
    }
    for name in ("sasl_ssl", "sasl_plaintext"):
        module = "org.apache.kafka.common.security"
        settings |= {
            f"listener.name.{name}.{kind}.sasl.jaas.config": f"{module}.{login} required{said};"
            for kind, login, said in (
                ("scram-sha-256", "scram.ScramLoginModule", ""),
                ("scram-sha-512", "scram.ScramLoginModule", ""),
                ("plain", "plain.PlainLoginModule", f' user_{USER}="{PASSWORD}"'),
            )
        }
    broker = Kafka(settings)
    for name, more in {
        "listeners": listeners,
        "advertised.listeners": advertised,
        "listener.security.protocol.map": ",".join(f"{one}:{one}" for one in _NAMES),
    }.items():
        broker._properties[name] += f",{more}"
    with broker:
        _register(broker.bootstrap)
        yield Guarded(ports, authority.file)


def _register(bootstrap: str) -> None:
    wanted = [
        UserScramCredentialUpsertion(USER, mechanism, PASSWORD)
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
    ]
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        for one in wanted:  # one user, one change at a time
            assert admin.alter_user_scram_credentials([one]) == {USER: None}


class Authority:
    """Whoever vouches for brokers; the certificate by which one knows them is in `file`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        ours = self._certificate(self._name, self._key)
        self._known_by = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        whole = ours.add_extension(constraints, critical=True)
        whole = whole.add_extension(self._known_by, critical=False)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._in_pem(whole))

    def signed(self, host: str) -> Path:
        """A key and a certificate for that name alone, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._known_by)
        whole = self._certificate(_named(host), key)
        whole = whole.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        whole = whole.add_extension(issuer, critical=False)
        file = self._folder / f"{host}.pem"
        file.write_bytes(_pkcs8(key) + self._in_pem(whole))
        return file

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=1),
            not_valid_after=now + timedelta(days=1),
        )

    def _in_pem(self, whole: x509.CertificateBuilder) -> bytes:
        return whole.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pkcs8(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

"""Who may write under a transactional id: whoever asked the brokers for it last.

Each who asks gets a higher epoch, and all before are fenced. Whoever had it and lost their connection is to go
on if nobody asked since, and to end if anybody did, even if those have said nothing yet; and the client's own
`init_transactions` takes it from anybody. So who goes on names the epoch that they had, and gets the next only
if that is still the last. The brokers also count on by themselves, when they end a transaction that was open
for too long: that is no other publisher, and the id is asked for as they left it.

Source: KIP-360 and KIP-664 of Apache Kafka: InitProducerId from version 4 on, DescribeTransactions (Kafka 3.0).
"""

from contextlib import closing
from enum import Enum, auto
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import TransactionState as Stands
from kafka.errors import (
    InvalidProducerEpochError,
    KafkaTimeoutError,
    ProducerFencedError,
    TransactionalIdNotFoundError,
    for_code,
)
from kafka.producer.transaction_manager import (
    InitProducerIdHandler,
    ProducerIdAndEpoch,
    TransactionState,
)

from streams.kafka.address import Kafka

_ENDED = frozenset({Stands.PREPARE_EPOCH_FENCE, Stands.PREPARE_ABORT, Stands.COMPLETE_ABORT})


class TakenOver(Exception):
    """Another has asked for the id since."""


class Epoch(NamedTuple):
    """Which of all who ever had an id one is."""

    producer: int
    number: int


class _Found(Enum):
    """Who had the id last, as far as the brokers tell."""

    OURS = auto()
    ENDED = auto()
    """It was ours, and they have ended a transaction of ours since."""
    ASKED = auto()
    """Somebody asked for it and has written nothing: we, if no answer came, or another."""
    ANOTHERS = auto()


class Hold:
    """A transactional id as one publisher has it: by a first producer, and by all that come after errors."""

    def __init__(self, kafka: Kafka, transactional_id: str) -> None:
        self._kafka = kafka
        self.transactional_id = transactional_id
        self._epoch: Epoch | None = None

    @property
    def begun(self) -> bool:
        """Whether it ever was ours."""
        return self._epoch is not None

    def take(self, producer: KafkaProducer) -> None:
        """Have it for a new producer: the first time from whoever has it, later if it is still ours.

        Raises `TakenOver`, and `KafkaError`: then it is to be tried again, with another producer.
        """
        if self._epoch is None:
            producer.init_transactions()
        else:
            found = self._look(self._epoch)
            if found is _Found.ANOTHERS:
                raise TakenOver
            if found is _Found.ENDED:
                self._epoch = _next(self._epoch)
            try:
                _go_on(producer, self._epoch)
            except ProducerFencedError:
                if found is _Found.ASKED:
                    raise TakenOver from None
                raise
        self.keep(producer)

    def keep(self, producer: KafkaProducer) -> None:
        """Remember which epoch a producer has: the client may have asked for another by itself."""
        has = producer._transaction_manager.producer_id_and_epoch  # noqa: SLF001 - it tells nowhere else
        if has.is_valid:
            self._epoch = Epoch(has.producer_id, has.epoch)

    def _look(self, ours: Epoch) -> _Found:
        """Whether anybody asked for it after us. To ask for it before looking would end what another writes."""
        with closing(KafkaAdminClient(**self._kafka.arguments)) as admin:
            try:
                told = admin.describe_transactions([self.transactional_id])[self.transactional_id]
            except TransactionalIdNotFoundError:  # forgotten, for want of use
                return _Found.OURS
        last = Epoch(told.producer_id, told.producer_epoch)
        if last == ours:
            return _Found.OURS
        if last == _next(ours) and told.state in _ENDED:
            return _Found.ENDED
        if last == _next(ours) and told.state is Stands.EMPTY:
            return _Found.ASKED
        return _Found.ANOTHERS


class _GoingOn(InitProducerIdHandler):  # type: ignore[misc]
    """Asks for the epoch after one's own, and takes no for an answer; the client's then asks for any."""

    def handle_response(self, response: Any) -> None:
        if for_code(response.error_code) is InvalidProducerEpochError:
            self.fatal_error(ProducerFencedError())
        else:
            super().handle_response(response)


def _next(epoch: Epoch) -> Epoch:
    return Epoch(epoch.producer, epoch.number + 1)


def _go_on(producer: KafkaProducer, ours: Epoch) -> None:
    """`init_transactions`, unless anybody else did since; to ask again, if no answer came, does no harm.

    The client asks so when it mends a producer by itself, and cannot be told to.
    """
    manager = producer._transaction_manager  # noqa: SLF001
    with manager._lock:  # noqa: SLF001
        manager._transition_to(TransactionState.INITIALIZING)  # noqa: SLF001
        manager.set_producer_id_and_epoch(ProducerIdAndEpoch(*ours))
        asking = _GoingOn(manager, manager.transaction_timeout_ms, is_epoch_bump=True)
        manager._enqueue_request(asking)  # noqa: SLF001
    producer._sender.wakeup()  # noqa: SLF001
    if not asking.result.wait(producer.config["max_block_ms"]):
        raise KafkaTimeoutError("the brokers did not say whether another publisher has taken over")

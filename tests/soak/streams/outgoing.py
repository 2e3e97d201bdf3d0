"""Rounds of publishing: a shop goes out, each event once, whoever publishes it and whatever becomes of them."""

from pathlib import Path

from tests.soak.crew import Member
from tests.soak.streams import published
from tests.soak.streams.broker import Broker
from tests.soak.streams.rounds import Fault, Round, Stage, staged


def publishing_round(seed: int, folder: Path, broker: Broker, faults: int) -> Round:
    """A shop is published by one or two who are killed, held and fenced, over a broker that goes away."""
    with staged(Round(seed, "publishing"), folder, broker) as stage:
        crew = _Crew(stage)
        stage.demand([stage.start("begin", "begin")], "it did not begin a ledger")
        stage.start("shop", "shop")
        written = stage.tend_until(lambda: stage.noted("shop") > 0, crew.somebody_publishes)
        if not written:
            stage.result.wrong.append("nothing was written")
        light: list[Fault] = [crew.kill, crew.kill, crew.kill, crew.hold, crew.rival, crew.zombie]
        stage.suffer(faults, light, stage.broker_faults(), crew.somebody_publishes)
        stage.finish("shop", "publish")
        stage.run("publish_all")
        result = stage.result
        notes = [path.read_text() for path in folder.glob("publish*.notes")]
        result.done["fenced"] += sum(text.count('"fenced"') for text in notes)
        ledger = published.opened(stage.store, broker.bootstrap, stage.prefix)
        result.events = len(ledger.rows)
        result.records = sum(len(topic.records) for topic in ledger.topics.values())
        result.wrong += published.audit(ledger)
        if result.wrong:
            published.keep(ledger, folder / "topics.txt")
    return result


class _Crew:
    """Those who publish, and what is done to them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chance = stage.chance

    def somebody_publishes(self) -> None:
        """Have one publish where nobody does, as whoever looks after it would."""
        if not self._at_work():
            self._start()

    def kill(self) -> None:
        one = self._chance.choice(self._at_work() or self._stage.of("shop"))
        self._stage.crew.kill(one, self._chance.uniform(0, 1))

    def hold(self) -> None:
        if there := self._at_work():
            self._stage.crew.hold(self._chance.choice(there), self._chance.uniform(0.2, 3))

    def rival(self) -> None:
        """Have another publish, who fences whoever does."""
        self._start()
        self._stage.result.done["rivals"] += 1

    def zombie(self) -> None:
        """Have another take over from one who stands still, and goes on later."""
        self.hold()
        self.rival()

    def _at_work(self) -> list[Member]:
        return [one for one in self._stage.of("publish") if not one.ended]

    def _start(self) -> None:
        self._stage.start("publish", f"publish{len(self._stage.of('publish'))}")

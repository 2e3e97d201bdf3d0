"""What a desk must do with deals, tickets and pipelines, in plain words: dicts and ifs, nothing of ours.

Numbers stand for everything: moments are whole numbers, positions too; persons and things are names.
Each command is answered with ("appended", position), ("duplicate", position) or ("refused", why),
where why is the field that is wrong, or the kind of what nobody has heard of.
"""

from dataclasses import dataclass, field, replace
from typing import Any

Answer = tuple[str, int | str]


@dataclass(frozen=True)
class Asked:
    """One command; `door` if it came as an event that no rule guards."""

    message_id: str
    verb: str  # such as deal.moved
    thing: str  # a deal's or ticket's number, or a pipeline's name
    at: int
    who: str | None = None
    said: tuple[tuple[str, Any], ...] = ()
    door: bool = False

    def get(self, name: str) -> Any:
        return dict(self.said).get(name)


@dataclass
class Standing:
    """How a thing stands, as the latest events have it."""

    state: str = "nothing"
    pipeline: str = ""
    stage: str = ""
    currency: str | None = None
    contact: str | None = None
    last: int | None = None


@dataclass
class DeskModel:
    events: list[Asked] = field(default_factory=list)  # position 1 is index 0

    def standing(self, kind: str, thing: str) -> Standing:
        """Replay the thing's events: by moment, and of two at once the later position later."""
        stands = Standing()
        for event in sorted(self.events, key=lambda event: event.at):  # stable
            if not event.verb.startswith(f"{kind}.") or event.thing != thing:
                continue
            stands.last = event.at
            stands.contact = event.who or stands.contact
            word = event.verb.split(".")[1]
            if word in {"opened", "reopened"}:
                stands.state = "open"
            elif word in {"won", "lost", "resolved", "closed"}:
                stands.state = word
            if kind == "deal":
                stands.pipeline = event.get("pipeline") or stands.pipeline
                stands.stage = event.get("stage") or stands.stage
                stands.currency = event.get("currency") or stands.currency
        return stands

    def stages(self, pipeline: str, at: int) -> tuple[str, ...] | None:
        """Stages as the last definition by then has them."""
        laid = [e for e in self.events if e.verb == "pipeline.defined" and e.thing == pipeline]
        by_then = [e for e in sorted(laid, key=lambda event: event.at) if e.at <= at]
        return by_then[-1].get("stages") if by_then else None

    def carry_out(self, asked: Asked) -> Answer:
        for position, event in enumerate(self.events, 1):
            if event.message_id == asked.message_id:
                same = (event.verb, event.thing, event.at, event.said) == (
                    asked.verb, asked.thing, asked.at, asked.said,
                )  # fmt: skip
                return ("duplicate", position) if same else ("refused", "id")
        why = None if asked.door else self.against(asked)
        if why is not None:
            return ("refused", why)
        kind = asked.verb.split(".")[0]
        whose = None if asked.door else self.standing(kind, asked.thing).contact
        self.events.append(replace(asked, who=asked.who or whose))
        return ("appended", len(self.events))

    def against(self, asked: Asked) -> str | None:
        if asked.verb == "pipeline.defined":
            laid = [e.at for e in self.events if (e.verb, e.thing) == (asked.verb, asked.thing)]
            return "occurred_at" if laid and asked.at < max(laid) else None
        kind, word = asked.verb.split(".")
        if word != "opened":
            if asked.who is not None and asked.who not in {e.who for e in self.events}:
                return "customer"
            if asked.thing not in {e.thing for e in self.events if e.verb.startswith(f"{kind}.")}:
                return kind
        now = self.standing(kind, asked.thing)
        if now.last is not None and asked.at < now.last:
            return "occurred_at"
        return self.against_deal(word, asked, now) if kind == "deal" else self.ticket(word, now)

    def against_deal(self, word: str, asked: Asked, now: Standing) -> str | None:
        if word == "opened":
            fits = now.state == "nothing"
        elif word == "reopened":
            fits = now.state in {"won", "lost"}
        else:
            fits = now.state == "open"
        if not fits:
            return "deal"
        if word == "amount_changed" and now.currency not in {None, asked.get("currency")}:
            return "currency"
        if word in {"opened", "moved", "reopened"}:
            pipeline = asked.get("pipeline") or now.pipeline
            if not pipeline:
                return "deal"  # it came through a door, which never told of its opening
            stages = self.stages(pipeline, asked.at)
            if stages is None:
                return "pipeline"
            stays = word == "moved" and asked.get("stage") == now.stage
            if asked.get("stage") not in stages or stays:
                return "stage"
        return None

    def ticket(self, word: str, now: Standing) -> str | None:
        """Closed is the end of it; a resolved one may be talked about, closed or taken up again."""
        if now.state == "nothing":
            return None if word == "opened" else "ticket"
        if now.state == "open":
            return "ticket" if word in {"opened", "reopened"} else None
        if now.state == "resolved":
            return None if word in {"replied", "reopened", "closed"} else "ticket"
        return "ticket"

"""What people are shown when they are asked, and what they answer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from api.demo.world import LAST_MOMENT, Pen, Person, people
from commands.touchpoint import Touchpoint

PURPOSE = "marketing/newsletter"
_NOTICE = "newsletter"
_SECOND = datetime(2026, 1, 20, tzinfo=UTC)
"""Since when the second version of the notice is shown."""

_TEXTS = {
    "en": "May we write to you about our papers, about once a month? You can say no at any time.",
    "de": "Dürfen wir Ihnen etwa einmal im Monat über unsere Papiere schreiben? Sie können jederzeit Nein sagen.",
    "hi": "क्या हम महीने में लगभग एक बार आपको अपने काग़ज़ के बारे में लिख सकते हैं? आप कभी भी मना कर सकते हैं।",
    "ml": "മാസത്തിലൊരിക്കൽ ഞങ്ങളുടെ കടലാസിനെക്കുറിച്ച് എഴുതട്ടെയോ? എപ്പോൾ വേണമെങ്കിലും വേണ്ടെന്നു പറയാം.",
    "gu": "શું અમે તમને મહિને એકાદ વાર અમારા કાગળ વિશે લખી શકીએ? તમે ગમે ત્યારે ના કહી શકો છો.",
    "ja": "月に一度ほど、紙についてお便りを差し上げてもよろしいですか。いつでもお断りいただけます。",
    "pt": "Podemos escrever sobre nossos papéis cerca de uma vez por mês? Você pode dizer não quando quiser.",
    "es": "¿Podemos escribirle sobre nuestros papeles una vez al mes? Puede decir que no cuando quiera.",
}
_CHANGED = {
    "en": " New: we also tell you about workshops near you.",
    "de": " Neu: auch über Kurse in Ihrer Nähe.",
}


def notices() -> Iterator[Touchpoint]:
    """The same text in each language, and a year later another one."""
    pen = Pen("notices")
    for version, at in (("1", datetime(2025, 1, 1, tzinfo=UTC)), ("2", _SECOND)):
        for language, text in _TEXTS.items():
            changed = _CHANGED.get(language, "") if version == "2" else ""
            yield pen.write(
                "notice.published",
                at,
                notice=_NOTICE,
                notice_version=version,
                language=language,
                text=text + changed,
            )


def answers() -> Iterator[Touchpoint]:
    """Asked at the door, confirmed by a link, and by some taken back; a few object to all of it."""
    pen = Pen("consents")
    for person in people():
        chance = person.random("consent")
        if chance.random() > 0.72:
            continue
        asked = person.joined + timedelta(minutes=5)
        shown = _shown(person, asked)
        yield pen.write(
            "consent.requested",
            asked,
            person.mail,
            market=person.market,
            method="double_opt_in",
            **shown,
        )
        answered = asked + timedelta(minutes=chance.uniform(3, 2_000))
        if chance.random() < 0.06:
            yield pen.write(
                "consent.refused",
                answered,
                person.mail,
                market=person.market,
                method="link",
                **shown,
            )
            continue
        if chance.random() < 0.12 or answered > LAST_MOMENT:
            continue
        yield pen.write(
            "consent.given",
            answered,
            person.mail,
            market=person.market,
            method="double_opt_in",
            jurisdiction=person.market,
            valid_until=(answered + timedelta(days=730)).isoformat(),
            **shown,
        )
        yield from _afterwards(pen, person, answered)


def _afterwards(pen: Pen, person: Person, given: datetime) -> Iterator[Touchpoint]:
    chance = person.random("second thoughts")
    later = given + (LAST_MOMENT - given) * chance.random()
    if chance.random() < 0.06:
        yield pen.write(
            "consent.withdrawn",
            later,
            person.mail,
            market=person.market,
            purpose=PURPOSE,
            channel="email",
            method="form",
        )
    elif chance.random() < 0.02:
        yield pen.write(
            "objection.raised",
            later,
            person.mail,
            market=person.market,
            purpose="marketing",
            grounds="—",
        )
        if chance.random() < 0.3 and (lifted := later + timedelta(days=9)) < LAST_MOMENT:
            yield pen.write(
                "objection.lifted",
                lifted,
                person.mail,
                market=person.market,
                purpose="marketing",
            )
    elif given < _SECOND and chance.random() < 0.3:
        asked = max(later, _SECOND + timedelta(days=40 * chance.random()))
        yield pen.write(
            "consent.given",
            asked,
            person.mail,
            market=person.market,
            method="form",
            valid_until=(asked + timedelta(days=730)).isoformat(),
            **_shown(person, asked),
        )


@cache
def _said() -> dict[int, list[tuple[datetime, bool]]]:
    """By person, each answer and whether it was a yes, in order."""
    said: dict[int, list[tuple[datetime, bool]]] = {}
    by_mail = {person.email: person.number for person in people()}
    for touchpoint in answers():
        topic = touchpoint.payload.TOPIC
        if topic != "consent.requested":
            number = by_mail[touchpoint.identifiers[0].value]
            yes = topic in {"consent.given", "objection.lifted"}
            said.setdefault(number, []).append((touchpoint.occurred_at, yes))
    return {number: sorted(given) for number, given in said.items()}


def allows(person: Person, at: datetime) -> bool:
    """Whether the newsletter may go to somebody at that moment, by what they have answered."""
    answers_then = [yes for moment, yes in _said().get(person.number, ()) if moment <= at]
    return bool(answers_then) and answers_then[-1]


def _shown(person: Person, at: datetime) -> dict[str, Any]:
    return {
        "purpose": PURPOSE,
        "channel": "email",
        "notice": _NOTICE,
        "notice_version": "2" if at >= _SECOND else "1",
        "language": person.language.partition("-")[0],
    }

"""Made people: names, addresses and messages in six scripts, and files in which they come."""

import csv
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzäéîñøßčőž",
    "कखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहऩऱऴ",
    "കഖഗഘങചഛജഝഞടഠഡഢണതഥദധനപഫബഭമയരലവശഷസഹ",
    "あいうえおがぎぐげごばびぶべぼアイウガギグ山川田中木村林森池石",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوي",
]


@dataclass(frozen=True)
class Person:
    """Somebody who is nobody; each text of theirs is random and long enough to be no other's."""

    name: str
    mail: str
    phone: str
    address: str
    user: str
    order: str
    subject: str
    message: str
    note: str

    def texts(self) -> Sequence[str]:
        return [*self.__dict__.values()]


def made(count: int, seed: int) -> list[Person]:
    random_ = random.Random(seed)

    def word(alphabet: str, length: int) -> str:
        return "".join(random_.choices(alphabet, k=length))

    def ascii_word(length: int) -> str:
        return word(ALPHABETS[0][:26], length)

    people = []
    for number in range(count):
        script = ALPHABETS[number % len(ALPHABETS)]
        digits = word("0123456789", 9)
        people.append(
            Person(
                name=f"{word(script, 9)} {word(script, 11)}",
                mail=f"{ascii_word(14)}@{ascii_word(10)}.example.com",
                phone=f"+91 9{digits[:4]} {digits[4:]}",
                address=f"{word(script, 12)}, {word(script, 9)}",
                user=ascii_word(16),
                order=ascii_word(16),
                subject=f"{word(script, 10)} {word(script, 10)}",
                message=" ".join(word(script, 10) for _ in range(30)),
                note=f"{word(script, 14)}!",
            )
        )
    return people


PROFILES = """
source = "crm"
[event]
type = "customer.identified"
occurred_at = "when"
message_id = ["user"]
[identifiers]
user = "user"
email = "mail"
phone = "phone"
[fields]
name = "name"
email = "mail"
phone = "phone"
address = "address"
"""
MAILS = """
source = "mailer"
[event]
type = "email.sent"
occurred_at = "when"
message_id = ["mail"]
[identifiers]
email = "mail"
[tags]
campaign = { value = "spring" }
[fields]
subject = "subject"
message = "message"
"""
ORDERS = """
source = "shop"
[event]
type = "order.placed"
occurred_at = "when"
message_id = ["order"]
[identifiers]
phone = "phone"
[references]
order = "order"
[fields]
amount_minor = { column = "total", money = { currency = "EUR" } }
currency = { value = "EUR" }
note = "note"
address = "address"
"""

WHEN = "2026-01-02T03:04:05Z"
BROKEN = 40
"""Every so many rows one has no time, an identifier of no shape or money that is none."""


def write(folder: Path, people: Sequence[Person]) -> list[tuple[Path, Path]]:
    """Write the files of profiles, mails and orders; each with its mapping."""
    folder.mkdir(parents=True)
    tables = {
        "profiles.csv": (PROFILES, _rows(people, ("user", "mail", "phone", "name", "address"))),
        "mails.csv": (MAILS, _rows(people, ("mail", "subject", "message"))),
        "orders.jsonl": (ORDERS, _rows(people, ("phone", "order", "note", "address"))),
    }
    written = []
    for name, (mapping, rows) in tables.items():
        path = folder / name
        with path.open("w", encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                lines = list(rows)
                table = csv.DictWriter(file, list(lines[0]))
                table.writeheader()
                table.writerows(lines)
            else:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.with_suffix(".toml").write_text(mapping)
        written.append((path, path.with_suffix(".toml")))
    return written


def _rows(people: Sequence[Person], columns: Sequence[str]) -> Iterator[dict[str, str]]:
    for number, person in enumerate(people):
        row = {"when": WHEN, "total": "12.50", **{name: getattr(person, name) for name in columns}}
        if number % BROKEN == 0:
            row["when"] = f"when {person.name} came"
        elif number % BROKEN == 1 and "mail" in row:
            row["mail"] = f"{person.mail} {person.name}"
        elif number % BROKEN == 1:
            row["total"] = person.note
        yield row

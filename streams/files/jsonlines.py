"""JSON Lines: one object a line."""

from collections.abc import Iterator
from typing import IO

from ledger.errors import BadField, Refused, TooLarge
from streams.files.lines import Lines
from streams.files.rows import Record, parse_object


class JsonLines:
    """The rows of JSON Lines. It has no columns of its own: each object brings its keys."""

    columns = None

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._lines = Lines(stream)
        self._encoding = encoding

    def __iter__(self) -> Iterator[Record]:
        while (line := self._lines.next()) is not None:
            number, content = line
            if isinstance(content, TooLarge):
                yield Record(number, {}, b"", content)
                continue
            written = content.strip()
            if not written:
                continue
            try:
                yield Record(number, parse_object(written.decode(self._encoding)), written)
            except UnicodeDecodeError as error:
                where = f"another byte at {error.start + 1:,}"
                refusal = BadField("row", f"text in {self._encoding}", where)
                yield Record(number, {}, written, refusal)
            except Refused as refusal:
                yield Record(number, {}, written, refusal)

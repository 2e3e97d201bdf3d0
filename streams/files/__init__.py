"""Files read into touchpoints: CSV, JSON Lines and Parquet, plain or gzip'd, by a mapping in TOML.

`read_file` gives a `Row` for each row of a file, good or bad; `raw_of` and `touchpoint_of` try a
dead letter again; `draft_mapping` proposes a mapping for a file that has none.
"""

from streams.files.draft import draft_mapping
from streams.files.loading import load_mapping, parse_mapping
from streams.files.mapping import Mapping
from streams.files.reader import BY_PLACE, read_file
from streams.files.rows import MAX_ROW_BYTES, Raw, Row, raw_of
from streams.files.source import Progress
from streams.files.touchpoints import touchpoint_of

__all__ = [
    "BY_PLACE",
    "MAX_ROW_BYTES",
    "Mapping",
    "Progress",
    "Raw",
    "Row",
    "draft_mapping",
    "load_mapping",
    "parse_mapping",
    "raw_of",
    "read_file",
    "touchpoint_of",
]

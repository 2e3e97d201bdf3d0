"""What `kcat` does, for a machine that has none: as much of its command line as our pages use, on the same library.

An option that is not known here is an error, so a page cannot come to use more unnoticed.
"""

import sys
from getopt import getopt
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition


def main(given: list[str]) -> None:
    """Print every record of a topic up to its end."""
    options, rest = getopt(given, "Cb:t:X:o:eqf:")
    said = dict(options)
    assert not rest
    assert {"-C", "-e", "-q"} <= {*said}
    assert said["-o"] == "beginning"
    properties = dict(value.split("=", 1) for name, value in options if name == "-X")
    consumer = Consumer(
        {
            "bootstrap.servers": said["-b"],
            "group.id": "kcat",
            "enable.partition.eof": True,
            **properties,
        }
    )
    parts = consumer.list_topics(said["-t"]).topics[said["-t"]].partitions
    consumer.assign([TopicPartition(said["-t"], part, OFFSET_BEGINNING) for part in parts])
    going = {*parts}
    while going:
        record = consumer.poll(1.0)
        if record is None:
            continue
        if error := record.error():
            assert error.code() == KafkaError._PARTITION_EOF
            going.remove(record.partition())
            continue
        pairs: Any = record.headers() or []
        headers = ",".join(f"{name}={value.decode()}" for name, value in pairs)
        key = record.key() or b""
        line = said["-f"].replace("%k", key.decode()).replace("%h", headers)
        sys.stdout.write(line.replace("\\n", "\n"))
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1:])

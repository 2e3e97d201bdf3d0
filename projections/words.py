"""What a measure says, in words."""

from projections.definition import Aggregate, Measure

_WORDS = {
    Aggregate.COUNT: "how many have {0}",
    Aggregate.SUM: "the sum of {0}",
    Aggregate.MIN: "the least {0}",
    Aggregate.MAX: "the greatest {0}",
    Aggregate.ARG_MIN: "the earliest {0}",
    Aggregate.ARG_MAX: "the latest {0}",
    Aggregate.BOOL_OR: "whether {0} was ever true",
    Aggregate.BOOL_AND: "whether {0} was always true",
}


def in_words(measure: Measure) -> str:
    """One line about a column, for people."""
    words = "how many" if measure.sql == "*" else _WORDS[measure.aggregate].format(measure.sql)
    return f"{words}, where {measure.filter}" if measure.filter else words

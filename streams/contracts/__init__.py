"""What others may rely on, as files: AsyncAPI for the topics, and a JSON Schema for each value on them."""

from streams.contracts.adding import changes
from streams.contracts.files import ASYNCAPI, Contracts, as_text, broken, contracts, held_by, write

__all__ = ["ASYNCAPI", "Contracts", "as_text", "broken", "changes", "contracts", "held_by", "write"]

"""Archives of what is kept about one person: for them to read, and to take with them."""

from api.archive.writing import Wanted, Written, export

__all__ = ["Wanted", "Written", "export"]

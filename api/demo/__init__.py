"""The demo's company: eighteen made-up months of a maker of notebooks, from a fixed seed."""

from api.demo.consents import PURPOSE
from api.demo.story import Told, tell
from api.demo.world import LAST_MOMENT, READER, STAR

__all__ = ["LAST_MOMENT", "PURPOSE", "READER", "STAR", "Told", "tell"]

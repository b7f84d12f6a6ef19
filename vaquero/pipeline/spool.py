"""The spool for people: list it, send it now, send what was refused, clear it.

Behind ``vaquero spool``; nothing here is called by a running pipeline.
"""

from vaquero.pipeline.inventory import Entry, State, clear, inventory, total_bytes
from vaquero.pipeline.rescue import Outcome, drain, resend

__all__ = [
    "Entry",
    "Outcome",
    "State",
    "clear",
    "drain",
    "inventory",
    "resend",
    "total_bytes",
]

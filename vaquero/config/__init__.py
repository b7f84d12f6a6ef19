"""Settings: one table, each value with the place it came from.

An argument wins over the environment, the environment over ``[tool.vaquero]`` of the folder that
the program was started in, and that over the default. A value that cannot be used is said once and
passed over: the next place is asked, and nothing else is lost.
"""

from vaquero.config.load import Settings, Value, load
from vaquero.config.table import SETTINGS, Setting

__all__ = ["SETTINGS", "Setting", "Settings", "Value", "load"]

"""Settings: one table, each value with its source.

An argument wins over the environment, the environment over ``[tool.vaquero]`` of the folder that
the program was started in, and that over the default. An invalid value is logged once, with its
source and what is valid. The next source is used; other settings are not affected.
"""

from vaquero.config.load import Settings, Value, load
from vaquero.config.table import SETTINGS, Setting

__all__ = ["SETTINGS", "Setting", "Settings", "Value", "load"]

"""The version of the distribution, in one place for code that must not import anything."""

__version__ = "0.1.0"

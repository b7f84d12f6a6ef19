"""The errors of vaquero, and how they are related.

::

    VaqueroError
    ├── SettingsError (ValueError)     the value of a setting is invalid
    └── MissingPartError (ImportError) an optional part is not installed

None of them is raised into an application by the facade: they are raised by the command line and
by functions whose purpose is to check, and turned into one log line everywhere else.
"""

from __future__ import annotations


class VaqueroError(Exception):
    """Base of every error that vaquero defines."""


class SettingsError(VaqueroError, ValueError):
    """The value of a setting is invalid.

    Attributes:
        name: The setting, as its source spells it (``VAQUERO_SPOOL_MAX_BYTES``).
        value: What was read, as text; masked where it may be a secret.
        source: Where it was read (``environment``, ``argument``, ``pyproject.toml``).
        expected: What is valid, as a phrase.
        using: What holds instead; empty where nothing does.
    """

    def __init__(
        self, name: str, value: str, *, source: str, expected: str, using: str = ""
    ) -> None:
        self.name = name
        self.value = value
        self.source = source
        self.expected = expected
        self.using = using
        instead = f"; using {using}" if using else ""
        super().__init__(
            f"{name}={value!r} (from {source}) is invalid; valid: {expected}{instead}."
        )


class MissingPartError(VaqueroError, ImportError):
    """An optional part of vaquero is not installed.

    Attributes:
        part: What is missing, in the user's words (``the viewer``).
        remedy: The command that installs it.
    """

    def __init__(self, part: str, remedy: str) -> None:
        self.part = part
        self.remedy = remedy
        super().__init__(f"{part} is not installed; `{remedy}` installs it.")

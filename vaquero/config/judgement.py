"""What a judge says of a value that can be read: whether it names what can be had.

A kind reads a value by itself; whether a sampler or an exporter of that name is installed only its
builder knows. Builders give their judges to :func:`vaquero.config.load`, so that who builds and who
only shows settings hear the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Fault(NamedTuple):
    """Why a value, or a part of it, is invalid.

    Attributes:
        valid: Valid values, as a phrase.
        using: What holds instead, where no other source has a valid value; empty for the default.
        setting: The setting at fault where it is another one, such as a sampler's argument.
        parts: Keys and indices down to each part at fault, in a value that has parts: a
            declarative file has a line for each.
    """

    valid: str
    using: str = ""
    setting: str = ""
    parts: tuple[tuple[str | int, ...], ...] = ()


class Judgement(NamedTuple):
    """What one value comes to.

    Attributes:
        value: What holds of it; None where nothing does, and the next source is asked.
        made: What was loaded or made by its name, for the build.
        fault: What is invalid; None where nothing is.
    """

    value: Any
    made: Any = None
    fault: Fault | None = None


#: Judges a value, given the settings that are known so far by their names.
Judge = Callable[[Any, Mapping[str, Any]], Judgement]

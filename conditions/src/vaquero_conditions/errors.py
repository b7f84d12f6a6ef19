"""The errors of this distribution: each says what was read, where, and what is valid."""

from __future__ import annotations

_SHOWN = 80


class ConditionError(ValueError):
    """A text is no condition, no quantity or no duration.

    Attributes:
        text: What was read.
        column: Where it is wrong, from 1; never beyond the text's last character.
        problem: What is wrong there, as a phrase.
        valid: What would be valid, as a phrase.
    """

    def __init__(self, text: str, column: int, problem: str, valid: str) -> None:
        self.text = text
        self.column = max(1, min(column, len(text)))
        self.problem = problem
        self.valid = valid
        super().__init__(
            f"{shortened(text)!r} is invalid at column {self.column}: {problem}; valid: {valid}."
        )


def shortened(text: str) -> str:
    """The text, or its beginning where it is long."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def shown(value: object) -> str:
    """The value as Python writes it, or its beginning where that is long; never an error."""
    try:
        return shortened(repr(value))
    except (RecursionError, ValueError):
        # Too deep, or too many digits.
        return f"<{type(value).__name__}>"


class ShapeError(ValueError):
    """A JSON object has not the shape that it should have.

    Attributes:
        field: Where, as a path.
        value: What was read there.
        valid: What would be valid, as a phrase.
    """

    def __init__(self, field: str, value: object, valid: str) -> None:
        self.field = field
        self.value = value
        self.valid = valid
        super().__init__(f"{field}={shown(value)} is invalid; valid: {valid}.")

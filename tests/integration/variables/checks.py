"""Functions that execute a row of the table, by the names of the variables that they are for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., None])


class Checks(dict[str, Callable[..., None]]):
    """One module's functions."""

    def executes(self, *names: str) -> Callable[[F], F]:
        """Register a function for these variables; it is given the world, and the name."""

        def register(check: F) -> F:
            self.update(dict.fromkeys(names, check))
            return check

        return register

    def run(self, key: str, *arguments: Any) -> None:
        """Execute the row; a row without a function is an error."""
        self[key](*arguments)

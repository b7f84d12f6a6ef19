"""The version of this package and of those that come with it."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"

"""``python -m vaquero.cli`` is the command ``vaquero``."""

from __future__ import annotations

import sys

from vaquero.cli import main

if __name__ == "__main__":
    sys.exit(main())

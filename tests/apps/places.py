"""Where the applications find what they talk to."""

from __future__ import annotations

import os
import sys

#: Connection string of PostgreSQL, port of Redis, address of a web server that is not measured.
POSTGRES = os.environ.get("APP_POSTGRES", "")
REDIS_PORT = int(os.environ.get("APP_REDIS_PORT", "0"))
NEIGHBOUR = os.environ.get("APP_NEIGHBOUR", "")


def port() -> int:
    """The port to listen on, from the command line."""
    return int(sys.argv[1])

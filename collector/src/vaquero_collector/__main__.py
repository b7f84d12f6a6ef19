"""`vaquero-collector`: the Collector's own command line, unchanged.

Arguments go to the binary as they are. Without arguments it runs the packaged configuration.
"""

from __future__ import annotations

import os
import subprocess
import sys

from vaquero_collector import addresses, places, plan
from vaquero_collector.addresses import Listener
from vaquero_collector.binary import require_binary
from vaquero_collector.errors import CollectorError


def main() -> int:
    """Become the Collector; returns only where a process cannot become another."""
    arguments = sys.argv[1:]
    try:
        binary = str(require_binary())
        if not arguments:
            _check_own_address()
            arguments = ["--config", str(places.base_config())]
    except CollectorError as error:
        sys.stderr.write(f"vaquero-collector: {error}\n")
        return 1
    if sys.platform == "win32":
        return subprocess.call([binary, *arguments])
    os.execv(binary, [binary, *arguments])


def _check_own_address() -> None:
    url = os.environ.get("VAQUERO_OTLP_ENDPOINT")
    if not url:
        return
    listener = Listener(
        os.environ.get("VAQUERO_COLLECTOR_LISTEN") or "127.0.0.1",
        plan.port(None, os.environ, "HTTP_PORT", plan.DEFAULT_HTTP_PORT),
        plan.port(None, os.environ, "GRPC_PORT", plan.DEFAULT_GRPC_PORT),
    )
    addresses.check_destination(url, "VAQUERO_OTLP_ENDPOINT", listener)


if __name__ == "__main__":
    sys.exit(main())

"""Works until Ctrl-C; needs two of them where it is asked to be stubborn."""

import sys
import time

from spans import work

stubborn = "stubborn" in sys.argv
work("first")
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    if not stubborn:
        work("interrupted")
        raise
    print("again", flush=True)
    time.sleep(60)

"""Plain ``opentelemetry-instrument`` chooses vaquero, unless the user chose.

The launcher loads the modules of the entry point group ``opentelemetry_environment_variables``
before it looks for a distro, so the import of this one is early enough. Where two distributions are
installed upstream takes the first it happens to find.

No name here may begin with ``OTEL_``: the launcher would make a command line flag of it.
"""

from __future__ import annotations

import os
import sys

from vaquero import _environ
from vaquero.cli.run.distro_choice import choose

choose(os.environ, sys.argv[1:])
# Importing vaquero takes out what the SDK cannot be imported with. The launcher does not import it,
# and the program that it becomes logs it.
os.environ.update(_environ.taken)

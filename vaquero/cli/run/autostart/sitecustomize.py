"""Starts vaquero in every Python process below ``vaquero run``.

``vaquero run`` puts this folder first on ``PYTHONPATH``, as upstream's launcher does with its own,
so that reloaders, workers and subprocesses are instrumented too. Other than upstream's it runs the
``sitecustomize`` that it hides, survives an interpreter that has no vaquero, and removes what would
keep the program itself from starting.

The interpreter that runs this may be another one than that of ``vaquero run``: nothing but the
standard library is sure to be there.
"""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def _run_hidden_sitecustomize() -> None:
    """Run the ``sitecustomize`` that the interpreter would have run without this one."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    path = [folder for folder in sys.path if os.path.abspath(folder) != HERE]
    # Upstream's launcher around or inside of vaquero run: one start is enough.
    upstream = os.path.join("opentelemetry", "instrumentation", "auto_instrumentation")
    path = [folder for folder in path if not folder.rstrip(os.sep).endswith(upstream)]
    spec = PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _print_notice(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"vaquero: {text}\n")


def _claim_reporting() -> bool:
    """Whether this is the first process below ``vaquero run``: it reports faults, for all."""
    owner, colon, tally = os.environ.get("VAQUERO_RUN_LINES", "").partition(":")
    if not colon or owner not in ("0", str(os.getpid())):
        return False
    os.environ["VAQUERO_RUN_LINES"] = f"{os.getpid()}:{tally}"
    return True


def _drop_unknown_propagators() -> None:
    """Take out names that the API does not know: its import fails on them, in any program."""
    given = os.environ.get("OTEL_PROPAGATORS", "").strip()
    if not given:
        return
    from importlib.metadata import entry_points

    known = {entry_point.name for entry_point in entry_points(group="opentelemetry_propagator")}
    names = [name.strip() for name in given.split(",")]
    usable = [name for name in names if name in known or name.lower() == "none"]
    if usable == names:
        return
    kept = ",".join(usable) or "tracecontext,baggage"
    os.environ["OTEL_PROPAGATORS"] = kept
    if _claim_reporting():
        _print_notice(
            f"OTEL_PROPAGATORS={given[:80]!r} (from environment) is invalid; valid: some of "
            f"{', '.join(sorted({*known, 'none'}))}, separated by commas; using {kept}."
        )


def _drop_unknown_context() -> None:
    """Unknown to the API, it costs a stack trace in every process."""
    name = os.environ.get("OTEL_PYTHON_CONTEXT", "").strip()
    if not name:
        return
    from importlib.metadata import entry_points

    known = [entry_point.name for entry_point in entry_points(group="opentelemetry_context")]
    if name in known:
        return
    del os.environ["OTEL_PYTHON_CONTEXT"]
    if _claim_reporting():
        _print_notice(
            f"OTEL_PYTHON_CONTEXT={name[:80]!r} (from environment) is invalid; valid: the name of "
            f"an installed one, e.g. {', '.join(sorted(known))}; using contextvars_context."
        )


def _drop_broken_propagators() -> None:
    """A propagator that is known but cannot be loaded stops the program as well."""
    if not os.environ.get("OTEL_PROPAGATORS"):
        return
    import logging
    from importlib import import_module

    logger = logging.getLogger("opentelemetry.propagate")
    logger.disabled = True  # It would print a stack trace of what is one line here.
    try:
        import_module("opentelemetry.propagate")
    except Exception as error:
        given = os.environ.pop("OTEL_PROPAGATORS")
        if _claim_reporting():
            _print_notice(
                f"OTEL_PROPAGATORS={given[:80]!r} (from environment) is invalid; valid: "
                f"propagators that can be loaded ({error}); using tracecontext,baggage."
            )
    finally:
        logger.disabled = False


def _start() -> None:
    from importlib.metadata import PackageNotFoundError, distribution

    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    try:
        distribution("vaquero-otel")
    except PackageNotFoundError:
        if _claim_reporting():
            _print_notice(
                f"{sys.executable} has no vaquero installed, so nothing of this program is "
                "measured. Install vaquero-otel into that environment."
            )
        return
    _drop_unknown_context()
    _drop_unknown_propagators()
    _drop_broken_propagators()
    from opentelemetry.instrumentation.auto_instrumentation import initialize

    initialize()


def _other_folders() -> list[str]:
    parts = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [part for part in parts if part and part != HERE]


def _start_safely() -> None:
    # Python processes that are started while this runs must not start it again.
    os.environ["PYTHONPATH"] = os.pathsep.join(_other_folders())
    try:
        _start()
    except Exception as error:
        if _claim_reporting():
            _print_notice(
                f"telemetry could not be started ({type(error).__name__}: {error}); "
                "the program runs without."
            )
    finally:
        os.environ["PYTHONPATH"] = os.pathsep.join([HERE, *_other_folders()])


# The hidden module first: it may set up what the program's imports need. If it fails, Python says
# so as it would without us, after telemetry has been started.
try:
    _run_hidden_sitecustomize()
finally:
    _start_safely()

"""What holds for every test: Ctrl-C works, and under CI a missing part is a failure, not a skip.

A test that needs a part (a Collector, a browser, a library) skips with a reason where a developer
has not got it. CI installs every part, so there such a skip means that something is not tested.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.support.fixtures",)

# How long one example takes is a matter of what else the machine does; pytest's timeout holds.
settings.register_profile("loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loaded")

#: On other Pythons and on the oldest SDK only the unit tests run, with what they need. Read now:
#: tests take away variables of this prefix.
_WHOLE = bool(os.environ.get("CI")) and not os.environ.get("VAQUERO_TESTS_PARTIAL")

#: Reasons that no installation can remove: the system itself has not got it.
_ALLOWED = (
    "root may write anywhere",
    "no full device here",
    "no groups can be made here",
    "docker has no compose here",
)


def pytest_configure(config: pytest.Config) -> None:
    """Let SIGINT through: a shell starts background jobs with it ignored, and children inherit."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_missing_part(report: pytest.TestReport | pytest.CollectReport) -> bool:
    if not _WHOLE:
        return False
    return report.skipped and not any(text in str(report.longrepr) for text in _ALLOWED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of one test into a failure; make what was captured fit to be sent."""
    report = yield
    # Hostile values hold halves of characters, which no worker can send to its controller.
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    if _is_missing_part(report) and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"under CI nothing may be missing: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module into a failure."""
    report = yield
    if _is_missing_part(report):
        report.outcome = "failed"
        report.longrepr = f"under CI nothing may be missing: {report.longrepr}"
    return report

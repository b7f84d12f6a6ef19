"""The pytest plugin of vaquero: the fixture ``telemetry``, and its tree under a test that failed.

Every pytest run in an environment that has vaquero loads this module, so it stands outside the
package: ``vaquero`` itself is not imported before a test asks for the fixture, and no program that
runs under zero code ever loads this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from vaquero.testing.capture import Captured

_KEY = pytest.StashKey[Any]()


@pytest.fixture
def telemetry(request: pytest.FixtureRequest) -> Iterator[Captured]:
    """Spans, metrics and log records made by this test; see ``vaquero.testing``."""
    from vaquero.testing.capture import capture

    with capture() as captured:
        request.node.stash[_KEY] = captured
        yield captured


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what was captured where the test failed."""
    report = yield
    captured = item.stash.get(_KEY, None)
    if captured is not None and report.when == "call" and report.failed:
        report.sections.append(("Captured telemetry", captured.tree()))
    return report

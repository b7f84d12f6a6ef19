"""Shell patterns: the short way gives what the standard library gives."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaquero_instrumentation_common.host import VIRTUAL_DISKS, VIRTUAL_INTERFACES
from vaquero_instrumentation_common.patterns import matches

WORDS = st.text("ab.0-*?[]!", max_size=6)


@given(WORDS, WORDS)
def test_it_matches_as_the_standard_library_does(name: str, pattern: str) -> None:
    """Any name and any pattern, also broken ones."""
    assert matches(name, [pattern]) == fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    "name", ["eth0", "eth0.12", "lo", "lo1", "veth3", "ap0", "api", "nvme0c1n1"]
)
def test_the_lists_of_devices(name: str) -> None:
    """Real names against the lists that are compared at every start."""
    for patterns in (VIRTUAL_INTERFACES, VIRTUAL_DISKS):
        assert matches(name, patterns) == any(fnmatchcase(name, p) for p in patterns)
    assert not matches(name, ())

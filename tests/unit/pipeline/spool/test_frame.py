"""Frames: what is packed is read, and damage costs only what is damaged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vaquero.pipeline.spool.frame import MAGIC, Frame, frames, pack

FRAME = st.builds(
    Frame,
    st.sampled_from(["traces", "metrics", "logs"]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.binary(max_size=200) | st.just(MAGIC * 5),
    st.integers(0, 65535),
    st.just(0),
)


def read(data: bytes, *, sealed: bool = True) -> tuple[list[Frame], int]:
    found: list[Frame] = []
    skipped = 0
    for one, gap in frames(data, 0, sealed=sealed):
        skipped += gap
        if one is not None:
            found.append(one._replace(end=0))
    return found, skipped


@given(st.lists(FRAME, max_size=6))
def test_what_is_packed_is_read(written: list[Frame]) -> None:
    """Any frames, one after the other, come back equal and in order."""
    assert read(b"".join(map(pack, written))) == (written, 0)


@given(st.lists(FRAME, min_size=3, max_size=3), st.data())
def test_one_flipped_byte_costs_one_frame(written: list[Frame], data: st.DataObject) -> None:
    """Damage in the middle frame leaves the first and the last."""
    first, middle, last = map(pack, written)
    at = data.draw(st.integers(0, len(middle) - 1))
    damaged = bytearray(middle)
    damaged[at] ^= data.draw(st.integers(1, 255))
    found, skipped = read(first + bytes(damaged) + last)
    assert found[0] == written[0]
    assert found[-1] == written[2]
    assert skipped > 0


@given(st.lists(FRAME, min_size=1, max_size=3), st.integers(1, 20))
def test_a_torn_end_waits_while_the_segment_is_open(written: list[Frame], cut: int) -> None:
    """An incomplete last frame is no damage before the segment is sealed."""
    data = b"".join(map(pack, written))[:-cut]
    assert read(data, sealed=False) == (written[:-1], 0)
    found, skipped = read(data)
    assert found[: len(written) - 1] == written[:-1]
    assert skipped > 0


@given(st.binary(max_size=400))
def test_rubbish_is_skipped_whole(data: bytes) -> None:
    """Random bytes hold no frame, raise nothing, and are counted."""
    assert read(data) == ([], len(data))

"""What to type to install an extra."""

from __future__ import annotations

import json

import pytest

from vaquero.cli.install import install_command


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, "pip install 'vaquero-otel[viewer]'"),
        (
            {"url": "file:///home/me/va%20q", "dir_info": {}},
            "pip install '/home/me/va q[viewer]'",
        ),
        (
            {"url": "file:///src/vaquero", "dir_info": {"editable": True}},
            "pip install -e '/src/vaquero[viewer]'",
        ),
        (
            {
                "url": "https://example.org/vaquero.git",
                "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": "abc"},
            },
            "pip install 'vaquero-otel[viewer] @ git+https://example.org/vaquero.git@v1'",
        ),
        (
            {"url": "https://example.org/v-0.1-py3-none-any.whl", "archive_info": {}},
            "pip install 'vaquero-otel[viewer] @ https://example.org/v-0.1-py3-none-any.whl'",
        ),
    ],
)
def test_the_command_fits_the_way_of_installation(
    origin: dict[str, object] | None, expected: str
) -> None:
    """Index, folder, repository and file each get the command that works for them."""
    text = "" if origin is None else json.dumps(origin)
    assert install_command("viewer", direct_url=text) == expected


def test_a_broken_note_falls_back_to_the_index() -> None:
    """A note that is no JSON does not stop the hint."""
    assert install_command("demo", direct_url="{") == "pip install 'vaquero-otel[demo]'"

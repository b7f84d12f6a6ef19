"""``python -m vaquero_viewer``: the verb ``view`` without the rest of the command line."""

from __future__ import annotations

from vaquero_viewer.command import view

if __name__ == "__main__":
    view(prog_name="python -m vaquero_viewer")

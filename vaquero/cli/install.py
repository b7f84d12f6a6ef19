"""What to type to install an extra, right for the way in which vaquero itself was installed."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any
from urllib.parse import unquote, urlsplit

DISTRIBUTION = "vaquero-otel"


def install_command(extra: str, *, direct_url: str | None = None) -> str:
    """The command that adds an extra.

    Args:
        extra: Such as ``viewer``.
        direct_url: What pip noted as the origin (PEP 610); read from the installation by default.

    Returns:
        ``pip install 'vaquero-otel[viewer]'`` where it came from an index, else with the folder,
        repository or file it came from.
    """
    text = _recorded_origin() if direct_url is None else direct_url
    return f"pip install {_target(extra, text)}"


def _recorded_origin() -> str:
    try:
        return distribution(DISTRIBUTION).read_text("direct_url.json") or ""
    except PackageNotFoundError:
        return ""


def _target(extra: str, text: str) -> str:
    wanted = f"{DISTRIBUTION}[{extra}]"
    try:
        origin: dict[str, Any] = json.loads(text) if text.strip() else {}
    except ValueError:
        origin = {}
    url = str(origin.get("url", ""))
    if not url:
        return f"'{wanted}'"
    if "dir_info" in origin:
        folder = unquote(urlsplit(url).path)
        editable = "-e " if origin["dir_info"].get("editable") else ""
        return f"{editable}'{folder}[{extra}]'"
    if "vcs_info" in origin:
        about = origin["vcs_info"]
        revision = about.get("requested_revision") or about.get("commit_id") or ""
        at = f"@{revision}" if revision else ""
        folder = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
        return f"'{wanted} @ {about.get('vcs', 'git')}+{url}{at}{folder}'"
    return f"'{wanted} @ {url}'"

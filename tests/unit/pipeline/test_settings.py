"""The settings of the pipeline as values."""

from __future__ import annotations

from vaquero.pipeline import Destination, PipelineSettings, Proxies


def test_settings_hide_what_is_secret() -> None:
    """Headers, keys and credentials of URLs and proxies never show in a repr."""
    destination = Destination(
        "https://user:hunter2@host/v1/traces?token=hunter2",
        headers=(("authorization", "hunter2"),),
        client_key="/hunter2.pem",
    )
    built = PipelineSettings(traces=destination, proxies=Proxies("http://u:hunter2@p"))
    assert "hunter2" not in repr(built)
    assert "https://host/v1/traces" in repr(built)
    assert "authorization" in repr(built)

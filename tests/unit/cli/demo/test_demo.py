"""The demo before it starts: what is missing, where the examples are."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from vaquero.cli.demo import command as demo
from vaquero.cli.group import dispatch
from vaquero.cli.run.summary import Arrived


def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The missing packages are named, and the command that brings them."""
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "httpx" else object())
    assert dispatch(["demo"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "(httpx)" in said
    assert "[demo]" in said


def test_the_examples_are_found_in_checkout_and_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the package where the wheel has them, else beside it; missing is one clear error."""
    assert (demo.examples() / "shop" / "app.py").is_file()
    module = tmp_path / "vaquero" / "cli" / "demo" / "command.py"
    monkeypatch.setattr(demo, "__file__", str(module))
    with pytest.raises(click.ClickException, match="missing"):
        demo.examples()
    packed = tmp_path / "vaquero" / "_examples" / "shop"
    packed.mkdir(parents=True)
    (packed / "app.py").touch()
    assert demo.examples() == packed.parent


@pytest.mark.parametrize(
    ("operations", "gauges", "code"), [([], [], 1), ([], [1], 1), ([1], [], 1)]
)
def test_the_exit_code_is_1_where_something_did_not_arrive(
    operations: list[int], gauges: list[int], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Spans alone or gauges alone are not enough, and the line names what is missing."""

    class Row:
        kind, count = "server", 1

    arrived = Arrived([Row() for _ in operations], [Row() for _ in gauges], None)  # type: ignore[misc]
    assert demo._print_result(arrived, {200: 1}) == code
    missing = "gauges" if operations else "spans"
    assert f"no {missing} arrived" in capsys.readouterr().err


def test_the_shop_gets_nothing_of_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo is the same everywhere, and a key set for a backend does not go to the viewer."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")
    monkeypatch.setenv("VAQUERO_API_KEY", "secret")
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    environ = demo._shop_environment("http://127.0.0.1:1")
    assert "secret" not in str({name: environ[name] for name in environ if "OTEL" in name})
    assert not {"OTEL_SDK_DISABLED", "VAQUERO_API_KEY", "FASTAPI_OTEL_AUTO_CONFIGURE"} & {*environ}
    assert environ["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:1"

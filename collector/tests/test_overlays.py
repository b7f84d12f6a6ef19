"""The configuration and its overlays, as they are written."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from vaquero_collector import CollectorError, overlays

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(overlays.OVERLAYS)
PAIRS = [
    pair for pair in itertools.combinations(NAMES, 2) if frozenset(pair) not in overlays.REFUSED
]
# Names that the Collector gave up; it warns at every start where one is used.
GIVEN_UP = {
    "otlphttp", "spanmetrics", "servicegraph", "hostmetrics", "filelog", "resourcedetection",
    "k8sattributes", "loadbalancing", "prometheusremotewrite", "deltatocumulative", "logging",
    "batch", "zpages",
}  # fmt: skip
KINDS = ("receivers", "processors", "exporters", "connectors", "extensions")


def load(name: str) -> dict[str, Any]:
    """Return an overlay as it is written."""
    return yaml.safe_load(overlays.OVERLAYS[name].path.read_text())


def merge(base: Any, over: Any) -> Any:
    """Merge as the Collector does: maps by key, everything else replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return copy.deepcopy(over)
    return {**base, **{key: merge(base.get(key), value) for key, value in over.items()}}


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value that is no map, with its path."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from leaves(below, (*path, str(key)))
    else:
        yield path, value


def references(config: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (pipeline, list, component) for everything that a pipeline names."""
    for pipeline, parts in config["service"]["pipelines"].items():
        for part, names in parts.items():
            for name in names:
                yield pipeline, part, name


def check_references(config: dict[str, Any]) -> None:
    """Fail where a pipeline names what is not defined, or a connector has one end only."""
    for pipeline, part, name in references(config):
        places = [config.get(part, {})]
        if part != "processors":
            places.append(config.get("connectors", {}))
        assert any(name in place for place in places), f"{pipeline}: {part} {name} is not defined"
    used = {(part, name) for _pipeline, part, name in references(config)}
    for connector in config["connectors"]:
        ends = {part for part, name in used if name == connector}
        assert ends in ({"receivers", "exporters"}, set()), f"{connector} has one end only"


@pytest.mark.parametrize("name", ["base", *NAMES])
def test_pipelines_name_what_is_defined(name: str, base_config: dict[str, Any]) -> None:
    """Each pipeline of the base and of each overlay refers to components that exist."""
    check_references(base_config if name == "base" else merge(base_config, load(name)))


@pytest.mark.parametrize("name", ["base", *NAMES])
def test_no_name_that_was_given_up(name: str, base_config: dict[str, Any]) -> None:
    """No configuration uses a component by a name that the Collector warns of."""
    config = base_config if name == "base" else load(name)
    for kind in KINDS:
        types = {str(item).partition("/")[0] for item in config.get(kind, {})}
        assert not types & GIVEN_UP
        assert not (kind == "exporters" and "otlp" in types)


@pytest.mark.parametrize("name", ["base", *NAMES])
def test_every_variable_is_ours_and_has_a_default(name: str) -> None:
    """Every value from the environment is ours by name, and has a default unless required."""
    path = ROOT / "collector-config.yaml" if name == "base" else overlays.OVERLAYS[name].path
    required = () if name == "base" else overlays.OVERLAYS[name].required
    found = re.findall(r"\$\{([^}]*)\}", re.sub(r"(?m)^\s*#.*$", "", path.read_text()))
    for reference in found:
        match = re.fullmatch(r"env:(VAQUERO_[A-Z_]+)(:-[^}]*)?", reference)
        assert match is not None, reference
        assert match[2] is not None or match[1] in required, reference
    assert set(required) <= {ref.partition(":")[2] for ref in found}


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_pair_does_what_both_say(first: str, second: str, base_config: dict[str, Any]) -> None:
    """Two overlays merge in either order to the same, with every value of both still there."""
    one, two = load(first), load(second)
    merged = merge(merge(base_config, one), two)
    assert merged == merge(merge(base_config, two), one)
    has = dict(leaves(merged))
    for path, value in [*leaves(one), *leaves(two)]:
        assert has[path] == value, ".".join(path)
    check_references(merged)


@pytest.mark.parametrize("pair", [tuple(sorted(pair)) for pair in overlays.REFUSED])
def test_a_pair_that_cannot_work_is_refused(pair: tuple[str, str]) -> None:
    """Overlays that would merge but not do what both say are refused with the reason."""
    with pytest.raises(CollectorError, match=r"do not go together: .+(gateways|alone)"):
        overlays.check_pairs(reversed(pair))


def test_every_file_is_in_the_table() -> None:
    """The folder of the overlays and the table say the same."""
    folder = ROOT / "collector/overlays"
    assert {overlay.path for overlay in overlays.OVERLAYS.values()} == set(folder.rglob("*.yaml"))


def test_everything_is_limited_redacted_and_counted_in_order(base_config: dict[str, Any]) -> None:
    """Memory is limited first, every signal is redacted, and RED metrics come before sampling."""
    pipelines = base_config["service"]["pipelines"]
    for name in ("traces/in", "metrics/in", "logs/in"):
        processors = pipelines[name]["processors"]
        assert processors[0] == "memory_limiter"
        assert "redaction" in processors
    assert {"span_metrics", "count"} <= set(pipelines["traces/in"]["exporters"])
    assert pipelines["traces/sampled"]["receivers"] == ["forward/kept"]
    for name in ("sampling", "tail_sampling"):
        changed = load(name)["service"]["pipelines"]
        assert set(changed) == {"traces/sampled"}


@pytest.mark.parametrize("name", ["base", *NAMES])
def test_listens_on_this_machine_only(name: str, base_config: dict[str, Any]) -> None:
    """Every address that something listens on is loopback unless the environment says else."""
    config = base_config if name == "base" else load(name)
    listening = {**config.get("receivers", {}), **config.get("extensions", {})}
    listening |= {k: v for k, v in config.get("exporters", {}).items() if k == "prometheus"}
    for path, value in leaves(listening):
        if path[-1:] == ("endpoint",):
            assert ":-127.0.0.1" in value, f"{'.'.join(path)}: {value}"


def test_the_key_pattern_masks_keys_and_nothing_more(base_config: dict[str, Any]) -> None:
    """Keys of secrets match the pattern; counts of tokens and the like do not."""
    (pattern,) = base_config["processors"]["redaction"]["blocked_key_patterns"]
    secret = "password db.password http.request.header.authorization api_key X-API-Key Set-Cookie"
    secret += " oauth.access_token user.session_token client_secret"
    harmless = "gen_ai.usage.input_tokens token.count passwords.checked cookie.size secretary"
    harmless += " session.id http.route"
    for key in secret.split():
        assert re.search(pattern, key), key
    for key in harmless.split():
        assert not re.search(pattern, key), key


def test_detection_leaves_the_other_processors_in_place(base_config: dict[str, Any]) -> None:
    """The overlay that has to repeat lists of the base repeats them, with one name more."""
    for name, parts in load("resource_detection")["service"]["pipelines"].items():
        others = [item for item in parts["processors"] if item != "resource_detection"]
        assert others == base_config["service"]["pipelines"][name]["processors"]
    metrics = load("host_metrics")["service"]["pipelines"]["metrics/in"]["receivers"]
    assert metrics == [
        *base_config["service"]["pipelines"]["metrics/in"]["receivers"],
        "host_metrics",
    ]

"""The overlays: what each adds to the configuration, what it needs, and what it cannot go with.

An overlay is a configuration of the Collector that is merged over `collector-config.yaml`. Maps
merge, lists are replaced; so no two overlays may set the same list, which a test checks for every
pair. The pairs in `REFUSED` would merge, but not do what both say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from vaquero_collector import binary as binaries
from vaquero_collector import places
from vaquero_collector.errors import CollectorError


@dataclass(frozen=True)
class Overlay:
    """One overlay.

    Attributes:
        name: As it is given to `--overlay`; also the name of its file.
        summary: What it adds, in one line.
        required: Variables that have no default.
        contrib: Components that only the contrib image has, as `"exporters/kafka"`.
    """

    name: str
    summary: str
    required: tuple[str, ...] = ()
    contrib: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where its file is."""
        folder = places.overlays_folder() / ("contrib" if self.contrib else "")
        return folder / f"{self.name}.yaml"


OVERLAYS: Mapping[str, Overlay] = {
    overlay.name: overlay
    for overlay in (
        Overlay(
            "backend",
            "headers and TLS for VAQUERO_OTLP_ENDPOINT: any vendor that takes OTLP",
            required=("VAQUERO_OTLP_ENDPOINT",),
        ),
        Overlay("viewer", "the viewer on this machine gets everything too"),
        Overlay("sampling", "keeps a share of the traces, by trace id"),
        Overlay("tail_sampling", "keeps traces with errors, slow ones and a share of the rest"),
        Overlay("prometheus", "a page of metrics for Prometheus to scrape"),
        Overlay("remote_write", "metrics by Prometheus remote write"),
        Overlay("file", "OTLP as JSON lines in a file"),
        Overlay("debug", "what leaves, in the Collector's log"),
        Overlay(
            "tls",
            "senders have to use TLS, and certificates where a CA is given",
            required=("VAQUERO_COLLECTOR_TLS_CERT_FILE", "VAQUERO_COLLECTOR_TLS_KEY_FILE"),
        ),
        Overlay("self_metrics", "the Collector's own metrics go to the destination"),
        Overlay(
            "host_metrics",
            "CPU, memory, disk and network of the host",
            (),
            ("receivers/host_metrics",),
        ),
        Overlay(
            "resource_detection",
            "attributes of host and environment on everything",
            contrib=("processors/resource_detection",),
        ),
        Overlay(
            "service_graph",
            "metrics of who calls whom",
            contrib=("connectors/service_graph",),
        ),
        Overlay(
            "gateway",
            "traces go to a tier of gateways, spread by trace id",
            required=("VAQUERO_GATEWAY_HOSTNAME",),
            contrib=("exporters/load_balancing", "receivers/nop"),
        ),
        Overlay("kafka", "everything to Kafka, as OTLP", contrib=("exporters/kafka",)),
        Overlay("clickhouse", "everything to ClickHouse", contrib=("exporters/clickhouse",)),
    )
}

REFUSED: Mapping[frozenset[str], str] = {
    frozenset({"sampling", "tail_sampling"}): (
        "tail_sampling keeps a share itself, of VAQUERO_COLLECTOR_SAMPLE_PERCENT: use it alone"
    ),
    frozenset({"gateway", "tail_sampling"}): (
        "a gateway sees whole traces, a Collector that spreads them does not: use tail_sampling "
        "on the gateways"
    ),
    frozenset({"gateway", "service_graph"}): (
        "an edge needs both of its spans in one place: use service_graph on the gateways"
    ),
}


def resolve(
    names: Sequence[str], environment: Mapping[str, str], binary: Path | None = None
) -> list[Path]:
    """Return the files of overlays, each given by name or as the path of a file of one's own.

    Args:
        names: As the user gave them; one that is given twice counts once.
        environment: What the Collector will see.
        binary: The Collector that has to know the components; None skips that question.

    Raises:
        CollectorError: one is unknown, lacks a variable or a component, or two do not go together.
    """
    chosen: list[Overlay] = []
    files: list[Path] = []
    for name in dict.fromkeys(names):
        overlay = OVERLAYS.get(name)
        if overlay is not None:
            _check(overlay, environment, binary)
            chosen.append(overlay)
            files.append(overlay.path)
        elif Path(name).is_file():
            files.append(Path(name).resolve())
        else:
            raise CollectorError(
                f"overlay {name!r} is neither a file nor one of ours: expected one of "
                f"{', '.join(OVERLAYS)}."
            )
    check_pairs(overlay.name for overlay in chosen)
    return files


def check_pairs(names: Iterable[str]) -> None:
    """Refuse overlays that would not do what both say.

    Raises:
        CollectorError: with the reason.
    """
    for pair in combinations(dict.fromkeys(names), 2):
        if reason := REFUSED.get(frozenset(pair)):
            raise CollectorError(f"overlays {pair[0]} and {pair[1]} do not go together: {reason}.")


def _check(overlay: Overlay, environment: Mapping[str, str], binary: Path | None) -> None:
    for variable in overlay.required:
        if not environment.get(variable):
            raise CollectorError(f"overlay {overlay.name} needs the variable {variable}.")
    if binary is None or not overlay.contrib:
        return
    known = binaries.components(binary)
    missing = [component for component in overlay.contrib if component not in known]
    if missing:
        raise CollectorError(
            f"overlay {overlay.name} needs {', '.join(missing)}, which {binary.name} does not "
            "have: use the contrib image, or set VAQUERO_OTELCOL to an otelcol-contrib."
        )

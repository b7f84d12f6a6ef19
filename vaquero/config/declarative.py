"""``OTEL_CONFIG_FILE``: a file of the declarative configuration, turned into settings.

Its values become settings of the one table, and are judged as those of any other source. Here only
the grammar of the file is judged: a key that is not honoured is a problem with its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vaquero.config import kinds
from vaquero.config.schema_paths import BATCH, INSTRUMENTATION, OTLP, SECTIONS, SETTING_PATHS
from vaquero.config.tree import Tree, TreeError, parse
from vaquero.errors import SettingsError

_OTHER_LANGUAGES = ("cpp", "dotnet", "erlang", "go", "java", "js", "php", "ruby", "rust", "swift")
_DETECTORS = frozenset({"service", "host", "process", "container", "os"})
_WITHOUT = "the file without it"


@dataclass
class Declared:
    """What a file says.

    Attributes:
        name: The file's name, for messages.
        values: Values by the names of the table of settings, with their places in the file.
        views: Of the meter provider: their places, and what the schema has there.
        environ: Variables for instrumentations, which know no other way.
        problems: What cannot be honoured.
    """

    name: str
    values: dict[str, tuple[Any, Tree]] = field(default_factory=lambda: {})
    views: list[tuple[Tree, dict[str, Any]]] = field(default_factory=lambda: [])
    environ: dict[str, str] = field(default_factory=lambda: {})
    problems: list[SettingsError] = field(default_factory=lambda: [])

    def source_of(self, tree: Tree) -> str:
        """The source of a value, for messages: the file and the line."""
        return f"{self.name}, line {tree.line}"

    def problem(self, tree: Tree, expected: str, using: str = _WITHOUT) -> None:
        """Note what cannot be used; what could be a secret is masked."""
        self.problems.append(
            SettingsError(
                tree.path, tree.shown, source=self.source_of(tree), expected=expected, using=using
            )
        )


def read(path: str, environ: Mapping[str, str]) -> Declared:
    """Read a file.

    Raises:
        SettingsError: It cannot be used at all.
    """
    try:
        tree = parse(Path(path).read_text("utf-8"), environ)
    except ImportError:
        raise _unusable(path, "pyyaml to be installed: the extra 'config' brings it") from None
    except OSError as error:
        raise _unusable(path, f"a file that can be read ({error.strerror})") from None
    except (TreeError, ValueError, RecursionError) as error:
        raise _unusable(path, f"YAML of the declarative configuration ({error})") from None
    version = tree.get("file_format") if isinstance(tree.value, dict) else None
    if version is None or not str(version.value).startswith("1."):
        line = f"line {version.line}" if version else "no line has it"
        raise _unusable(path, f"file_format: '1.0' or '1.1' ({line})")
    declared = Declared(Path(path).name)
    _FileReader(tree, declared).read()
    return declared


def _unusable(path: str, expected: str) -> SettingsError:
    return SettingsError(
        "OTEL_CONFIG_FILE",
        path,
        source="environment",
        expected=expected,
        using="the other variables",
    )


class _FileReader:
    """Takes from a tree of the schema what the table of settings has a row for."""

    def __init__(self, root: Tree, declared: Declared) -> None:
        self._root = root
        self._declared = declared

    def read(self) -> None:
        for name, place in SETTING_PATHS.items():
            self._value(name, self._at(self._root, place))
        self._resource()
        self._propagators()
        for signal, (section, holder) in SECTIONS.items():
            self._exporters(signal, self._root.get(section), holder)
        self._tracer()
        self._views()
        self._instrumentation()
        self._distribution()
        for tree in self._root.unread():
            self._declared.problem(tree, "a key that vaquero honours")

    def _at(self, tree: Tree | None, place: str) -> Tree | None:
        for key in place.split("."):
            tree = tree.get(key) if tree is not None else None
        return tree

    def _value(self, name: str, tree: Tree | None, value: Any = None) -> None:
        if tree is not None:
            raw = tree.plain() if value is None else value
            if name == "sdk_log_level":
                raw = str(raw).rstrip("234")
            self._declared.values[name] = (raw, tree)

    def _names(self, setting: str, section: Tree, names: list[Tree]) -> None:
        """Give a setting its names, each with its place."""
        unique: dict[str, Tree] = {}
        for name in names:
            unique.setdefault(name.value, name)
        place = Tree([*unique.values()], section.line, section.path)
        self._declared.values[setting] = (tuple(unique), place)

    def _name(self, part: Tree, expected: str) -> Tree | None:
        """The name in an element such as ``b3:``, with its place."""
        chosen = part.only()
        if chosen is None:
            part.plain()
            self._declared.problem(part, expected)
            return None
        return Tree(chosen[0], part.line, part.path)

    def _resource(self) -> None:
        section = self._root.get("resource")
        if section is None:
            return
        found: dict[str, Any] = {}
        listed = section.get("attributes_list")
        if listed is not None:
            try:
                found.update(kinds.ATTRIBUTES.parse(str(listed.value)))
            except ValueError:
                self._declared.problem(listed, kinds.ATTRIBUTES.expected)
        attributes = section.get("attributes")
        for pair in attributes.each() if attributes else []:
            name, value, kind = pair.get("name"), pair.get("value"), pair.get("type")
            if name is None or value is None:
                if name is None:
                    self._declared.problem(pair, "name and value")
                continue
            try:
                found[str(name.value)] = _typed(value.plain(), kind.value if kind else None)
            except (ValueError, TypeError, KeyError):
                self._declared.problem(value, f"a value of type {kind.value if kind else 'text'}")
        self._value("resource_attributes", section, found)
        detection = self._at(section, "detection/development.detectors")
        if detection is None:
            return
        names = [Tree("otel", detection.line, detection.path)]
        for part in detection.each():
            name = self._name(part, "one detector")
            if name is not None and name.value not in _DETECTORS:
                names.append(name)
        self._names("resource_detectors", detection, names)

    def _propagators(self) -> None:
        section = self._root.get("propagator")
        if section is None:
            return
        composite, listed = section.get("composite"), section.get("composite_list")
        parts = composite.each() if composite else []
        names = [name for part in parts if (name := self._name(part, "one propagator"))]
        if listed is not None:
            listed_names = kinds.NAMES.parse(str(listed.value))
            names += [Tree(name, listed.line, listed.path) for name in listed_names]
        self._names("propagators", section, names)

    def _exporters(self, signal: str, section: Tree | None, holder: str) -> None:
        names: list[Tree] = []
        processors = section.get(holder) if section is not None else None
        for part in processors.each() if processors else []:
            chosen = part.only()
            if chosen is None or chosen[0] not in ("batch", "simple", "periodic"):
                expected = "periodic" if signal == "metrics" else "batch or simple"
                part.plain()
                self._declared.problem(part, expected)
                continue
            kind, body = chosen
            self._timing(signal, kind, body)
            exporter = body.get("exporter")
            named = exporter.only() if exporter is not None else None
            if exporter is None or named is None:
                self._declared.problem(body, "one exporter")
                continue
            name, settings = named
            if name not in ("otlp_http", "otlp_grpc"):
                names.append(Tree(name, settings.line, settings.path))
            elif any(one.value == "otlp" for one in names):
                settings.plain()
                self._declared.problem(settings, "one OTLP exporter for each signal", "the first")
            else:
                names.append(Tree("otlp", settings.line, settings.path))
                self._otlp(signal, name, settings)
        self._names(f"{signal}_exporter", processors or section or self._root, names)

    def _timing(self, signal: str, kind: str, body: Tree) -> None:
        if kind == "batch":
            prefix = "log_" if signal == "logs" else ""
            for key, name in BATCH.items():
                self._value(prefix + name, body.get(key))
        if kind == "periodic":
            self._value("metric_interval_ms", body.get("interval"))
            self._value("metric_timeout_ms", body.get("timeout"))

    def _otlp(self, signal: str, name: str, body: Tree) -> None:
        protocol = "grpc" if name == "otlp_grpc" else "http/protobuf"
        self._value(f"{signal}_protocol", body, protocol)
        for key, setting in OTLP.items():
            self._value(f"{signal}_{setting}", self._at(body, key))
        timeout = body.get("timeout")
        if timeout is not None:
            # The schema has milliseconds, and 0 for no limit.
            milliseconds = timeout.value if isinstance(timeout.value, int | float) else -1
            self._value(f"{signal}_timeout", timeout, milliseconds / 1000.0 or 86_400.0)
        encoding = body.get("encoding")
        if encoding is not None and encoding.value != "protobuf":
            self._declared.problem(encoding, "protobuf", "protobuf")
        self._headers(signal, body)
        if signal == "metrics":
            preference = body.get("temporality_preference")
            if preference is not None:
                self._value("temporality", preference, str(preference.value).replace("_", ""))
            self._value("histogram_aggregation", body.get("default_histogram_aggregation"))

    def _headers(self, signal: str, body: Tree) -> None:
        found: dict[str, str] = {}
        listed, pairs = body.get("headers_list"), body.get("headers")
        if listed is not None:
            try:
                found.update(kinds.PAIRS.parse(str(listed.value)))
            except ValueError:
                self._declared.problem(listed, kinds.PAIRS.expected)
        for pair in pairs.each() if pairs else []:
            name, value = pair.get("name"), pair.get("value")
            if name is not None and value is not None:
                found[str(name.value)] = str(value.value)
        if found:
            self._value(f"{signal}_headers", pairs or listed, found)

    def _tracer(self) -> None:
        section = self._root.get("tracer_provider")
        if section is None:
            return
        sampler, generator = section.get("sampler"), section.get("id_generator")
        if sampler is not None and self._name(sampler, "one sampler") is not None:
            self._value("sampler", sampler)
        name = self._name(generator, "one id generator") if generator is not None else None
        if name is not None:
            self._value("id_generator", name)

    def _views(self) -> None:
        views = self._at(self._root, "meter_provider.views")
        for view in views.each() if views else []:
            self._declared.views.append((view, view.plain()))

    def _instrumentation(self) -> None:
        section = self._root.get("instrumentation/development")
        for language in _OTHER_LANGUAGES:
            if section is not None and (found := section.get(language)) is not None:
                found.plain()  # Of somebody else's.
        for place, variable in INSTRUMENTATION.items():
            found = self._at(section, place)
            if found is not None:
                value = found.plain()
                parts: list[Any] = list(value) if found.each() else [value]
                self._declared.environ[variable] = ",".join(str(part) for part in parts)

    def _distribution(self) -> None:
        section = self._root.get("distribution")
        for name, below in section.items() if section is not None else ():
            if name != "vaquero":
                below.plain()  # Of somebody else's.
                continue
            for key, tree in below.items():
                self._value(key, tree)
                tree.plain()


def _typed(value: Any, kind: str | None) -> Any:
    if kind is None:
        return value
    convert: dict[str, Any] = {"string": str, "int": int, "double": float, "bool": bool}
    one = convert[kind.removesuffix("_array")]
    return [one(part) for part in value] if kind.endswith("_array") else one(value)

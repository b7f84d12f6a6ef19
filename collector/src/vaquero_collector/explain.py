"""Turns what the Collector says when it does not start into one line that says what would do."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vaquero_collector import addresses
from vaquero_collector.errors import CollectorError
from vaquero_collector.plan import Plan

_PORT_TAKEN = re.compile(r"listen tcp (\S+):(\d+): bind: address already in use")
_NO_LISTENER = re.compile(r"listen tcp (\S+): bind: (.+)")
_NOT_YAML = re.compile(r"contents are not valid YAML: yaml: (.+)")
_NOT_A_MAP = re.compile(r"cannot be used as a Conf\s*$")
_UNKNOWN_TYPE = re.compile(r"'(\w+?)s' unknown type: \"([^\"]+)\"")
_INVALID_KEYS = re.compile(r"'([^']*)' has invalid keys: (.+)")
_IN_COMPONENT = re.compile(r"error reading configuration for \"([^\"]+)\"")
_DANGLING = re.compile(r"(\S+): references (\w+) \"([^\"]+)\" which is not configured")
_FOLDER = re.compile(r"file_storage\S*: problem accessing configured directory: (\S+?),? err: (.+)")
_LAST_ERROR = re.compile(r"^Error: ", re.MULTILINE)


def start_failure(output: str, plan: Plan) -> CollectorError:
    """Return the error, of one line, about a Collector that ended before it was ready.

    Args:
        output: What it wrote, log and last words.
        plan: What was run.
    """
    words = _last_words(output)
    if found := _PORT_TAKEN.search(words):
        return _port(found[1], int(found[2]), plan)
    if words.rstrip().endswith("exporter: timeout"):
        text = f"the queue {plan.queue} is in use by another Collector: stop that one first."
        return CollectorError(text)
    return CollectorError(config_failure(words, plan.binary, plan.configs))


def config_failure(words: str, binary: Path, configs: Sequence[Path]) -> str:
    """Return one line about a configuration that the Collector does not accept."""
    words = _last_words(words)
    own = ", ".join(str(path) for path in configs)
    if found := _NOT_YAML.search(words):
        return f"{_culprit(binary, configs)} is not YAML: {found[1]}."
    if _NOT_A_MAP.search(words):
        return f"{_culprit(binary, configs)} is not a configuration: expected a map at its top."
    if found := _UNKNOWN_TYPE.search(words):
        return (
            f"{found[1]} {found[2]!r} in {_mentioning(found[2], configs)} is unknown to "
            f"{binary.name}: see `vaquero-collector components`, or use the contrib image."
        )
    if found := _DANGLING.search(words):
        place, kind, name = found.groups()
        where = place.replace("::", ".")
        return f"{where} refers to {kind} {name!r}, which no configuration defines ({own})."
    if found := _INVALID_KEYS.search(words):
        component = _IN_COMPONENT.search(words)
        place, keys = component[1] if component else found[1], found[2]
        file = _mentioning(keys.partition(",")[0].strip(), configs)
        return f"{place!r} in {file} has keys that are unknown: {keys}."
    if found := _FOLDER.search(words):
        return f"the queue folder {found[1]} cannot be used: {found[2].strip()}."
    if found := _NO_LISTENER.search(words):
        return f"cannot listen on {found[1]}: {found[2].strip()}."
    return " ".join(words.split()) or "the Collector ended without a word"


def _last_words(output: str) -> str:
    """Return what follows the last `Error:`; the lines before are its log."""
    starts = [match.end() for match in _LAST_ERROR.finditer(output)]
    return output[starts[-1] :] if starts else output[-2000:]


def _port(host: str, port: int, plan: Plan) -> CollectorError:
    name, advice = {
        plan.listener.http_port: ("OTLP over HTTP", "choose another with --http-port"),
        plan.listener.grpc_port: ("OTLP over gRPC", "choose another with --grpc-port"),
        plan.health_port: ("health check", "set VAQUERO_COLLECTOR_HEALTH_ENDPOINT"),
        plan.metrics_port: ("own metrics", "set VAQUERO_COLLECTOR_METRICS_PORT"),
    }.get(port, ("an overlay", "give the overlay another address"))
    return addresses.port_taken(name, host, port, advice)


def _culprit(binary: Path, configs: Sequence[Path]) -> str:
    """Return which file cannot be read: the Collector names none, so each is tried alone."""
    for path in configs:
        answer = subprocess.run(
            [str(binary), "print-config", "--validate=false", "--config", str(path)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if _NOT_YAML.search(answer.stderr) or _NOT_A_MAP.search(_last_words(answer.stderr)):
            return str(path)
    return ", ".join(str(path) for path in configs)


def _mentioning(name: str, configs: Sequence[Path]) -> str:
    """Return the last file that has the name as a key, which is the one that decided."""
    key = re.compile(rf"(?:^|[\s{{,])[\"']?{re.escape(name)}[\"']?\s*:")
    found = [path for path in configs if key.search(path.read_text("utf-8", "replace"))]
    return str(found[-1]) if found else "the configuration"

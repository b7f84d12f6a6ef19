"""What a program logs of its settings is what ``vaquero config`` and ``vaquero doctor`` say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import vaquero.cli.run
from vaquero.config import packages
from vaquero.config.table import SETTINGS
from vaquero.sdk import judges

NOSUCH = """\
file_format: "1.0"
propagator: {composite: [b3: , nosuch: ]}
tracer_provider:
  processors: [batch: {exporter: {nosuch: }}]
  sampler: {nosuch: }
  id_generator: {nosuch: }
"""


class Case(NamedTuple):
    """An environment, and the variables that are invalid in it."""

    environ: dict[str, str]
    invalid: tuple[str, ...]


def _case(invalid: str, **environ: str) -> Case:
    return Case(environ, tuple(invalid.split()))


#: Every setting that has a judge, and what only its package or a combination makes invalid.
JUDGED = [
    _case("OTEL_TRACES_SAMPLER", OTEL_TRACES_SAMPLER="nonsense"),
    _case("", OTEL_TRACES_SAMPLER="always_off"),
    _case("", OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5"),
    _case(
        "OTEL_TRACES_SAMPLER_ARG",
        OTEL_TRACES_SAMPLER="traceidratio",
        OTEL_TRACES_SAMPLER_ARG="seven",
    ),
    _case(
        "OTEL_TRACES_SAMPLER_ARG",
        OTEL_TRACES_SAMPLER="vaquero_ratelimited",
        OTEL_TRACES_SAMPLER_ARG="seven",
    ),
    _case("OTEL_TRACES_SAMPLER", OTEL_TRACES_SAMPLER="vaquero_ratelimited"),
    # Nobody reads it without a sampler that takes one.
    _case("", OTEL_TRACES_SAMPLER_ARG="seven"),
    _case("OTEL_TRACES_EXPORTER", OTEL_TRACES_EXPORTER="nope"),
    _case("OTEL_TRACES_EXPORTER", OTEL_TRACES_EXPORTER="nope,none"),
    _case("OTEL_METRICS_EXPORTER", OTEL_METRICS_EXPORTER="nope,otlp"),
    _case("OTEL_LOGS_EXPORTER", OTEL_LOGS_EXPORTER="nope"),
    _case("OTEL_PROPAGATORS", OTEL_PROPAGATORS="nope"),
    _case("OTEL_PROPAGATORS", OTEL_PROPAGATORS="b3,nope"),
    _case("", OTEL_PROPAGATORS="none"),
    _case("OTEL_PYTHON_ID_GENERATOR", OTEL_PYTHON_ID_GENERATOR="nope"),
    _case("", OTEL_PYTHON_ID_GENERATOR="random"),
    _case(
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="process,nope"
    ),
    _case("", OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="*"),
    _case(
        "OTEL_PYTHON_LOG_FORMAT",
        OTEL_PYTHON_LOG_FORMAT="nope",
        OTEL_PYTHON_LOG_CORRELATION="true",
    ),
    _case("", OTEL_PYTHON_LOG_FORMAT="nope"),
    _case("VAQUERO_REDACT_PATTERNS", VAQUERO_REDACT_PATTERNS="a("),
    _case("", VAQUERO_REDACT_PATTERNS="a(", VAQUERO_REDACT="false"),
    _case("OTEL_PYTHON_CONTEXT", OTEL_PYTHON_CONTEXT="nope"),
    _case("OTEL_PYTHON_TRACER_PROVIDER", OTEL_PYTHON_TRACER_PROVIDER="nope"),
    _case("OTEL_PYTHON_METER_PROVIDER", OTEL_PYTHON_METER_PROVIDER="nope"),
    _case("OTEL_PYTHON_LOGGER_PROVIDER", OTEL_PYTHON_LOGGER_PROVIDER="nope"),
    _case("OTEL_CONFIG_FILE", OTEL_CONFIG_FILE="/nowhere.yaml"),
    # Names of what is not installed, in a file of the working directory.
    _case(
        "tracer_provider.sampler.nosuch tracer_provider.id_generator"
        " tracer_provider.processors[0].batch.exporter.nosuch propagator.composite[1]",
        OTEL_CONFIG_FILE="nosuch.yaml",
    ),
    _case("VAQUERO_HOST_ROOT", VAQUERO_HOST_ROOT="/nowhere"),
    _case("VAQUERO_SYSTEM_INCLUDE", VAQUERO_SYSTEM_INCLUDE="disk:sd*,eth0"),
    _case("VAQUERO_SYSTEM_EXCLUDE", VAQUERO_SYSTEM_EXCLUDE="eth0"),
    # Nothing is built, so nothing is judged but what was read.
    _case("", OTEL_SDK_DISABLED="true", OTEL_TRACES_SAMPLER="nonsense"),
    _case("", VAQUERO_ENABLED="false", OTEL_PYTHON_CONTEXT="nope", VAQUERO_HOST_METRICS="x"),
    _case("", VAQUERO_GAUGES="false", VAQUERO_HOST_METRICS="x"),
    _case("", OTEL_METRICS_EXPORTER="none", VAQUERO_METRICS_WINDOW="soon"),
    _case(
        "", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="system,container", VAQUERO_SYSTEM_DETAIL="nope"
    ),
    # The next source is used, and both are told.
    _case(
        "OTEL_EXPORTER_OTLP_ENDPOINT VAQUERO_ENDPOINT",
        OTEL_EXPORTER_OTLP_ENDPOINT="no address",
        VAQUERO_ENDPOINT="none either",
    ),
    # Nowhere to send to, although the address can be read.
    _case(
        "Traces Metrics Logs",
        OTEL_EXPORTER_OTLP_ENDPOINT="https://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere",
    ),
    _case("Metrics", OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="grpc://127.0.0.1:9"),
]

#: Every variable that any row has, with words that numbers, choices and switches refuse.
_VARIABLES = [name for row in SETTINGS for name in row.env] + [
    row.env for _, row in packages.rows()
]
_NOT_THESE = {"VAQUERO_SPOOL_DIR", "VAQUERO_HOST_LOCK_DIR"}  # Folders would be made.
EVERY = [
    Case({name: word for name in _VARIABLES if name not in _NOT_THESE}, ())
    for word in ("nonsense", "-1", "=,")
]

#: Runs each case as a program and as the two verbs, in one process; ``python -c`` with the cases.
SCRIPT = """
import contextlib, io, json, logging, os, sys
from vaquero import _environ, _log
from vaquero.cli.doctor import checks
from vaquero_instrumentation_common import settings as gauges

# What is installed is no subject here, and takes long to look at.
checks.versions, checks.installation = dict, tuple

lines = []
class Lines(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())
logging.getLogger("vaquero").addHandler(Lines())
logging.getLogger("vaquero").propagate = False
_log.MAX_LINES = 10_000

def verb(*words):
    from vaquero.cli.group import dispatch
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = dispatch(list(words))
    return code, out.getvalue(), err.getvalue()

def program():
    import vaquero
    lines.clear(); _log.reset(); gauges._warner.said.clear()
    sdk = vaquero.init()
    vaquero.shutdown(0.05)
    told = (" is invalid; valid: ", " are dropped: ", "vaquero itself failed")
    return [line for line in lines if any(part in line for part in told)]

def doctor():
    code, out, _ = verb("doctor", "--offline", "--json")
    found = json.loads(out)["findings"]
    return code, [one["text"] for one in found if one["name"] in ("setting", "endpoint")]

def config():
    code, _, err = verb("config")
    return code, [line.removeprefix("vaquero config: ") for line in err.splitlines()]

results = []
for case in json.load(sys.stdin):
    said = []
    for what in (program, config, doctor):
        os.environ.update(case)
        _environ.taken.clear()
        _environ.drop_invalid_limits()
        said.append(what())
        for name in case:
            os.environ.pop(name, None)
    results.append(said)
print(json.dumps(results))
"""

#: What the doctor tells beside.
_OTHERS = ("telemetry is switched off", "no exporter for")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What program, ``config`` and ``doctor`` say in each case."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "VAQUERO_"))
    }
    base = {"VAQUERO_SPOOL": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    cases = [*JUDGED, *EVERY]
    folder = tmp_path_factory.mktemp("folder")
    (folder / "nosuch.yaml").write_text(NOSUCH)
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([{**base, **case.environ} for case in cases]),
        capture_output=True,
        text=True,
        timeout=110,
        env=own,
        cwd=folder,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    yield dict(zip(map(str, cases), json.loads(result.stdout), strict=True))


@pytest.mark.parametrize("case", [*JUDGED, *EVERY], ids=lambda case: " ".join(case.environ)[:60])
def test_program_config_and_doctor_agree(case: Case, said: dict[str, Any]) -> None:
    """The same lines, and an exit code of ``config`` that says whether there are any."""
    program, (config_code, config), (doctor_code, doctor) = said[str(case)]
    doctor = [
        text.removesuffix(" Programs under opentelemetry-instrument do not start.")
        for text in doctor
        if not text.startswith(_OTHERS)
    ]

    assert sorted(config) == sorted(program)
    assert sorted(doctor) == sorted(program)
    assert config_code == int(bool(program))
    fatal = "OTEL_PROPAGATORS=" in str(program) or "are dropped" in str(program)
    assert doctor_code == int(fatal)
    if case not in EVERY:
        assert {re.split("[= ]", line)[0] for line in program} == set(case.invalid)
    assert not [line for line in program if not FORM.fullmatch(line)]


FORM = re.compile(
    r"\S+='.*' \(from .+\) is invalid; valid: .+\.|\w+ cannot be sent to .* are dropped: .*",
    re.DOTALL,
)


def test_every_judge_is_asked_by_a_case() -> None:
    """A setting that gets a judge gets a case in which the judge refuses."""
    refused = {name for case in JUDGED for name in case.invalid}
    variables = {row.name: set(row.env) for row in SETTINGS}

    assert [name for name in judges.JUDGES if not variables[name] & refused] == []


def test_every_row_of_the_table_is_tried() -> None:
    """All rows, those of the gauges too, are set to words that most of them refuse."""
    (first, *_) = EVERY

    assert len(first.environ) > 100
    assert {"VAQUERO_METRICS_WINDOW", "OTEL_BSP_SCHEDULE_DELAY"} <= first.environ.keys()


@pytest.mark.parametrize("name", ["OTEL_PROPAGATORS", "OTEL_PYTHON_CONTEXT"])
def test_a_program_under_vaquero_run_says_the_same(name: str, said: dict[str, Any]) -> None:
    """What the API itself would fail on is logged before the SDK starts, in the same words."""
    (case,) = [one for one in JUDGED if one.environ == {name: "nope"}]
    own = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    result = subprocess.run(
        [sys.executable, "-c", "pass"],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **own,
            **case.environ,
            "PYTHONPATH": str(Path(vaquero.cli.run.__file__).parent / "autostart"),
            "VAQUERO_RUN_LINES": "0:",
            "VAQUERO_SPOOL": "false",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        },
        check=False,
    )

    (line,) = said[str(case)][0]
    assert f"vaquero: {line}\n" in result.stderr

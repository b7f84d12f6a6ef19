"""Alerts: their JSON against the schema, their attributes, their fingerprint."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from vaquero_conditions.alerts import SEVERITIES, STATES, Alert, alert_fingerprint
from vaquero_conditions.errors import ShapeError
from vaquero_conditions.schemas import schema

from conditions.tests.tables import REFERENCE, RELAXED, rows

SCHEMA = schema("alert")
VALIDATOR = Draft202012Validator(SCHEMA)

texts = st.text(max_size=12)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    """Any alert."""
    rule, labels = draw(texts.filter(bool)), draw(st.dictionaries(texts, texts, max_size=3))
    return Alert(
        rule=rule,
        fingerprint=alert_fingerprint(rule, labels),
        state=draw(st.sampled_from(STATES)),
        severity=draw(st.sampled_from(SEVERITIES)),
        value=draw(numbers),
        threshold=draw(numbers),
        unit=draw(st.sampled_from(["", "s", "By", "1"])),
        labels=labels,
        since_ns=draw(st.integers(0, 2**63 - 1)),
        trace_id=draw(st.none() | st.from_regex(r"[0-9a-f]{32}", fullmatch=True)),
    )


@RELAXED
@given(alerts(), st.dictionaries(st.sampled_from(["later", "more"]), st.integers()))
def test_an_alert_is_its_json_and_its_attributes(alert: Alert, more: dict[str, int]) -> None:
    """Any alert is written as the schema says, and read back as equal from both of its forms."""
    written = json.loads(json.dumps(alert.to_json(), allow_nan=False))
    attributes = alert.to_attributes()

    VALIDATOR.validate({**written, **more})
    assert Alert.from_json({**written, **more}) == alert
    assert Alert.from_attributes({**attributes, **more, "service.name": "shop"}) == alert
    assert None not in attributes.values()
    assert all(isinstance(value, str | float) for value in attributes.values())


@RELAXED
@given(alerts(), st.data())
def test_what_is_missing_or_of_another_type_is_named(alert: Alert, data: st.DataObject) -> None:
    """A field that is not there, or is something else, is an error that names the field."""
    written = alert.to_json()
    name = data.draw(st.sampled_from(SCHEMA["required"]))
    wrong = {**written, name: data.draw(st.sampled_from([True, [1]]))}
    assert list(VALIDATOR.iter_errors(wrong))
    with pytest.raises(ShapeError, match=f"alert.{name}"):
        Alert.from_json(wrong)
    if name not in ("value", "threshold", "trace_id"):
        with pytest.raises(ShapeError, match=f"alert.{name}"):
            Alert.from_json({key: value for key, value in written.items() if key != name})


@pytest.mark.parametrize("case", rows("alerts.md", "fingerprints"), ids=str)
def test_fingerprints_are_what_the_page_says(case: dict[str, str]) -> None:
    """Each rule with its labels has that fingerprint, in whatever order the labels come."""
    labels = json.loads(case["labels"])

    assert alert_fingerprint(case["rule"], labels) == case["fingerprint"]
    assert alert_fingerprint(case["rule"], dict(reversed(labels.items()))) == case["fingerprint"]


def test_labels_are_texts() -> None:
    """A label that is a number is an error that names it."""
    alert = Alert("r", "0" * 16, "firing", "info", 1.0, None, "", {}, 0)
    with pytest.raises(ShapeError, match=r"alert\.labels\.n=5"):
        Alert.from_json({**alert.to_json(), "labels": {"n": 5}})


def test_only_what_fires_is_severe() -> None:
    """The log record of an alert that ended, or waits, is for information."""
    found = {
        (state, severity): Alert(
            "r", "0" * 16, state, severity, None, None, "", {}, 0
        ).severity_number
        for state in STATES
        for severity in SEVERITIES
    }

    assert {key: number for key, number in found.items() if number != 9} == {
        ("firing", "critical"): 17,
        ("firing", "warning"): 13,
    }


def test_the_page_has_every_field_and_state() -> None:
    """Schema and page name the same fields, in the same order, and all values of the lists."""
    if not REFERENCE.exists():
        pytest.skip("the documents are not in this copy")
    text = (REFERENCE / "alerts.md").read_text("utf-8")

    assert re.findall(r"^\| `(\w+)` \| `vaquero\.alert\.", text, re.M) == SCHEMA["required"]
    assert SCHEMA["properties"]["state"]["enum"] == list(STATES)
    assert SCHEMA["properties"]["severity"]["enum"] == list(SEVERITIES)
    assert [word for word in (*STATES, *SEVERITIES) if f"`{word}`" not in text] == []

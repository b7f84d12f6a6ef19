"""From the text of a condition to the condition. One pass, so the time is linear in the length."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import cast

from vaquero_conditions.conditions.globs import ANY, CONTROL, Glob
from vaquero_conditions.conditions.model import (
    APDEX_THRESHOLD,
    COMPARISONS,
    KIND_KEY,
    METRIC_FUNCTIONS,
    METRIC_LOOK,
    METRIC_WITH_FILTERS,
    OPERATION_FUNCTIONS,
    PLAIN_METRIC,
    PLAIN_SERVICE,
    PLAIN_VALUE,
    Comparison,
    Condition,
    Filter,
    Kind,
    MetricValue,
    OperationValue,
    Where,
)
from vaquero_conditions.conditions.scanner import Scanner
from vaquero_conditions.errors import shortened
from vaquero_conditions.units import VALID_UNITS, Dimension, Quantity

_FUNCTIONS = ", ".join(dict.fromkeys((*OPERATION_FUNCTIONS, *METRIC_FUNCTIONS)))
_KINDS = ", ".join(kind.value for kind in Kind)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-/]*")
_COMPARISON = re.compile(r"[><=!]=?|=~|!~")
_BARE_OPERATION = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f(),\"'\\]*")


def parse(text: str, where: Where) -> Condition:
    """Read a condition.

    Args:
        text: ``VALUE [in SERVICE] [over WINDOW] CMP NUMBER[UNIT] [for DURATION]``.
        where: Where it is used. ``for`` is valid in alerts only.

    Returns:
        The condition; ``parse(str(condition), where)`` is equal to it.

    Raises:
        ConditionError: The text is no condition; it says at which column, and what is valid there.
    """
    return _Parser(Scanner(text), where).condition()


class _Parser:
    """Reads one condition from its text."""

    def __init__(self, scanner: Scanner, where: Where) -> None:
        self.scan = scanner
        self.where = where

    def condition(self) -> Condition:
        scan = self.scan
        value = self._value()
        service, window = ANY, None
        if scan.keyword("in"):
            service = self._service()
        if scan.keyword("over"):
            window = scan.duration("over")
            if scan.keyword("in"):
                scan.fail("`in` stands in front of `over`", "VALUE in SERVICE over WINDOW", back=2)
        comparison = self._comparison()
        at = scan.here()
        threshold = scan.quantity("a threshold")
        self._check(value, threshold, at)
        hold = None
        if scan.keyword("for"):
            if self.where is not Where.ALERT:
                problem = f"`for` in a {self.where.value}, which judges once"
                scan.fail(problem, "`for` in alerts only", back=3)
            hold = scan.duration("for")
        if not scan.at_end():
            more = "the end" if hold else "the end, or `for DURATION` in an alert"
            scan.fail(f"{scan.rest()} is left over", more)
        return Condition(value, comparison, threshold, self.where, service, window, hold)

    def _value(self) -> OperationValue | MetricValue:
        scan = self.scan
        at = scan.here()
        function = scan.match(_WORD)
        if function is None:
            scan.fail("a value is missing", f"p95(GET /orders) and the like, by {_FUNCTIONS}")
        if function not in OPERATION_FUNCTIONS and function not in METRIC_FUNCTIONS:
            self._unknown(function, at)
        scan.expect("(", f"{function}(...)")
        if function in METRIC_FUNCTIONS:
            metric = self._metric(function)
            if metric is not None:
                return metric
        return self._operation(function)

    def _unknown(self, function: str, at: int) -> None:
        lower = function.lower()
        near = get_close_matches(lower[:20], (*OPERATION_FUNCTIONS, *METRIC_FUNCTIONS), 1, 0.7)
        if self.scan.peek() == ":":
            problem = f"{shortened(function)!r} is no value; a severity is a setting of the rule"
        else:
            problem = f"{shortened(function)!r} is no value"
        hint = f"{near[0]}, or one of " if near else ""
        self.scan.fail(problem, f"{hint}{_FUNCTIONS}", at=at)

    def _metric(self, function: str) -> MetricValue | None:
        """A metric; None where what follows is the name of an operation."""
        scan = self.scan
        begin = scan.here()
        both = function in OPERATION_FUNCTIONS
        if scan.peek() in ('"', "'"):
            name = scan.quoted()
            if both and scan.peek() != "{":
                scan.pos = begin
                return None
            metric = name.pieces[0]
            if not metric or name != Glob((metric,)):
                scan.fail("a metric has a name without *", "one name; filters in {}", at=begin)
        elif both and not scan.looks_at(METRIC_WITH_FILTERS):
            found = scan.match(METRIC_LOOK)
            if found is None or scan.peek() != ")":
                scan.pos = begin
                return None
            metric = found
        else:
            found = scan.match(PLAIN_METRIC)
            if found is None:
                valid = "an OpenTelemetry name such as process.memory.usage"
                scan.fail("the name of a metric is missing", valid)
            metric = found
        filters = self._filters() if scan.peek() == "{" else ()
        scan.expect(")", "a metric takes filters in {} and nothing else")
        return MetricValue(function, metric, filters)

    def _filters(self) -> tuple[Filter, ...]:
        scan = self.scan
        scan.expect("{", "filters in {}")
        found: list[Filter] = []
        while scan.peek() != "}":
            if found:
                scan.expect(",", "a comma between two filters, or }")
            key = scan.match(_KEY)
            if key is None:
                scan.fail("the name of an attribute is missing", "{cpu.mode != idle}")
            at = scan.here()
            sign = scan.match(_COMPARISON)
            if sign not in ("=", "!="):
                scan.fail(f"{_shown(sign, scan)} in a filter", "= or !=, with *", at=at)
            found.append(Filter(key, sign == "=", self._filter_value()))
        scan.expect("}", "} behind the filters")
        return tuple(found)

    def _filter_value(self) -> Glob:
        scan = self.scan
        if scan.peek() in ('"', "'"):
            return scan.quoted()
        value = scan.match(PLAIN_VALUE)
        if value is None:
            scan.fail("the value of an attribute is missing", "a word, or a text in quotes")
        return Glob(tuple(value.split("*")))

    def _operation(self, function: str) -> OperationValue:
        scan = self.scan
        operation = self._name(function)
        argument: Quantity | None = None
        kind: Kind | None = None
        while scan.peek() == ",":
            scan.expect(",", "a comma")
            at = scan.here()
            if scan.match(KIND_KEY) is not None:
                word = scan.match(_WORD) or ""
                if not word and scan.at_end():
                    at = scan.here()
                if kind is not None or word not in Kind._value2member_map_:
                    problem = "kind= is there twice" if kind else f"{shortened(word)!r} is no kind"
                    scan.fail(problem, f"kind= with one of {_KINDS}", at=at)
                kind = Kind(word)
            elif function in ("apdex", "burn_rate") and argument is None:
                argument = self._argument(function, at)
            else:
                valid = f"kind= with one of {_KINDS}"
                scan.fail(f"{function} takes nothing of that kind", valid, at=at)
        scan.expect(")", "a comma or ) behind the operation")
        if function == "burn_rate" and argument is None:
            problem = "the objective is missing"
            scan.fail(problem, "burn_rate(POST /pay, 99.9%)", at=scan.pos - 1)
        if function == "apdex" and argument is None:
            argument = APDEX_THRESHOLD
        return OperationValue(function, operation, kind or Kind.ENTRY, argument)

    def _name(self, function: str) -> Glob:
        scan = self.scan
        at = scan.here()
        if scan.peek() in ('"', "'"):
            name = scan.quoted()
            if name.pieces == ("",):
                scan.fail("the operation is empty", "a name, or * for all", at=at)
            return name
        text = (scan.match(_BARE_OPERATION) or "").rstrip(" \t\r\n")
        if not text:
            scan.fail("the operation is missing", f"{function}(GET /orders), or * for all", at=at)
        if KIND_KEY.match(text):
            scan.fail("the operation is missing", f"{function}(*, {shortened(text)})", at=at)
        control = CONTROL.search(text)
        if control is not None:
            scan.fail("a line break in a name", "a name on one line", at=at + control.start())
        if scan.peek() in ("(", '"', "'", "\\"):
            problem = f"{scan.peek()} in a name without quotes"
            scan.fail(problem, f'{function}("...") with \\" and \\\\ inside')
        return Glob(tuple(text.split("*")))

    def _argument(self, function: str, at: int) -> Quantity:
        scan = self.scan
        if function == "apdex":
            found = scan.quantity("a threshold")
            if found.unit.dimension is not Dimension.TIME or found.seconds <= 0:
                problem = f"{found} is no threshold of apdex"
                scan.fail(problem, f"{VALID_UNITS[Dimension.TIME]}, above 0", at=at)
            return found
        found = scan.quantity("an objective")
        is_share = found.unit.dimension in (Dimension.RATIO, Dimension.NUMBER)
        if not is_share or not 0 < found.base < 1:
            scan.fail(f"{found} is no objective", "a share below 1, as 99.9% or 0.999", at=at)
        return found

    def _service(self) -> Glob:
        scan = self.scan
        at = scan.here()
        if scan.peek() in ('"', "'"):
            name = scan.quoted()
            if name.pieces != ("",):
                return name
        else:
            found = scan.match(PLAIN_SERVICE)
            if found is not None and found != "over":
                return Glob(tuple(found.split("*")))
        scan.fail("the service is missing", "in SERVICE, a name in quotes if it is no word", at=at)

    def _comparison(self) -> Comparison:
        scan = self.scan
        at = scan.here()
        sign = scan.match(_COMPARISON)
        if sign is None or sign not in COMPARISONS:
            problem = f"{_shown(sign, scan)} is no comparison"
            valid = "==" if sign == "=" else " ".join(COMPARISONS)
            if sign is None:
                valid = f"in SERVICE, over WINDOW, or one of {valid}"
            scan.fail(problem, valid, at=at)
        return cast("Comparison", sign)

    def _check(self, value: OperationValue | MetricValue, threshold: Quantity, at: int) -> None:
        """Whether the threshold is in a unit, and in the range, of what it is compared with."""
        dimension = threshold.unit.dimension
        if isinstance(value, MetricValue):
            if dimension not in METRIC_FUNCTIONS[value.function]:
                valid = "a number, %, /s, /min, or a size per /s or /min"
                self.scan.fail(f"{threshold} is no rate of a metric", valid, at=at)
            return
        expected = OPERATION_FUNCTIONS[value.function]
        is_share = expected is Dimension.RATIO and dimension is Dimension.NUMBER
        if dimension is not expected and not is_share:
            problem = f"{value.function} is no {_NAMES[dimension]}, as {threshold} is"
            if dimension is Dimension.NUMBER:
                problem = f"{threshold} has no unit"
            self.scan.fail(problem, VALID_UNITS[expected], at=at)
        if threshold.number < 0:
            self.scan.fail(f"{value.function} is never negative", "a number from 0 on", at=at)
        if expected is Dimension.RATIO and threshold.base > 1:
            problem = f"{value.function} is never above 1, which is 100%"
            self.scan.fail(problem, VALID_UNITS[expected], at=at)


def _shown(sign: str | None, scan: Scanner) -> str:
    return repr(sign) if sign else scan.rest()


_NAMES = {
    Dimension.NUMBER: "number",
    Dimension.RATIO: "share",
    Dimension.TIME: "time",
    Dimension.SIZE: "size",
    Dimension.PER_SECOND: "rate",
    Dimension.SIZE_PER_SECOND: "rate of a size",
}

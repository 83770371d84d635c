"""CloudWatch's metric math as far as our alarms use it, and its verdict on a series: no emulator does either.

Arithmetic of series, point by point; a point that one side lacks, and a division by nothing, are no point. Periods
without a point count as the alarm says. (AWS's documentation; the real one was never asked.)
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

Series = Sequence[float | None]
"""One value a period, the oldest first; None where there is no data."""
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}
_MISSING: Final = {"breaching": True, "notBreaching": False}


def evaluate(expression: str, series: Mapping[str, Series]) -> list[float | None]:
    """Return what an expression gives over series of one length. Raises ValueError for what it does not know."""
    [length] = {len(each) for each in series.values()}
    body = ast.parse(expression, mode="eval").body
    return [_point(body, {name: each[at] for name, each in series.items()}) for at in range(length)]


def _point(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            sides = _point(left, values), _point(right, values)
            if sides[0] is None or sides[1] is None or (isinstance(op, ast.Div) and sides[1] == 0):
                return None
            return _ARITHMETIC[type(op)](sides[0], sides[1])
    raise ValueError(f"metric math that is not known here: {ast.unparse(node)}")


def share_of(alarm: Mapping[str, Any], series: Mapping[str, Series]) -> list[float | None]:
    """Return the series that an alarm looks at, from those of its metrics by name. Raises ValueError, KeyError."""
    queries = {each["Id"]: each for each in alarm["Metrics"]}
    [shown] = [each for each in queries.values() if each.get("ReturnData", True)]
    named = {
        label: series[each["MetricStat"]["Metric"]["MetricName"]]
        for label, each in queries.items()
        if "MetricStat" in each
    }
    return evaluate(shown["Expression"], named)


def is_in_alarm(alarm: Mapping[str, Any], values: Series) -> bool:
    """Tell whether an alarm is one after the last of these periods."""
    window = values[-alarm["EvaluationPeriods"] :]
    compared, threshold = _COMPARED[alarm["ComparisonOperator"]], alarm["Threshold"]
    missing = _MISSING[alarm["TreatMissingData"]]
    breaching = sum(missing if each is None else compared(each, threshold) for each in window)
    return bool(breaching >= alarm["DatapointsToAlarm"])

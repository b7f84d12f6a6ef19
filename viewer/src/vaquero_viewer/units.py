"""Values with their units, as a person reads them."""

from __future__ import annotations

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL = ("", "k", "M", "G", "T")


def value_text(value: float, unit: str) -> str:
    """A metric's value with its unit.

    Args:
        value: The number.
        unit: UCUM as OpenTelemetry writes it: ``By``, ``By/s``, ``1``, ``s``, ``{request}``.
            The unit ``1`` is a share only between 0 and 1; beyond that it is shown as a number.
    """
    if unit in ("By", "By/s"):
        return _scaled(value, 1024, _BINARY) + ("/s" if unit == "By/s" else "")
    if unit == "1" and 0 <= value <= 1:
        return f"{value * 100:.1f} %"
    if unit == "%":
        return f"{value:.1f} %"
    if unit == "s":
        return duration_text(value * 1000)
    if unit == "ms":
        return duration_text(value)
    number = _scaled(value, 1000, _DECIMAL)
    word = unit.replace("{", "").replace("}", "")
    if word in ("", "1"):
        return number
    # "2.40 GHz", where a prefix may stand before the unit.
    return number + word if word == "Hz" and number[-1].isalpha() else f"{number} {word}"


def duration_text(milliseconds: float) -> str:
    """A duration with three digits that count: ``850 µs``, ``12.4 ms``, ``1.52 s``, ``2 m 5 s``."""
    size = abs(milliseconds)
    if size < 0.9995:
        return f"{milliseconds * 1000:.0f} µs"
    if size < 999.5:
        return f"{_digits(milliseconds)} ms"
    if size < 59_950:
        return f"{_digits(milliseconds / 1000)} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} m {seconds} s"


def _scaled(value: float, base: int, names: tuple[str, ...]) -> str:
    index = 0
    while abs(value) >= base - 0.5 and index < len(names) - 1:
        value /= base
        index += 1
    number = f"{value:.0f}" if value == int(value) and index == 0 else _digits(value)
    return f"{number} {names[index]}".rstrip()


def _digits(value: float) -> str:
    # Compared with what is shown: 9.996 is 10.0, not 10.00.
    size = abs(value)
    if size >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"

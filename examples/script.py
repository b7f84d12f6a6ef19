"""The smallest program with spans: the one of the README."""

import vaquero


@vaquero.trace
def price(items):
    """What a basket costs."""
    with vaquero.span("discount", {"items": len(items)}):
        return sum(items) * 0.9


print(f"{price([12, 30, 8]):.2f}")

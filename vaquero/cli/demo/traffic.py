"""The customers of the demo: real HTTP requests to the shop, for some seconds."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import httpx

from vaquero.cli.output import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

#: Method, path and weight: most look, some buy, few ask for the slow report, some mistype.
_REQUESTS = (
    ("GET", "/products", 8),
    ("GET", "/products/{product}", 6),
    ("POST", "/orders?product_id={product}&amount=1", 6),
    ("POST", "/orders?product_id=5&amount=1", 1),
    ("GET", "/products/99", 1),
    ("GET", "/reports/bestsellers", 2),
)

_PAUSE_S = 0.03


def send_requests(url: str, seconds: float, check: Callable[[], None]) -> dict[int, int]:
    """Send requests one after the other.

    Args:
        url: Base URL of the shop.
        seconds: For how long.
        check: Called now and then; may raise to end it.

    Returns:
        How often each HTTP status was answered.
    """
    # Seeded: each demo shows the same kinds of traces.
    chance = random.Random(4318)
    weights = [weight for _, _, weight in _REQUESTS]
    answers: Counter[int] = Counter()
    began = time.monotonic()
    with (
        httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
        progress_bar("Customers are shopping") as update,
    ):
        while (passed := time.monotonic() - began) < seconds:
            update(passed, seconds)
            method, path, _ = chance.choices(_REQUESTS, weights)[0]
            try:
                answer = client.request(method, path.format(product=chance.randint(1, 4)))
            except httpx.HTTPError:
                check()
                raise
            answers[answer.status_code] += 1
            time.sleep(_PAUSE_S)
        update(seconds, seconds)
    return dict(answers)

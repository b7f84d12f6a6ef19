"""``vaquero doctor``: does telemetry arrive, and what is in the way."""

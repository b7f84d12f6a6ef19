"""``vaquero run``: a program with telemetry, and what its environment needs for that."""

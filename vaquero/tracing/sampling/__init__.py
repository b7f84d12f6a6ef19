"""Which traces are kept: samplers, their shortcut, thresholds, the tail share."""

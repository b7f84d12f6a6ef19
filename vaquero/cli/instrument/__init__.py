"""``vaquero instrument``: the instrumentations of libraries, shown and installed."""

"""Every test of the repository but those of a single distribution, and what they share."""

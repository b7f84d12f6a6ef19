"""What only users of the original vaquero-sdk need: its spans' methods, its configuration."""

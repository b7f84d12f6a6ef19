"""What only users of vaquero-sdk need: its spans' methods, its configuration."""

"""Libraries that programs import by name."""

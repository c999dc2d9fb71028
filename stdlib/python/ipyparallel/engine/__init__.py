"""What code that runs on an engine may import of the engine's own."""

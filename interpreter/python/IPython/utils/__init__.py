"""The parts of IPython's tools that programs import by name."""

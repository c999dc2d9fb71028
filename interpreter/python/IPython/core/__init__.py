"""The parts of IPython's core that programs import by name."""

"""Modules that scripts import by these names. The controller itself is written in Rust."""

"""The shell on a terminal, by the names by which programs start it."""

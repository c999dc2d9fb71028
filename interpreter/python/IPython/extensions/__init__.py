"""The extensions that come along with the shell, under the names by which they are loaded."""

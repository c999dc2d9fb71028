"""What modules with doctests import."""

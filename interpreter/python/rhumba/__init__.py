"""Interactive parallel computing with Python namespaces.

Kept empty of code: importing a part of the package must not import the rest.
"""

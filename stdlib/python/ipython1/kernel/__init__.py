"""Engines and tasks under their first names; see `api.py` and `client.py`."""

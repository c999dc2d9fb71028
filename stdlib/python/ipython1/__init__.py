"""The first interface to interactive parallel computing: `import ipython1.kernel.api as kernel`.

The names of 2006 to 2008, as a thin face of `ipyparallel`. Nothing is computed
or sent here. Read next: `kernel/api.py`, and `kernel/client.py` for the names of
IPython 0.9.
"""

"""What the scripts of this folder share. Not a script itself.

Each script is run as `rhumba -n 4 SCRIPT` and fails by an exception. They also
run with ipyparallel itself, under Python with four engines started by
`ipcluster start -n 4`: where rhumba means to differ, the script asks `RHUMBA`
and says why.
"""

import time

import ipyparallel as ipp

RHUMBA = "rhumba" in ipp.__version__
# How long anything may take that must happen, in seconds. It is reached only when something is
# broken, or the machine has stopped.
PATIENCE = 60


def connect(engines=4):
    """Returns a client of the running cluster, with empty namespaces."""
    client = ipp.Client(timeout=PATIENCE)
    client.wait_for_engines(engines, timeout=PATIENCE)
    client.clear(block=True)
    return client


def raises(expected, call, *args, **kwargs):
    """Returns the exception that a call raises; fails if it is of another class, or none."""
    try:
        value = call(*args, **kwargs)
    except expected as failure:
        return failure
    raise AssertionError(f"{expected} was not raised; the value is {value!r}")


def raises_remote(name, call, *args, **kwargs):
    """Returns the RemoteError that a call raises, one of whose exceptions has this name."""
    failure = raises(ipp.error.RemoteError, call, *args, **kwargs)
    if isinstance(failure, ipp.error.CompositeError):
        names = [entry[0] for entry in failure.elist]
    else:
        names = [failure.ename]
    assert name in names, (name, names, str(failure))
    return failure


def eventually(condition, timeout=PATIENCE):
    """Waits until a condition holds that nothing tells of; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not hold within {timeout} s"
        time.sleep(0.01)

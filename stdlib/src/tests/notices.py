"""Policies and notices, as far as they need no cluster."""

from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from io import StringIO
from queue import SimpleQueue
from types import SimpleNamespace

import ipyparallel as ipp
from ipyparallel.client.notices import Notice, policy, show_in_shell


def test_policies():
    assert policy(None, False) == (None, None, False)
    assert policy(5, False) == (5, None, False)
    assert policy(timedelta(minutes=2), True) == (None, 120.0, True)
    assert policy((10, timedelta(seconds=1.5)), True) == (10, 1.5, True)
    assert "needs checkpoint_every" in raised(ValueError, policy, None, True)
    for bad in (0, -1, timedelta(0), timedelta(-1)):
        assert "checkpoint_every must be" in raised(ValueError, policy, bad, False)
    for bad in (True, 1.5, "30s", [object()]):
        assert "is a number of requests" in raised(TypeError, policy, bad, False)


def test_a_cluster_checks_its_policy_before_it_starts():
    raised(ValueError, ipp.Cluster, n=1, restore_on_death=True)
    raised(TypeError, ipp.Cluster, n=1, checkpoint_every="often")
    cluster = ipp.Cluster(n=1, checkpoint_every=3, restore_on_death=True)
    assert cluster.checkpoint_every == 3 and cluster.restore_on_death


def test_notices_are_sentences():
    taken = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    restored = Notice(4, 1, "c-engine-1", taken, 3, None)
    local = taken.astimezone().strftime("%H:%M:%S")
    assert str(restored) == (
        f"engine 1 died; engine 4 has its namespace as of {local} (checkpoint c-engine-1);"
        " what 3 requests did since is lost"
    )
    assert repr(restored) == f"<Notice: {restored}>"
    assert str(Notice(4, 1, "c", taken, 0, None)).endswith("; nothing ran since")
    lost = Notice(4, 1, None, None, 1, "no checkpoint of it had been taken")
    assert str(lost) == (
        "engine 1 died, and its namespace is lost with what 1 request did since its last"
        " checkpoint: no checkpoint of it had been taken; engine 4 took its place, empty"
    )
    failing = Notice(2, None, None, None, 0, "the disk is full")
    assert str(failing) == "engine 2 can't be checkpointed: the disk is full"


def test_a_shell_tells_which_engines_have_ended_by_themselves():
    gone, shows = [], {}
    client = shown_client(gone, lambda: False, shows)

    def shown():
        with redirect_stderr(StringIO()) as said:
            shows["post_run_cell"]()
        return said.getvalue()

    assert shown() == ""
    gone += [(1, "exited with status 3"), (2, "it was shut down")]
    assert shown() == "Notice: engine 1 ended: exited with status 3.\n"
    assert shown() == ""
    del client


def test_what_ends_while_a_cell_is_typed_is_told_at_once_and_once():
    gone, shows, changes, waits = [], {}, SimpleQueue(), SimpleQueue()

    def wait():
        waits.put(None)
        return changes.get(timeout=60)

    client = shown_client(gone, wait, shows)
    with redirect_stderr(StringIO()) as said:
        waits.get(timeout=60)
        gone.append((1, "exited with status 3"))
        changes.put(True)
        # It has been shown before the thread waits again.
        waits.get(timeout=60)
        assert said.getvalue() == "Notice: engine 1 ended: exited with status 3.\n"
        shows["pre_run_cell"]()
        assert said.getvalue().count("Notice") == 1
        changes.put(False)
    del client


def shown_client(gone, wait, shows):
    """A client whose engines are gone as told, and of which a shell shows it by `shows`."""

    class Client:
        def __init__(self, connection):
            self._connection = connection

    connection = SimpleNamespace(
        closed=False,
        departures=lambda: gone,
        notices_since=lambda cursor: (cursor, []),
        following=lambda: SimpleNamespace(wait=wait),
    )
    client = Client(connection)
    events = SimpleNamespace(register=shows.__setitem__)
    show_in_shell(client, SimpleNamespace(events=events), True)
    return client

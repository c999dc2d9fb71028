"""What clusters write besides their task stores: logs, and what is left when they end.

A cluster has a folder of its own (`docs/task-store.md` says what stays in it).
`Cluster` and `clean_cluster_files` are the ways here; nothing asks a controller.
"""

import os

# The logs in a cluster's folder `log`, by who writes them.
_LOGS = {"controller": "controller.log", "engines": "engines.log"}

_CLUSTER_FILE = "cluster.json"


class Controller:
    """The controller of a cluster that was started, as `Cluster.controller` has it."""

    def __init__(self, folder):
        self._folder = folder

    def get_output(self, remove=False):
        """Returns the text of its log; see `Cluster.get_output`."""
        return read_log(self._folder, "controller", remove)

    @property
    def running(self):
        """Whether it runs now."""
        return _is_running(self._folder)

    def __repr__(self):
        return f"<Controller of {self._folder}>"


class EngineSet(list):
    """The ids of engines that were started together.

    n: how many they are
    """

    def __init__(self, ids, folder):
        list.__init__(self, ids)
        self._folder = folder

    @property
    def n(self):
        return len(self)

    @property
    def running(self):
        """Whether some of them are there now, or about to be; not known once the cluster's file is removed."""
        from .client.client import Client

        if self._folder is None or not _is_running(self._folder):
            return False
        try:
            client = Client(os.path.join(self._folder, _CLUSTER_FILE))
        except OSError:
            return False  # it has ended meanwhile, or is not to be found
        with client:
            came, present = client._connection.next_engine, client.ids
            return any(engine >= came or engine in present for engine in self)

    def get_output(self, remove=False):
        """Returns the text of their log, which is one for all engines; see `Cluster.get_output`."""
        return read_log(self._folder, "engines", remove)


def read_log(folder, part, remove):
    """Returns the text of a log, '' if there is none."""
    if folder is None:
        return ""
    path = os.path.join(folder, "log", _LOGS[part])
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if remove and os.path.exists(os.path.join(folder, _CLUSTER_FILE)):
            # Who writes it goes on writing into the same file.
            os.truncate(path, 0)
        elif remove:
            os.remove(path)
            _remove_empty(folder)
    except FileNotFoundError:
        return ""
    return text


def output_of(folder, part, remove):
    """Does what `Cluster.get_output` says."""
    if part is not None and part not in _LOGS:
        raise ValueError(f"part must be 'controller' or 'engines', not {part!r}")
    if part is not None:
        return read_log(folder, part, remove)
    texts = {name: read_log(folder, name, remove) for name in _LOGS}
    return "\n".join(f"Output of the {name}:\n{text}" for name, text in texts.items() if text)


def clean(chosen, log, force):
    """Does what `clean_cluster_files` says."""
    folders = _folders(chosen)
    running = [folder for folder in folders if _is_running(folder)]
    if running and not force:
        names = ", ".join(map(os.path.basename, running))
        raise ValueError(
            f"{'these clusters are' if len(running) > 1 else 'this cluster is'} running: {names};"
            " stop it first (rhumba cluster stop), or remove the files of a running cluster with"
            " force=True, after which nobody finds it any more"
        )
    for folder in folders:
        if log:
            log.info(f"cleaning {folder}")
        for path in _remains(folder, folder in running):
            _remove(path, log)
        _remove_empty(folder)


def _folders(chosen):
    """Returns the folders of clusters: of all, or of those chosen by their ids or paths."""
    directory = _clusters_directory()
    if chosen is None:
        names = os.listdir(directory) if os.path.isdir(directory) else []
        paths = [os.path.join(directory, name) for name in sorted(names)]
    else:
        chosen = [chosen] if isinstance(chosen, (str, os.PathLike)) else chosen
        # A path that is absolute stays what it is when it is joined.
        paths = [os.path.normpath(os.path.join(directory, os.fspath(each))) for each in chosen]
        for path in paths:
            if os.path.dirname(path) != directory:
                raise ValueError(
                    f"{path} is not the folder of a cluster: they are in {directory}, and are"
                    " called by the clusters' ids"
                )
    return [path for path in paths if os.path.isdir(path)]


def _clusters_directory():
    from IPython.paths import get_ipython_dir

    return os.path.abspath(os.path.join(get_ipython_dir(), "clusters"))


def _remains(folder, is_running):
    """Returns the files that a cluster has left, without its records of tasks.

    Of one that runs, the socket isn't among them: who is connected needs it.
    """
    paths = [os.path.join(folder, _CLUSTER_FILE)]
    if not is_running and _is_socket(_socket(folder)):
        paths.append(_socket(folder))
    logs = os.path.join(folder, "log")
    if os.path.isdir(logs):
        paths += [os.path.join(logs, name) for name in os.listdir(logs)]
    return [path for path in paths if os.path.lexists(path)]


def _socket(folder):
    """Returns the path of a cluster's socket, which may be elsewhere if the folder's is long."""
    import json

    try:
        with open(os.path.join(folder, _CLUSTER_FILE), encoding="utf-8") as file:
            return os.fspath(json.load(file)["socket"])
    except (OSError, ValueError, KeyError, TypeError):
        return os.path.join(folder, "controller.socket")


def _is_socket(path):
    import stat

    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_running(folder):
    """Returns whether somebody listens at a cluster's socket, be it that it answers or not."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dialled:
        dialled.setblocking(False)
        try:
            dialled.connect(_socket(folder))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            # It is too busy to take up another connection, or not ours to dial.
            return True
    return True


def _remove(path, log):
    if log:
        log.debug(f"removing {path}")
    try:
        os.remove(path)
    except FileNotFoundError:
        pass
    except OSError as problem:
        if not log:
            raise
        log.error(f"{path} could not be removed: {problem}")


def _remove_empty(folder):
    """Removes a cluster's folders where nothing is in them any more."""
    for path in (os.path.join(folder, "log"), folder):
        try:
            os.rmdir(path)
        except OSError:
            pass

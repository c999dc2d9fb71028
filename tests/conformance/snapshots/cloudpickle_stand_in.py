"""Snapshots in the place of cloudpickle, for cloudpickle's own tests.

`install` leaves the package as it is but for the functions that turn objects into bytes and back, which
become those of `rhumba.namespace`, with the globals of functions carried along as cloudpickle carries
them. What tests ask of cloudpickle's internals they still find there. Processes that tests start are this
executable again, with the same in place; `child_of_case.py` is what they run.
"""

import io
import os
import stat
import subprocess
import sys
import types

CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child_of_case.py")
SERIALIZER_VARIABLE = "SNAPSHOT_CONFORMANCE_SERIALIZER"
EXECUTABLE_VARIABLE = "SNAPSHOT_CONFORMANCE_EXECUTABLE"


def install(is_snapshot, sources):
    """Puts snapshots where cloudpickle's tests look; a control run gets cloudpickle itself."""
    sys.path[:0] = [
        f"{sources}/cloudpickle/tests/cloudpickle_testpkg",
        f"{sources}/cloudpickle/tests",
        f"{sources}/cloudpickle",
        f"{sources}/packages",
    ]
    sys.modules["psutil"] = _psutil()
    import cloudpickle

    if is_snapshot:
        _replace_functions(cloudpickle)
    os.environ[SERIALIZER_VARIABLE] = "snapshot" if is_snapshot else "control"
    os.environ.setdefault(EXECUTABLE_VARIABLE, sys.executable)
    sys.executable = _launcher(sources)


def install_worker(testutils):
    """Gives the tests' worker process a pipe in the place of a pool of processes, which this Python may lack."""
    testutils._Worker = Worker


def run_child(argv):
    """Runs what a test starts a process for: -c CODE, or a script."""
    sources = argv[0]
    install(os.environ[SERIALIZER_VARIABLE] == "snapshot", sources)
    main = sys.modules["__main__"]
    if argv[1] == "-c":
        sys.argv = ["-c"]
        code = compile(argv[2], "<string>", "exec")
    else:
        sys.argv = argv[1:]
        main.__dict__["__file__"] = argv[1]
        sys.path.insert(0, os.path.dirname(argv[1]))
        with open(argv[1], encoding="utf-8") as file:
            code = compile(file.read(), argv[1], "exec")
    import testutils

    install_worker(testutils)
    exec(code, main.__dict__)


def work(stream_in, stream_out):
    """Calls what comes in and sends back what it gives, until nothing more comes; a worker process runs this."""
    import cloudpickle
    import pickle

    while data := _receive(stream_in):
        function, args, kwargs = pickle.loads(data)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            result = error
        _send(stream_out, cloudpickle.dumps(result))


class Worker:
    """A process that keeps what it was sent, for tests that call functions there."""

    def __init__(self, protocol=None):
        code = (
            "import os, sys, cloudpickle_stand_in as stand_in\n"
            "channel = os.fdopen(os.dup(1), 'wb')\n"
            "os.dup2(2, 1)\n"
            "stand_in.work(sys.stdin.buffer, channel)\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        # It has started when it answers.
        self.run(id, 42)

    def run(self, function, *args, **kwargs):
        import cloudpickle
        import pickle

        _send(self.process.stdin, cloudpickle.dumps((function, args, kwargs)))
        result = pickle.loads(_receive(self.process.stdout))
        if isinstance(result, BaseException):
            raise result
        return result

    def memsize(self):
        return _resident_bytes(self.process.pid)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def _send(stream, data):
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def _receive(stream):
    head = stream.read(8)
    return stream.read(int.from_bytes(head, "little")) if len(head) == 8 else b""


def _replace_functions(cloudpickle):
    from rhumba import namespace

    def dumps(obj, protocol=None, buffer_callback=None):
        if buffer_callback is not None:
            raise TypeError("snapshots have no buffer_callback")
        return namespace.dumps(obj, globals="carried")

    def dump(obj, file, protocol=None, buffer_callback=None):
        file.write(dumps(obj, protocol, buffer_callback))

    def loads(data):
        return namespace.loads(data)

    def load(file):
        return namespace.loads(file.read())

    import pickle

    # What they refuse, cloudpickle's own functions refuse.
    cloudpickle_register = cloudpickle.register_pickle_by_value
    cloudpickle_unregister = cloudpickle.unregister_pickle_by_value

    def register_pickle_by_value(module):
        cloudpickle_register(module)
        namespace.register_by_value(module)

    def unregister_pickle_by_value(module):
        cloudpickle_unregister(module)
        namespace.unregister_by_value(module)

    for module in cloudpickle, cloudpickle.cloudpickle, cloudpickle.cloudpickle_fast:
        module.dumps, module.dump, module.loads, module.load = dumps, dump, loads, load
        module.register_pickle_by_value = register_pickle_by_value
        module.unregister_pickle_by_value = unregister_pickle_by_value
    pickle.loads, pickle.load = loads, load


def _psutil():
    """The one thing that tests ask of psutil, which is no pure Python."""
    psutil = types.ModuleType("psutil")

    class Process:
        def __init__(self, pid=None):
            self.pid = pid or os.getpid()

        def memory_info(self):
            return types.SimpleNamespace(rss=_resident_bytes(self.pid))

    psutil.Process = Process
    return psutil


def _resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _launcher(sources):
    """An executable that takes CPython's command line as far as tests use it."""
    path = os.path.join(sources, f"launcher-{os.environ[SERIALIZER_VARIABLE]}")
    text = (
        "#!/bin/sh\n"
        'if [ "$1" = "-W ignore" ]; then shift; fi\n'
        f'exec "${EXECUTABLE_VARIABLE}" "{CHILD}" "{sources}" "$@"\n'
    )
    # Several may write it at once, the same each time.
    temporary = f"{path}.{os.getpid()}"
    with io.open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(temporary, stat.S_IRWXU)
    os.replace(temporary, path)
    return path

"""Runs one test suite of others with snapshots in the place of pickle: one line of JSON for each case.

run_cases.py SUITE WAY SERIALIZER SOURCES [AFTER]

SUITE       pickle, copy, dataclasses, enum, functools, cloudpickle
WAY         main: the suite's own classes and functions are made in __main__, so they go by value;
            imported: they can be imported, so they go by name
SERIALIZER  snapshot; or control: what the suite was written for, which tells what this Python lacks
SOURCES     the folder with the sources of the suites
AFTER       only the cases behind this one; else all

Each line tells a case that begins ("case") and how it ended ("outcome", "said"), so that whoever reads
them knows which case was running when the process ended. `cargo conformance snapshots` does that.
"""

import ast
import contextlib
import copy
import importlib
import json
import os
import pickle
import sys
import types
import unittest

from rhumba import namespace

REAL_DUMPS, REAL_LOADS = pickle.dumps, pickle.loads
# The protocol that snapshots hand to __reduce_ex__.
REDUCE_PROTOCOL = 4
SAID_MAX = 300


class Serializer:
    """What stands in the place of pickle and of copy.deepcopy."""

    def __init__(self, name):
        self.is_snapshot = name == "snapshot"
        # While this is true, tests see a pickle's bytes, and get back what the snapshot beside it holds.
        self.is_beside_pickle = False
        self.snapshot_of_pickle = {}

    def install(self):
        """Puts it where tests look: pickle and copy, whatever way they are reached later."""
        if self.is_snapshot:
            pickle.dumps, pickle.loads = self.dumps, self.loads
            copy.deepcopy = self.deepcopy

    def dumps(self, obj, protocol=None, **options):
        """pickle.dumps: a protocol means nothing to a snapshot, and it has no options."""
        if not self.is_snapshot:
            return REAL_DUMPS(obj, protocol, **options)
        _refuse(options)
        snapshot = namespace.dumps(obj)
        if not self.is_beside_pickle:
            return snapshot
        try:
            pickled = REAL_DUMPS(obj, protocol)
        except Exception:
            # What only pickle refuses is no matter of what its bytes look like.
            return snapshot
        self.snapshot_of_pickle[pickled] = snapshot
        return pickled

    def loads(self, data, **options):
        if not self.is_snapshot:
            return REAL_LOADS(data, **options)
        _refuse(options)
        return namespace.loads(self.snapshot_of_pickle.get(bytes(data), data))

    def deepcopy(self, obj, memo=None):
        return namespace.loads(namespace.dumps(obj))


def _refuse(options):
    """Refuses what only pickle has; what has a meaning in Python 2 alone is let through."""
    options.pop("fix_imports", None)
    if options:
        raise TypeError(f"snapshots have no {', '.join(options)}")


def module_of(name, path, way):
    """The module of a test file: imported, or with its source run in __main__.

    In __main__ what the file does when it is run as a script is left out.
    """
    if way == "imported":
        return importlib.import_module(name)
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), path)
    tree.body = [statement for statement in tree.body if not _asks_for_main(statement)]
    main = sys.modules["__main__"]
    exec(compile(tree, path, "exec"), main.__dict__)
    return main


def _asks_for_main(statement):
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and isinstance(statement.test.left, ast.Name)
        and statement.test.left.id == "__name__"
    )


# The suites: each gives the classes and functions that hold its cases, and which cases are meant.


def pickle_suite(way, serializer, sources):
    module = module_of("test.pickletester", f"{sources}/test/pickletester.py", way)

    # What snapshots ask of objects, whatever protocol a test names.
    module.protocols = [REDUCE_PROTOCOL]

    class PickleTests(module.AbstractPickleTests, unittest.TestCase):
        def dumps(self, arg, protocol=None, **options):
            return serializer.dumps(arg, protocol, **options)

        def loads(self, data, **options):
            return serializer.loads(data, **options)

    return [PickleTests], lambda name: True


def copy_suite(way, serializer, sources):
    module = module_of("test.test_copy", f"{sources}/test/test_copy.py", way)
    return [module.TestCopy], lambda name: "deepcopy" in name


def dataclasses_suite(way, serializer, sources):
    module = module_of("test.test_dataclasses", f"{sources}/test/test_dataclasses.py", way)
    classes = [value for value in vars(module).values() if _is_test_class(value)]
    return classes, lambda name: name.endswith(("test_dataclasses_pickleable", "test_frozen_pickle"))


def enum_suite(way, serializer, sources):
    module = module_of("test.test_enum", f"{sources}/test/test_enum.py", way)
    module.dumps, module.loads = serializer.dumps, serializer.loads
    classes = [value for value in vars(module).values() if _is_test_class(value)]
    wanted = _functions_that_name(f"{sources}/test/test_enum.py", ("test_pickle_dump_load", "test_pickle_exception"))
    return classes, lambda name: name.split(".")[-1] in wanted


def functools_suite(way, serializer, sources):
    # It wants its module from a file; this Python has the standard library in its executable.
    from test.support import import_helper

    import_helper.frozen_modules = lambda enabled=True: contextlib.nullcontext()
    module = module_of("test.test_functools", f"{sources}/test/test_functools.py", way)
    classes = [value for value in vars(module).values() if _is_test_class(value)]
    wanted = ("pickle", "copy", "deepcopy", "setstate", "reduce")
    return classes, lambda name: any(word in name for word in wanted) and not name.startswith("TestReduce")


def cloudpickle_suite(way, serializer, sources):
    import cloudpickle_stand_in

    cloudpickle_stand_in.install(serializer.is_snapshot, sources)
    from tests import testutils

    cloudpickle_stand_in.install_worker(testutils)
    # Nearly all of its functions and classes are local, so by value whichever way; its own imports are relative.
    module = importlib.import_module("tests.cloudpickle_test")
    functions = [
        value
        for name, value in vars(module).items()
        if name.startswith("test_") and isinstance(value, types.FunctionType)
    ]
    file_tests = importlib.import_module("tests.cloudpickle_file_test")
    return [module.CloudPickleTest, file_tests.CloudPickleFileTests, *functions], lambda name: True


SUITES = {
    "pickle": pickle_suite,
    "copy": copy_suite,
    "dataclasses": dataclasses_suite,
    "enum": enum_suite,
    "functools": functools_suite,
    "cloudpickle": cloudpickle_suite,
}
# Their cases look into pickle's bytes before they look at the objects. One that fails is run again with a
# pickle to look into and the snapshot to read back; if that passes its outcome is "beside".
SUITES_ABOUT_BYTES = {"pickle"}


def _is_test_class(value):
    return isinstance(value, type) and issubclass(value, unittest.TestCase)


def _functions_that_name(path, names):
    """The test functions of a file in which one of these names is used."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if used.intersection(names):
                found.add(node.name)
    return found


def cases_of(holders, is_meant):
    """Yields the name of each case and the test that runs it."""
    seen = set()
    for holder in holders:
        if isinstance(holder, types.FunctionType):
            names = [(holder.__name__, unittest.FunctionTestCase(holder))]
        else:
            methods = unittest.TestLoader().getTestCaseNames(holder)
            names = [(f"{holder.__name__}.{method}", holder(method)) for method in methods]
        for name, test in names:
            if is_meant(name) and name not in seen:
                seen.add(name)
                yield name, test


class Outcome(unittest.TestResult):
    """Tells on one line how the case ended: passes, fails, or is skipped."""

    def startTest(self, test):
        super().startTest(test)
        self.outcome, self.said = "passes", ""

    def _fails(self, error):
        # The first failure is the one to tell; subtests may fail many times.
        if self.outcome == "passes":
            kind, value, _ = error
            self.outcome, self.said = "fails", f"{kind.__name__}: {value}"

    def addError(self, test, error):
        self._fails(error)

    def addFailure(self, test, error):
        self._fails(error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self._fails(error)

    def addSkip(self, test, reason):
        # pytest raises an exception of its own to skip; unittest calls this for its own only.
        if self.outcome == "passes":
            self.outcome, self.said = "skipped", reason

    def addExpectedFailure(self, test, error):
        self.outcome = "passes"

    def addUnexpectedSuccess(self, test):
        self._fails((AssertionError, AssertionError("it passes and was expected to fail"), None))


def run(test):
    """Runs a case; returns how it ended and what it said."""
    result = Outcome()
    try:
        test.run(result)
    except BaseException as error:
        # Such as pytest's, or a KeyboardInterrupt that a case raises.
        return "fails", f"{type(error).__name__}: {error}"
    if result.said.startswith("Skipped: "):
        return "skipped", result.said
    return result.outcome, result.said


def tell(channel, **line):
    channel.write(json.dumps(line) + "\n")
    channel.flush()


def main(suite, way, serializer_name, sources, after=None):
    # Cases print; what is told goes where standard output was, what they print beside standard error.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path[:0] = [sources, f"{sources}/packages"]
    serializer = Serializer(serializer_name)
    serializer.install()
    holders, is_meant = SUITES[suite](way, serializer, sources)
    for name, test in cases_of(holders, is_meant):
        if after is not None:
            after = None if name == after else after
            continue
        tell(channel, case=name)
        outcome, said = run(test)
        if outcome == "fails" and serializer.is_snapshot and suite in SUITES_ABOUT_BYTES:
            serializer.is_beside_pickle = True
            if run(test)[0] == "passes":
                outcome = "beside"
            serializer.is_beside_pickle = False
        tell(channel, case=name, outcome=outcome, said=" ".join(said.split())[:SAID_MAX])
    tell(channel, done=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Runs one file of IPython's own test suite: two lines of JSON for each case.

run_cases.py SUITE WAY PROGRAM SOURCES [AFTER]

SUITE    a test file without its .py: test_magic
WAY      shell: there is one way in which these are run
PROGRAM  rhumba; or control: IPython itself, with the Python that it is installed for
SOURCES  the folder that fetch_sources.py has made
AFTER    only the cases behind this one; else all

Each line tells a case that begins ("case") and how it ended ("outcome", "said"), so that whoever reads
them knows which case was running when the process ended. Real pytest collects and runs the cases.
It isn't the place where the outcomes are judged: outcomes.txt is. Read next: shell_for_tests.py.
"""

import asyncio
import inspect
import json
import os
import shutil
import sys
import tempfile

SAID_MAX = 300
CASE_NAME_MAX = 100


def tell(channel, **line):
    channel.write(json.dumps(line) + "\n")
    channel.flush()


class Reporter:
    """A plugin of pytest: names the cases, leaves out those that ran before, and tells how each ended."""

    def __init__(self, channel, after):
        self.channel = channel
        self.after = after
        self.names = {}
        self.outcome = self.said = None

    def pytest_collectreport(self, report):
        if report.failed:
            self._tell_of_collection("fails", last_line(report.longreprtext))
        elif report.skipped:
            self._tell_of_collection("skipped", skip_reason(report))

    def _tell_of_collection(self, outcome, said):
        # As if the file were one case: none of its own can be told.
        tell(self.channel, case="collection")
        tell(self.channel, case="collection", outcome=outcome, said=shortened(said))

    def pytest_collection_modifyitems(self, items):
        taken = set()
        for item in items:
            self.names[item.nodeid] = name = unused(case_name(item.nodeid), taken)
            taken.add(name)
        if self.after is not None:
            names = [self.names[item.nodeid] for item in items]
            if self.after not in names:
                raise SystemExit(f"there is no case {self.after}, behind which to go on")
            del items[: names.index(self.after) + 1]

    def pytest_runtest_logstart(self, nodeid, location):
        self.outcome, self.said = "passes", ""
        tell(self.channel, case=self.names[nodeid])

    def pytest_runtest_logreport(self, report):
        # The first thing that goes wrong is the one to tell: setup, call, then teardown.
        if self.outcome != "passes" or hasattr(report, "wasxfail") and report.skipped:
            return
        if report.failed:
            self.outcome, self.said = "fails", last_line(report.longreprtext)
        elif report.skipped:
            self.outcome, self.said = "skipped", skip_reason(report)

    def pytest_runtest_logfinish(self, nodeid, location):
        tell(self.channel, case=self.names[nodeid], outcome=self.outcome, said=shortened(self.said))

    def pytest_pyfunc_call(self, pyfuncitem):
        function, given = pyfuncitem.obj, pyfuncitem.funcargs
        given = {name: given[name] for name in inspect.signature(function).parameters if name in given}
        try:
            if inspect.iscoroutinefunction(function):
                asyncio.run(function(**given))
            else:
                function(**given)
        except (KeyboardInterrupt, SystemExit) as stopped:
            # It would end the cases that follow, too.
            raise AssertionError(f"the case ended with {stopped!r}") from stopped
        return True


def case_name(nodeid):
    """What a case is called: its class, function and parameters, without blanks."""
    name = nodeid.partition("::")[2].replace("::", ".")
    name = "".join("_" if letter.isspace() else letter for letter in name)
    return name if len(name) <= CASE_NAME_MAX else name[: CASE_NAME_MAX - 1] + "…"


def unused(name, taken):
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}#{number}"
    return found


def last_line(text):
    """What pytest says went wrong: the last line that it marks, else the last there is."""
    lines = [line for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    errors = [line for line in marked if line.partition(":")[0].endswith(("Error", "Exception", "Exit", "Interrupt"))]
    chosen = (errors or marked[:1] or lines[-1:] or [""])[0]
    return chosen


def skip_reason(report):
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def shortened(text):
    return " ".join(text.split())[:SAID_MAX]


def main(channel, suite, program, sources, after):
    sources = os.path.abspath(sources)
    if program == "rhumba":
        sys.path.insert(1, f"{sources}/packages")
    # IPython's tests leave files where they are; relative imports in them need the folder above.
    work = tempfile.mkdtemp(prefix="ipython-cases-")
    os.chdir(work)
    os.environ["IPYTHONDIR"] = f"{work}/ipython"
    os.makedirs(f"{work}/ipython/profile_default", exist_ok=True)

    import pytest
    import shell_for_tests

    shell_for_tests.prepare(program, sources)
    if program == "rhumba":
        shell_for_tests.stand_in_for_absent(f"{sources}/tests/{suite}.py")
    options = [
        f"{sources}/tests/{suite}.py", "--noconftest", "-c", os.devnull, "--rootdir", sources,
        "--assert=plain", "-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:faulthandler",
        "-q", "--tb=short", "--capture=sys", "--color=no", "-W", "ignore", "--basetemp", f"{work}/pytest",
    ]  # fmt: skip
    pytest.main(options, plugins=[Reporter(channel, after)])
    shutil.rmtree(work, ignore_errors=True)
    tell(channel, done=True)
    # Threads and children that cases have left don't keep the process.
    os._exit(0)


def begin(suite, way, program, sources, after=None):
    """Runs the cases where the shell is: in this process, or in a cell of rhumba's shell."""
    if way != "shell":
        raise SystemExit(f"the way in which IPython's tests are run is shell, not {way}")
    # Cases print; what is told goes where standard output was, what they print beside standard error.
    channel = os.dup(1)
    os.dup2(2, 1)
    folder = os.path.dirname(os.path.abspath(__file__))
    # By name, as cases that clear the namespace of the shell would take away what runs them.
    cell = (
        f"import sys; sys.path.insert(0, {folder!r}); import run_cases;"
        f" run_cases.main(run_cases.opened({channel}), {suite!r}, {program!r}, {os.path.abspath(sources)!r}, {after!r})"
    )
    if program != "rhumba":
        exec(cell, {})
    # A script has no history and no values that stay; a shell that reads this cell has all.
    readable, writable = os.pipe()
    os.write(writable, f"{cell}\n".encode())
    os.close(writable)
    os.dup2(readable, 0)
    os.set_inheritable(channel, True)
    os.execv(sys.executable, [sys.executable, "-i"])


def opened(channel):
    os.set_inheritable(channel, False)
    return os.fdopen(channel, "w", encoding="utf-8")


if __name__ == "__main__":
    begin(*sys.argv[1:])

"""Runs one file of ipyparallel's test suite with rhumba's ipyparallel: one line of JSON for each case.

run_cases.py SUITE WAY IMPLEMENTATION SOURCES [AFTER]

SUITE           a test file of it by what is behind `test_`: view, client, asyncresult, …
WAY             imported: the only one
IMPLEMENTATION  rhumba; or control: ipyparallel itself, with the suite's own clusters. That is run by the
                Python that it is installed for, and tells what the suite expects of its machine
SOURCES         the folder with `suite/ipyparallel` (as its wheel holds it) and `packages` (pytest and
                what it needs)
AFTER           only the cases behind this one; else all

Each line tells a case that begins ("case") and how it ended ("outcome", "said"), so that whoever reads
them knows which case was running when the process ended. The cases' clusters, and what else they expect
beside them, are in `cluster_cases.py`. Which files are run, and how each case is expected to end, is in
outcomes.txt; `cargo conformance ipyparallel` compares.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

SAID_MAX = 300
# Test files whose cases others have, too.
SHARED = ("view",)
# What pytest would keep, rewrite and catch: cases catch output themselves.
PYTEST_OPTIONS = ("-p", "no:cacheprovider", "--assert=plain", "--capture=no", "-q", "-W", "ignore")


class Telling:
    """A plugin of pytest that tells of cases as they begin and end."""

    def __init__(self, channel, after):
        self.channel = channel
        self.after = after

    def tell(self, **line):
        self.channel.write(json.dumps(line) + "\n")
        self.channel.flush()

    def pytest_collection_modifyitems(self, items):
        names = [self.name_of(item.nodeid) for item in items]
        if self.after is not None:
            del items[: names.index(self.after) + 1]

    @staticmethod
    def name_of(nodeid):
        return ".".join(nodeid.split("::")[1:])

    def pytest_runtest_logstart(self, nodeid, location):
        self.outcome, self.said = "passes", ""
        self.tell(case=self.name_of(nodeid))

    def pytest_runtest_logreport(self, report):
        # The first that isn't well is the one to tell; a failure tells more than a skip.
        if report.failed and self.outcome != "fails":
            self.outcome, self.said = "fails", why(report.longrepr)
        elif report.skipped and self.outcome == "passes":
            expected = getattr(report, "wasxfail", None)
            self.outcome = "skipped"
            self.said = str(report.longrepr[2] if expected is None else f"expected to fail: {expected}")

    def pytest_runtest_logfinish(self, nodeid, location):
        said = " ".join(self.said.split())[:SAID_MAX]
        self.tell(case=self.name_of(nodeid), outcome=self.outcome, said=said)

    def pytest_collectreport(self, report):
        if report.failed:
            print(report.longrepr, file=sys.stderr)


def why(failure):
    """Tells of a failure as pytest has it: what was raised, and by which line."""
    crash = getattr(failure, "reprcrash", None)
    return f"{Path(crash.path).name}:{crash.lineno}: {crash.message}" if crash else str(failure)


def cases_folder(suite, sources, parent):
    """Makes a package of the test files that are needed, beside what stands for their surroundings."""
    folder = Path(parent) / "cases"
    folder.mkdir()
    # Engines import it as well, and need the same stand-ins.
    (folder / "__init__.py").write_text("import cluster_cases\n\ncluster_cases.stand_in()\n", encoding="utf-8")
    (folder / "clienttest.py").write_text("from cluster_cases import *\n", encoding="utf-8")
    for name in {suite, *SHARED}:
        file = f"test_{name}.py"
        shutil.copyfile(sources / "suite/ipyparallel/tests" / file, folder / file)
    return folder


def has_shell():
    from IPython import get_ipython

    return get_ipython() is not None


def main(suite, way, implementation, sources, after=None):
    if way != "imported":
        sys.exit(f"cases are run imported, not {way}")
    sources = Path(sources).resolve()
    file = sources / "suite/ipyparallel/tests" / f"test_{suite}.py"
    if not file.is_file():
        sys.exit(f"there is no suite {suite}: {file} is absent")
    # Cases print; what is told goes where standard output was, what they print beside standard error.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    telling = Telling(channel, after)
    with tempfile.TemporaryDirectory() as parent:
        if implementation == "control":
            import pytest

            status = pytest.main([*PYTEST_OPTIONS, "-o", "asyncio_mode=auto", str(file)], [telling])
        else:
            folder = cases_folder(suite, sources, parent)
            found = [str(sources / "packages"), str(Path(__file__).resolve().parent), str(parent)]
            sys.path[:0] = found
            # Engines import the test files as well: functions travel by name.
            os.environ["PYTHONPATH"] = os.pathsep.join(found)
            import cluster_cases
            import pytest

            status = pytest.main(
                [*PYTEST_OPTIONS, "--rootdir", parent, str(folder / f"test_{suite}.py")],
                [telling, cluster_cases],
            )
    if status in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        telling.tell(done=True)
        return
    sys.exit(f"pytest ended with {status!r}")


if __name__ == "__main__":
    if "rhumba" in sys.argv[1:] and not has_shell():
        # A script has no shell, which the cases of magics look for.
        in_shell = str(Path(__file__).with_name("in_shell.ipy"))
        os.execv(sys.executable, [sys.executable, in_shell, *sys.argv[1:]])
    main(*sys.argv[1:])

"""Fetches IPython's test suite and what it needs into a folder: run with a CPython that has pip.

fetch_sources.py FOLDER

FOLDER then holds `tests` and `testing` from IPython's source distribution, and `packages` with pytest and
the pure Python packages that test files import. Nothing of it is kept in this repository. It runs no case:
that is run_cases.py.
"""

import glob
import os
import shutil
import subprocess
import sys
import tarfile

# What outcomes.txt was written with.
IPYTHON = "ipython==9.18.1"
# What its source distribution is unpacked with; environments come with older ones.
BUILDER = "setuptools>=80"
PACKAGES = ("pytest==9.2.0", "testpath==0.6.0", "traitlets==5.16.1", "stack_data==0.6.3", "pexpect==4.9.0")


def pip(*words):
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], check=True)


def main(folder):
    if os.path.exists(os.path.join(folder, "tests")):
        raise SystemExit(f"{folder} has the sources already; remove it to fetch them anew")
    fetched = os.path.join(folder, "fetched")
    os.makedirs(fetched, exist_ok=True)
    pip("install", BUILDER)
    pip("download", "--no-deps", "--no-binary=ipython", "--no-build-isolation", f"--dest={fetched}", IPYTHON)
    pip("install", f"--target={os.path.join(folder, 'packages')}", *PACKAGES)
    (archive,) = glob.glob(os.path.join(fetched, "ipython-*.tar.gz"))
    with tarfile.open(archive) as opened:
        opened.extractall(fetched, filter="data")
    unpacked = archive.removesuffix(".tar.gz")
    shutil.copytree(os.path.join(unpacked, "tests"), os.path.join(folder, "tests"))
    shutil.copytree(os.path.join(unpacked, "IPython", "testing"), os.path.join(folder, "testing"))
    # shell_for_tests.py stands in its place.
    os.remove(os.path.join(folder, "tests", "conftest.py"))


if __name__ == "__main__":
    main(*sys.argv[1:])

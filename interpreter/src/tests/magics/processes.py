def test_output_is_a_value():
    assert value("%sx printf 'a\\nb c\\n'") == ["a", "b c"]
    assert value("%system echo one; echo two") == ["one", "two"]
    assert value("%%sx\necho one\necho two\n") == ["one", "two"]
    assert value("%%!\nx=5\necho $((x + 1))\n") == ["6"]
    run("name = 'it'\nfound = %sx echo $name")
    assert main["found"] == ["it"]
    shows(refused("%sx"), "%sx needs a command")


def test_sc_binds_a_name():
    run("%sc text=printf 'a\\nb\\n'\n%sc -l lines=printf 'a\\nb\\n'")
    assert main["text"] == "a\nb" and list(main["lines"]) == ["a", "b"]
    assert said("%sc -v text=echo shown") == "shown\n"
    shows(refused("%sc echo"), "needs a name and a command")


def test_a_cell_is_a_script():
    assert run("%%bash\necho out; echo err >&2\n")[1:] == ("out\n", "err\n")
    assert said("%%sh\nfor i in 1 2; do echo $i; done\n") == "1\n2\n"
    assert said("%%script cat -n\nline\n").split() == ["1", "line"]
    run("%%bash --out o --err e\necho out; echo err >&2\n")
    assert main["o"] == "out\n" and main["e"] == "err\n"
    assert said("%%bash -s one two\necho $2 $1\n") == "two one\n"
    # Options of the magic may stand behind the program, too; what else stands there is the program's.
    assert said("%%script sh -s one --out o\necho $1\n") == "" and main["o"] == "one\n"
    shows(said("%%script echo -h --help\nx\n"), "-h --help")


def test_a_script_that_fails_says_so():
    import subprocess

    shows(raised(subprocess.CalledProcessError, "%%bash\nexit 3\n"), "non-zero exit status 3")
    assert run("%%bash --no-raise-error --out o\necho kept; exit 3\n")[1] == "" and main["o"] == "kept\n"
    shows(refused("%%script no-such-program\nx\n"), "%%script can't run 'no-such-program': No such file")
    shows(refused("%%pypy\n1\n"), "finds no program pypy3 or pypy")
    shows(refused("%%script\nx\n"), "needs PROGRAM")
    shows(refused("%%bash --out 1x\nx\n"), "--out needs a name to bind")


def test_a_script_may_read_less_or_write_more_than_pipes_hold():
    assert said("%%script head -c 1\n" + "x" * 300_000) == "x"
    run("%%bash --out o --err e\nhead -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2\n")
    assert main["o"] == "x" * 300_000 and main["e"] == "y" * 300_000
    run("%%script --out o cat\n" + "é\n" * 100_000)
    assert main["o"] == "é\n" * 100_000


def test_python_runs_in_a_process_of_its_own():

    from rhumba._magics import processes

    assert processes._found("python", ("no-such-python", processes._THIS_PYTHON)) == sys.executable


def test_scripts_run_in_the_background():
    run("%%script --bg --out stream --proc process cat\nheld\n")
    assert main["stream"].read() == b"held\n"
    assert main["process"].wait(60) == 0
    run("%%bash --bg --proc sleeper\nexec sleep 600\n")
    assert main["sleeper"].poll() is None
    assert said("%killbgscripts") == "Ended 1 background process.\n"
    assert main["sleeper"].poll() is not None
    assert said("%killbgscripts") == "No background processes are running.\n"


def test_an_interrupt_while_a_command_starts_tells_nothing_of_how_it_starts():
    import subprocess
    import traceback

    from rhumba import _system

    def interrupted(*words, **streams):
        raise KeyboardInterrupt

    before, subprocess.Popen = subprocess.Popen, interrupted
    try:
        _system.getoutput("true")
    except KeyboardInterrupt as stopped:
        names = [frame.name for frame in traceback.extract_tb(stopped.__traceback__)]
        assert names[-1] == "_begun" and stopped.__suppress_context__, names
    else:
        raise AssertionError("it wasn't interrupted")
    finally:
        subprocess.Popen = before


def test_a_script_that_minds_no_interrupt_ends_at_the_second():
    import signal
    import subprocess

    from rhumba._magics import processes

    left = [1]

    class Interrupted(subprocess.Popen):
        def wait(self, timeout=None):
            if left:
                left.pop()
                raise KeyboardInterrupt
            return super().wait(timeout)

    process = Interrupted(
        ["sh", "-c", "trap '' INT TERM; echo ready; sleep 600"], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout.readline() == b"ready\n"
    processes._end(process)
    assert left == [] and process.returncode == -signal.SIGKILL
    # Nothing that it has started holds the pipe any more.
    assert process.stdout.read() == b""
    process.stdout.close()


def test_each_language_runs_its_program():
    import shutil

    for name, program, code in (
        ("perl", "perl", 'print 6 * 7, "\\n";'), ("ruby", "ruby", "puts 6 * 7"),
        ("python", "python3", "print(6 * 7)"), ("python3", "python3", "print(6 * 7)"),
        ("pypy", "pypy3", "print(6 * 7)"),
    ):
        # Which of them a machine has differs; a program that isn't there is refused elsewhere.
        if shutil.which(program) is not None:
            assert said(f"%%{name}\n{code}") == "42\n", name

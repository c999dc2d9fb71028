from rhumba._magics import aliases


def test_commands_are_there_from_the_start():
    write("shown.txt", "text\n")
    assert said("%cat shown.txt") == "text\n"
    assert said("%ls") == "shown.txt\n"
    run("%mkdir made\n%cp shown.txt made/copy.txt\n%mv made/copy.txt made/moved.txt")
    assert os.listdir("made") == ["moved.txt"]
    shows(said("%ldir"), "made/")
    shows(said("%ll"), "shown.txt")
    shows(said("%lf"), "shown.txt")
    assert said("%lk") == "" and said("%lx") == ""
    run("%rm made/moved.txt\n%rmdir made")
    assert not os.path.exists("made")
    known = [name for name, _ in value("%alias")]
    assert known == sorted("cat clear cp ldir less lf lk ll ls lx man mkdir more mv rm rmdir".split()), known


def test_an_alias_is_made_and_removed():
    run("%alias show echo '[%l]'")
    assert said("%show a  b") == "[a  b]\n"
    assert said("%alias show") == "show -> echo '[%l]'\n"
    run("%alias both echo first %s second %s")
    assert said("%both one two three") == "first one second two three\n"
    shows(refused("%both one"), "the alias both needs 2 arguments, and was given 1")
    run("word = 'filled'\n%alias plain echo")
    assert said("%plain $word {word}!") == "filled filled!\n"
    run("%alias percent printf '%%s.'")
    assert said("%percent") == "."
    for name in "show", "both", "plain", "percent":
        run(f"%unalias {name}")
    shows(raised(UsageError, "%show a"), "Line magic %show isn't known")


def test_an_alias_that_cannot_be_is_refused():
    shows(refused("%alias time echo"), "%time is a magic")
    shows(refused("%alias a$b echo"), "can't name an alias")
    shows(refused("%alias nothing"), "nothing is no alias")
    shows(refused("%unalias nothing"), "nothing is no alias")
    shows(refused("%alias two echo %l %s"), "has both")


def test_rehashx_makes_aliases_of_programs():
    os.makedirs("bin", exist_ok=True)
    path = write("bin/my-tool", "#!/bin/sh\necho tool $1\n")
    os.chmod(path, 0o755)
    os.chmod(write("bin/time", "#!/bin/sh\n"), 0o755)
    write("bin/not-a-program", "")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}/bin:/no/such/folder:{before}"
    try:
        count = int(said("%rehashx").split()[0])
        assert count >= 1
        assert aliases.known()["my-tool"].command == "my-tool" and "not-a-program" not in aliases.known()
        assert not isinstance(shell.find_magic("time"), aliases.Alias)
        assert value("get_ipython().run_line_magic('my-tool', 'used')") is None
    finally:
        os.environ["PATH"] = before
        for name, each in list(shell._magics["line"].items()):
            if isinstance(each, aliases.Alias):
                del shell._magics["line"][name]

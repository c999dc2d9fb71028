def test_cd_goes_and_comes_back():
    for name in ("one", "two"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    run("%reset -f dhist")
    assert said("%cd one") == f"{folder}/one\n"
    assert value("%pwd") == f"{folder}/one"
    assert said("%cd -q ../two") == "" and os.getcwd() == f"{folder}/two"
    assert said("%cd -") == f"{folder}/one\n"
    assert main["_dh"] == [folder, f"{folder}/one", f"{folder}/two", f"{folder}/one"]
    assert said("%cd -0") == f"{folder}\n"
    assert said("%cd --two") == f"{folder}/two\n"
    os.environ["HOME"], home = folder, os.environ.get("HOME", "/")
    try:
        assert said("%cd") == f"{folder}\n" and said("%cd ~/one") == f"{folder}/one\n"
    finally:
        os.environ["HOME"] = home


def test_cd_refuses_where_it_cannot_go():
    run("%reset -f dhist")
    shows(refused("%cd -"), "has no folder to go back to")
    shows(refused("%cd /no/such/folder"), "%cd can't go to '/no/such/folder': No such file or directory")
    shows(refused("%cd -99"), "%dhist has no number 99; its last is 0")
    shows(refused("%cd --nowhere-like-this"), "has no folder with 'nowhere-like-this'")
    shows(refused("%cd -b nothing"), "there is no bookmark 'nothing'")
    shows(refused("%cd -b"), "-b needs NAME behind it")
    shows(refused("%cd -b one two"), "takes a bookmark or a folder, not both")


def test_dhist_shows_where_one_was():
    run("%reset -f dhist")
    for name in ("one", "two"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    run("%cd -q one\n%cd -q ../two")
    assert said("%dhist") == f"Directory history (kept in _dh)\n0: {folder}\n1: {folder}/one\n2: {folder}/two\n"
    assert said("%dhist 1").endswith(f")\n2: {folder}/two\n")
    assert said("%dhist 0 2").endswith(f")\n0: {folder}\n1: {folder}/one\n")
    shows(refused("%dhist x"), "takes numbers")


def test_folders_stack_up():
    for name in ("one", "two"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    shows(refused("%popd"), "the stack of folders is empty")
    assert value("%pushd one") == [folder] and os.getcwd() == f"{folder}/one"
    assert value("%pushd ../two") == [f"{folder}/one", folder]
    assert value("%dirs") == [f"{folder}/one", folder]
    assert value("%pushd") == [f"{folder}/two", folder] and os.getcwd() == f"{folder}/one"
    assert said("%popd") == f"{folder}/two\n" and said("%popd") == f"{folder}\n"
    shows(refused("%pushd"), "the stack is empty")
    shows(refused("%pushd nowhere"), "can't go to 'nowhere'")
    assert value("%dirs") == []


def test_bookmarks_are_gone_to_by_name():
    import sys

    os.makedirs(os.path.join(folder, "one"), exist_ok=True)
    sys._rhumba_configuration = {"state_folder": os.path.join(folder, "state")}
    try:
        run("%bookmark here\n%bookmark there one")
        shows(said("%bookmark -l"), f"here  -> {folder}\n", f"there -> {folder}/one\n")
        assert said("%cd -b there") == f"{folder}/one\n"
        assert said("%cd here") == f"(bookmark:here) -> {folder}\n{folder}\n"
        run("%bookmark -d there")
        assert "there" not in said("%bookmark -l")
        shows(refused("%bookmark -d there"), "there is no bookmark 'there'")
        shows(refused("%bookmark"), "needs NAME", "Usage:")
        run("%bookmark -r")
        assert said("%bookmark -l") == "Current bookmarks:\n"
        write("state/bookmarks.json", "{")
        shows(refused("%bookmark -l"), "can't be read", "remove the file")
    finally:
        del sys._rhumba_configuration


def test_sessions_share_their_bookmarks():
    import fcntl
    import json
    import sys
    import threading

    from rhumba._magics import folders

    sys._rhumba_configuration = {"state_folder": os.path.join(folder, "shared")}
    patience_s = folders._patience_s
    try:
        run("%bookmark here")
        # What another session has added stays, and is there at once.
        write("shared/bookmarks.json", json.dumps({**json.loads(read("shared/bookmarks.json")), "other": "/usr"}))
        run("%bookmark root /")
        assert json.loads(read("shared/bookmarks.json")) == {"here": folder, "other": "/usr", "root": "/"}
        assert said("%cd -b other") == "/usr\n"

        def add(number):
            with folders._changed_bookmarks() as known:
                known[f"name_{number}"] = "/"

        threads = [threading.Thread(target=add, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(json.loads(read("shared/bookmarks.json"))) == 11, read("shared/bookmarks.json")
        folders._patience_s = 0
        with open(os.path.join(folder, "shared/bookmarks.json.lock")) as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            shows(refused("%bookmark late"), "another session is changing the bookmarks")
            assert "late" not in said("%bookmark -l")
        run("%bookmark late")
        assert sorted(os.listdir(os.path.join(folder, "shared"))) == ["bookmarks.json", "bookmarks.json.lock"]
        os.rename(os.path.join(folder, "shared/bookmarks.json"), os.path.join(folder, "kept"))
        os.mkdir(os.path.join(folder, "shared/bookmarks.json"))
        shows(refused("%bookmark later"), "the bookmarks in ", " can't be read")
    finally:
        folders._patience_s = patience_s
        del sys._rhumba_configuration


def test_bookmarks_without_a_place_are_those_of_the_session():
    run("%bookmark passing /usr")
    assert said("%cd -b passing") == "/usr\n"
    run("%bookmark -d passing")
    shows(refused("%cd -b passing"), "there is no bookmark 'passing'")


def test_env_shows_and_sets():
    assert said("%env RHUMBA_TEST=5") == "env: RHUMBA_TEST=5\n" and os.environ["RHUMBA_TEST"] == "5"
    assert value("%env RHUMBA_TEST") == "5"
    run("word = 'filled'")
    assert said("%env RHUMBA_TEST $word in") == "env: RHUMBA_TEST=filled in\n"
    assert said("%set_env RHUMBA_TEST=a=b") == "env: RHUMBA_TEST=a=b\n"
    assert value("%env")["RHUMBA_TEST"] == "a=b"
    shows(refused("%env NOT_SET_ANYWHERE"), "the environment has no variable NOT_SET_ANYWHERE")
    shows(refused("%set_env ONE"), "needs a name and a value")
    del os.environ["RHUMBA_TEST"]


def test_env_hides_secrets():
    assert said("%env SOME_API_KEY=abc") == "env: SOME_API_KEY=<hidden>\n"
    assert value("%env")["SOME_API_KEY"] == "<hidden>" and value("%env SOME_API_KEY") == "abc"
    for name in ("GH_TOKEN", "DB_PASSWORD", "MY_SECRET"):
        os.environ[name] = "abc"
        assert value("%env")[name] == "<hidden>"
        del os.environ[name]
    del os.environ["SOME_API_KEY"]

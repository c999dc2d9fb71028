def test_an_extension_is_loaded_once_and_unloaded():
    write("an_extension.py", "def load_ipython_extension(shell):\n    shell.register_magic_function(lambda line: line[::-1], 'line', 'mirror')\n    print('loaded')\ndef unload_ipython_extension(shell):\n    print('unloaded')\n")
    fresh_module("an_extension")
    assert said("%load_ext an_extension") == "loaded\n" and value("%mirror abc") == "cba"
    shows(said("%load_ext an_extension"), "already loaded", "%reload_ext an_extension")
    assert said("%reload_ext an_extension") == "unloaded\nloaded\n"
    assert said("%unload_ext an_extension") == "unloaded\n"
    shows(said("%unload_ext an_extension"), "is not loaded")


def test_an_extension_that_cannot_be_loaded_says_why():
    shows(refused("%load_ext no_such_extension"), "there is no module 'no_such_extension'")
    write("needy.py", "import no_such_thing\n")
    write("failing.py", "def load_ipython_extension(shell):\n    raise ValueError('not today')\n")
    write("plain.py", "x = 1\n")
    for name in "needy", "failing", "plain":
        fresh_module(name)
    shows(refused("%load_ext needy"), "the extension 'needy' can't be loaded: it needs the module 'no_such_thing'")
    shows(refused("%load_ext failing"), "the extension 'failing' failed: ValueError: not today")
    shows(said("%load_ext plain"), "The plain module is not an extension")
    shows(refused("%load_ext"), "needs MODULE")
    shows(said("%load_ext autoreload"), "%load_ext autoreload isn't needed: %autoreload, %aimport are there already.")

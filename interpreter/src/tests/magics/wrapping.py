def test_cells_are_put_into_code():
    assert shell.ast_transformers == []
    run("%%code_wrap around\nseen = ['before']\n__code__\nseen.append('after')\n__ret__\n")
    try:
        assert value("seen.append('cell'); 40 + 2") == 42
        assert main["seen"] == ["before", "cell", "after"]
        assert value("x = 5") is None and main["x"] == 5
        assert said("%code_wrap --list") == "around\n"
        shows(said("%code_wrap --list-all"), "around:\nseen = ['before']")
    finally:
        shell.ast_transformers.clear()
    run("%code_wrap --remove around")
    shows(refused("%code_wrap --remove around"), "knows no 'around'")
    assert said("%code_wrap --list") == ""


def test_code_without_a_place_is_refused():
    shows(refused("%%code_wrap none\nprint(1)\n"), "needs a line with `__code__`")
    shows(refused("%code_wrap"), "needs NAME")
    shows(refused("%code_wrap none"), "needs code below it")
    assert shell.ast_transformers == []

//! What a shell is set to before its first prompt: files, profiles, options of the command line.

use super::support::TestHome;

/// What a shell without a terminal shows for these cells.
fn shown(home: &TestHome, arguments: &[&str], cells: &str) -> String {
    let arguments: Vec<&str> = [&["-i", "--no-banner"], arguments].concat();
    home.run_with_input(arguments, cells).success()
}

#[test]
fn a_shell_is_set_as_its_files_say() {
    let home = TestHome::new();
    home.configure(
        "config.toml",
        "[InteractiveShell]\nautocall = 1\n\
         [InteractiveShellApp]\nexec_lines = ['import math', '%alias greet echo hello']\n\
         [AliasManager]\nuser_aliases = { gone = 'echo gone' }\n",
    );
    home.configure("rhumba_config.py", "c.InteractiveShell.autocall = 2\n");
    home.configure(
        "startup/10-second.ipy",
        "folder = %pwd\nsecond = first + 1\n",
    );
    home.configure("startup/00-first.py", "first = 1\n");
    home.configure("startup/README", "not Python\n");
    let out = shown(
        &home,
        &[],
        "%greet\n%gone now\nmath.floor(2.5), second, folder\n%config InteractiveShell.autocall\n",
    );
    assert!(
        out.contains("hello\n") && out.contains("gone now\n"),
        "{out}"
    );
    assert!(out.contains("Out[3]: (2, 2, '"), "{out}");
    assert!(out.contains("Out[4]: 2\n"), "{out}");
    let quick = shown(&home, &["--quick"], "'first' in globals()\n");
    assert!(quick.contains("Out[1]: False"), "{quick}");
}

#[test]
fn mistakes_in_the_configuration_are_told_and_the_shell_starts() {
    let home = TestHome::new();
    home.configure("config.toml", "[InteractiveShell]\n\nautocall = One\n");
    home.configure(
        "ipython_config.py",
        "x = 1\nc.InteractiveShell.autocal = 1\n",
    );
    home.configure("rhumba_config.py", "x = (\n");
    home.configure("startup/bad.py", "1 / 0\n");
    let finished = home.run_with_input(["-i", "--no-banner"], "40 + 2\n");
    let errors = finished.stderr.clone();
    let out = finished.success();
    assert!(out.contains("Out[1]: 42"), "{out}");
    for part in [
        "config/config.toml line 3: ",
        "a line is `name = value`, with texts in quotes",
        "ipython_config.py: there is no setting InteractiveShell.autocal; there is InteractiveShell.autocall",
        "rhumba_config.py line 1: SyntaxError",
        "ZeroDivisionError",
    ] {
        assert!(errors.contains(part), "{part:?} is missing from:\n{errors}");
    }
}

#[test]
fn settings_that_are_not_text_are_told_of() {
    let home = TestHome::new();
    home.configure("config.toml", "");
    let path = home.home().join("config/config.toml");
    std::fs::write(path, b"# caf\xe9\n").expect("the home is ours");
    let finished = home.run_with_input(["-i", "--no-banner"], "40 + 2\n");
    assert!(
        finished
            .stderr
            .contains("config.toml can't be read: it isn't UTF-8 text; the shell starts"),
        "{finished:?}"
    );
    assert!(finished.success().contains("Out[1]: 42"));
}

#[test]
fn a_failure_that_a_handler_tells_of_leaves_no_blank_line() {
    let home = TestHome::new();
    let cells = "get_ipython().set_custom_exc((ZeroDivisionError,), lambda *a, **k: print('told'))\n\
                 1 / 0\n";
    let finished = home.run_with_input(["-i", "--no-banner"], cells);
    assert_eq!(finished.stderr, "");
    assert!(finished.success().contains("told\n"));
}

#[test]
fn profiles_are_made_listed_and_used() {
    let home = TestHome::new();
    assert_eq!(home.run(["profile", "list"]).success(), "default\n");
    let sentence = home.run(["--profile", "lab"]).failure(2);
    assert_eq!(sentence, "there is no profile 'lab'");
    let made = home.run(["profile", "create", "lab"]).success();
    assert!(
        made.ends_with("config/profiles/lab/config.toml: made\n"),
        "{made}"
    );
    let again = home.run(["profile", "create", "lab"]).success();
    assert!(again.ends_with(": there already\n"), "{again}");
    home.run(["profile", "create"]).success();
    assert_eq!(home.run(["profile", "list"]).success(), "default\nlab\n");
    let folder = home.home().join("config/profiles/lab");
    let located = home.run(["profile", "locate", "lab"]).success();
    assert_eq!(located, format!("{}\n", folder.display()));
    assert!(folder.join("startup/README").is_file());
    let file = std::fs::read_to_string(folder.join("config.toml")).expect("it was made");
    assert!(
        file.contains("[InteractiveShell]\n") && file.contains("# autocall = 0\n"),
        "{file}"
    );
    // What was made changes nothing until something in it is changed.
    let out = shown(
        &home,
        &["--profile", "lab"],
        "%config InteractiveShell.autocall\n",
    );
    assert!(out.contains("Out[1]: 0"), "{out}");
    home.configure(
        "profiles/lab/config.toml",
        &file.replace("# autocall = 0", "autocall = 1"),
    );
    let out = shown(
        &home,
        &["--profile", "lab"],
        "%config InteractiveShell.autocall\n",
    );
    assert!(out.contains("Out[1]: 1"), "{out}");
    for (name, sentence) in [
        ("../x", "'../x' can't name a profile"),
        ("nothing", "there is no profile 'nothing'"),
    ] {
        assert_eq!(home.run(["profile", "locate", name]).failure(2), sentence);
    }
}

#[test]
fn options_of_the_command_line_set_the_shell() {
    let home = TestHome::new();
    home.configure(
        "config.toml",
        "[InteractiveShell]\nautocall = 2\nxmode = 'Plain'\n",
    );
    home.write(
        "mirror.py",
        "def load_ipython_extension(shell):\n    print('mirror is loaded')\n",
    );
    let asked = "print(*[get_ipython().run_line_magic('config', name) for name in ('InteractiveShell.autocall', \
                 'InteractiveShell.xmode', 'InteractiveShell.pdb')])\n";
    let out = shown(
        &home,
        &[
            "--autocall",
            "1",
            "--xmode",
            "verbose",
            "--ext",
            "mirror",
            "--logfile",
            "log.py",
        ],
        asked,
    );
    assert!(
        out.contains("mirror is loaded\n") && out.contains("1 Verbose False\n"),
        "{out}"
    );
    let log = std::fs::read_to_string(home.work().join("log.py")).expect("a log was written");
    assert!(
        log.contains("get_ipython().run_line_magic('config', name)"),
        "{log}"
    );
    let out = shown(&home, &["--pdb"], asked);
    assert!(out.contains("2 Plain True\n"), "{out}");
    let named = [
        "--TerminalInteractiveShell.xmode=minimal",
        "--InteractiveShell.pdb=True",
        "--set",
        "InteractiveShellApp.exec_lines=['print(\"first\")']",
    ];
    let out = shown(&home, &named, asked);
    assert!(
        out.contains("first\n") && out.contains("2 Minimal True\n"),
        "{out}"
    );
    let unknown = home.run_with_input(["--InteractiveShell.xmoed=1"], "6 * 7\n");
    let told = "there is no setting InteractiveShell.xmoed; there is InteractiveShell.xmode";
    assert!(unknown.stderr.contains(told), "{}", unknown.stderr);
    assert!(unknown.success().contains("Out[1]: 42"));
    let sentence = home.run(["--set", "xmode"]).failure(2);
    assert!(sentence.contains("can't read 'xmode'"), "{sentence}");
    let out = shown(&home, &["--classic"], "1.5\n[1] * 3\n");
    assert!(out.contains(">>> 1.5\n>>> [1, 1, 1]\n"), "{out}");
    assert!(!out.contains("In ["), "{out}");
    let banner = home.run_with_input(["-i"], "").success();
    assert!(banner.starts_with("rhumba 0."), "{banner}");
    let asked = "print(get_ipython().banner, end='')\n";
    let asked = home.run_with_input(["-i"], asked).success();
    // Without the tip, which is another one each time.
    let words: Vec<&str> = banner.lines().take(2).collect();
    assert_eq!(asked.matches(&words.join("\n")).count(), 2, "{asked}");
    assert!(shown(&home, &[], "").starts_with("In [1]: "));
}

#[test]
fn options_of_the_shell_hold_for_programs() {
    let home = TestHome::new();
    home.configure("config.toml", "[InteractiveShell]\nautocall = 2\n");
    home.write("fails.py", "def f(n):\n    return n / 0\n\nf(3)\n");
    let plain = home.run(["fails.py"]);
    assert!(!plain.stderr.contains("f(n=3)"), "{plain:?}");
    for arguments in [&["fails.py"][..], &["-c", "import fails"]] {
        let arguments: Vec<&str> = [&["--xmode", "verbose", "--pdb"], arguments].concat();
        let failed = home.run(arguments);
        assert_eq!(failed.code(), 1, "{failed:?}");
        assert!(failed.stderr.contains("in f(n=3)"), "{failed:?}");
        // There is no terminal to debug at.
        assert!(!failed.stdout.contains("ipdb"), "{failed:?}");
    }
    // The program that a shell follows fails in the same mode.
    let arguments = ["--xmode", "verbose", "-i", "--no-banner", "fails.py"];
    let failed = home.run_with_input(arguments, "import sys; type(sys.excepthook).__name__\n");
    assert!(failed.stderr.contains("in f(n=3)"), "{failed:?}");
    let out = failed.success();
    assert!(out.contains("Out[1]: 'builtin_function"), "{out}");
    home.write(
        "mirror.py",
        "def load_ipython_extension(shell):\n    print('mirror is loaded')\n",
    );
    // Its files are the person's, who isn't there.
    let asked = "print(get_ipython().run_line_magic('config', 'InteractiveShell.autocall'))";
    let out = home.run(["--ext", "mirror", "-c", asked]).success();
    assert_eq!(out, "mirror is loaded\n0\n");
    home.write("asks.ipy", asked);
    assert_eq!(home.run(["asks.ipy"]).success(), "2\n");
    assert_eq!(home.run(["--quick", "asks.ipy"]).success(), "0\n");
    for _ in 0..2 {
        shown(&home, &["--logappend", "log.py"], "6 * 7\n");
    }
    let log = std::fs::read_to_string(home.work().join("log.py")).expect("a log was written");
    assert_eq!(log.matches("6 * 7").count(), 2, "{log}");
    let sentence = home.run(["--quick", "cluster", "list"]).failure(2);
    assert!(
        sentence.contains("can't stand before a command"),
        "{sentence}"
    );
    let out = home
        .run_with_input(["--no-banner", "-i", "-c", "x = 5"], "x\n")
        .success();
    assert!(out.contains("Out[1]: 5"), "{out}");
}

#[test]
fn programs_keep_things_where_the_shell_does() {
    let home = TestHome::new();
    home.configure("startup/begin.py", "begun = 1\n");
    home.write(
        "keeps.ipy",
        "x = begun + 2\n%store x\n%bookmark here\n%alias greet echo hello\n%store greet\n",
    );
    home.run(["keeps.ipy"]).success();
    let out = home.run(["-c", "%store -r x\nprint(x)"]).success();
    assert_eq!(out, "3\n");
    let out = shown(&home, &[], "%store -r\nx\n%bookmark -l\n%greet\n");
    for part in ["Out[2]: 3", "here -> ", "hello\n"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    home.write("plain.py", "print('begun' in globals())");
    assert_eq!(home.run(["plain.py"]).success(), "False\n");
    // The shell that follows starts what has been started once.
    let out = home
        .run_with_input(["-i", "keeps.ipy"], "begun, x\n")
        .success();
    assert!(out.contains("Out[1]: (1, 3)"), "{out}");
}

#[test]
fn a_program_has_no_shell_until_it_starts_one() {
    let home = TestHome::new();
    let asks =
        "try:\n    get_ipython()\n    print('a shell')\nexcept NameError:\n    print('none')\n";
    home.write(
        "asks.py",
        format!("{asks}import IPython\nprint(IPython.get_ipython())\n"),
    );
    for arguments in [&["asks.py"][..], &["-m", "asks"]] {
        assert_eq!(home.run(arguments).success(), "none\nNone\n");
    }
    assert_eq!(home.run(["-c", asks]).success(), "none\n");
    home.write("asks.ipy", asks);
    assert_eq!(home.run(["asks.ipy"]).success(), "a shell\n");
    assert_eq!(
        home.run(["--xmode", "Plain", "-c", asks]).success(),
        "a shell\n"
    );
    let embeds = format!("{asks}from IPython import embed\nembed(banner1='')\n{asks}");
    home.write("embeds.py", embeds);
    let out = home
        .run_with_input(["embeds.py"], "print('inner', bool(get_ipython()))\n")
        .success();
    assert!(out.starts_with("none\n"), "{out}");
    assert!(out.contains("inner True\n"), "{out}");
    let engine = "import ipyparallel as ipp\nprint(ipp.Client()[0].apply_sync(eval, \
                  'get_ipython() is not None'))";
    assert_eq!(home.run(["-n", "1", "-c", engine]).success(), "True\n");
}

#[test]
fn an_unknown_theme_is_told_of_and_the_shell_starts() {
    let home = TestHome::new();
    let ran = home.run_with_input(["--no-banner", "--theme", "pink"], "6 * 7\n");
    assert!(
        ran.stderr
            .contains("there is no theme 'pink', but neutral, nocolor"),
        "{}",
        ran.stderr
    );
    assert!(ran.success().contains("Out[1]: 42"));
}

#[test]
fn prompts_are_made_by_a_class_of_ones_own() {
    let home = TestHome::new();
    home.configure(
        "startup/prompts.py",
        "from IPython.terminal.prompts import Prompts, Token\n\
         class Mine(Prompts):\n    \
             def in_prompt_tokens(self):\n        \
                 return [(Token, 'sim'), (Token.Prompt, f'{self.shell.execution_count}> ')]\n    \
             def out_prompt_tokens(self):\n        \
                 return [(Token.OutPrompt, '-> ')]\n\
         get_ipython().prompts = Mine(get_ipython())\n",
    );
    let cells = "6 * 7\n'a\\nb'\nMine.in_prompt_tokens = None\n8\n\
        %config TerminalInteractiveShell.prompts_class = 'IPython.terminal.prompts.ClassicPrompts'\n9\n\
        %config TerminalInteractiveShell.prompts_class = 'os.path'\n";
    let ran = home.run_with_input(["-i", "--no-banner"], cells);
    let out = &ran.stdout;
    assert!(
        out.starts_with("sim1> -> 42\nsim2> -> 'a\\nb'\nsim3> "),
        "{out}"
    );
    assert!(out.contains("In [4]: Out[4]: 8\n"), "{out}");
    assert!(out.contains(">>> 9\n>>> "), "{out}");
    let told = &ran.stderr;
    assert!(
        told.contains("Mine makes no prompt (TypeError: ")
            && told.contains("the usual ones are back"),
        "{told}"
    );
    assert!(
        told.contains("prompts_class is a class made of IPython.terminal.prompts.Prompts"),
        "{told}"
    );
}

#[test]
fn prompts_number_the_cells_of_a_shell_inside_of_another() {
    let home = TestHome::new();
    home.configure(
        "startup/prompts.py",
        "from IPython.terminal.prompts import Prompts, Token\n\
         class Mine(Prompts):\n    \
             def in_prompt_tokens(self):\n        \
                 return [(Token.Prompt, f'sim{self.shell.execution_count}> ')]\n\
         get_ipython().prompts = Mine(get_ipython())\n",
    );
    let cells = "import IPython\nIPython.embed()\n1\nexit\n3\n";
    let out = home.run_with_input(["-i", "--no-banner"], cells).success();
    assert!(out.contains("sim3> Out[3]: 1\nsim4> "), "{out}");
    assert!(out.contains("sim4> Out[4]: 3\n"), "{out}");
}

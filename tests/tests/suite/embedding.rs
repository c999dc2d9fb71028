//! Shells inside of programs: of Python scripts, and of Rust programs that link rhumba.

use std::path::PathBuf;
use std::process::Command;

use expectrl::process::unix::WaitStatus;

use super::support::{Screen, Terminal, TestHome, executable, finish, wait_for_file};

/// A script that opens a shell in a function with closures, three times.
const SCRIPT: &str = "\
import rhumba
factor = 10

def work(n):
    total = n
    hidden = 'kept'
    def scaled():
        return total * factor
    for turn in range(3):
        rhumba.embed(header=f'turn {turn}')
    print('after', total, factor, scaled(), hidden)

work(4)
print('end', [name for name in globals() if name in ('In', 'Out', '_i', 'fresh')])
";

#[test]
fn a_script_opens_a_shell_in_a_function_and_takes_what_was_set() {
    let home = TestHome::new();
    home.write("work.py", SCRIPT);
    let finished = home.run_with_input(
        ["work.py"],
        "total, factor, scaled()\n\
         total = 5; factor = 100; fresh = [total for _ in range(2)]\n\
         scaled(), fresh\n\
         (lambda: total + factor)()\n\
         1 / 0\n\
         del hidden\n\
         hidden\n\
         exit\n\
         fresh, turn, scaled()\n\
         %kill_embedded -y\n\
         quit\n",
    );
    let stdout = finished.success();
    let mut rest = stdout.as_str();
    for part in [
        "rhumba, in ",
        "work.py, line 10, in work. Ctrl-D goes on with the program.\nturn 0\n",
        "In [1]: ",
        "Out[1]: (4, 10, 40)\n",
        "Out[3]: (500, [5, 5])\n",
        "Out[4]: 105\n",
        "Out[7]: 'kept'\n",
        "turn 1\n",
        "([5, 5], 1, 500)\n",
        "won't be opened any more.\n",
        "after 5 100 500 kept\n",
        "end []\n",
    ] {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => panic!("{part:?} is missing from here on:\n{rest}\n--- of\n{stdout}"),
        }
    }
    assert!(!stdout.contains("turn 2"), "{stdout}");
}

#[test]
fn a_shell_opens_with_names_that_it_is_given() {
    let home = TestHome::new();
    home.write(
        "given.py",
        "import types\nfrom IPython.terminal.embed import InteractiveShellEmbed, embed\n\
         module = types.ModuleType('instrument')\nmodule.gain = 3\nnames = {'level': 2}\n\
         shell = InteractiveShellEmbed(banner1='one', banner2='two', exit_msg='left')\n\
         def work(own):\n    shell(local_ns=names, module=module)\n    shell(module=module)\n    \
             embed(user_ns=names, banner1='')\n\
         work(1)\nprint(names, module.gain, module.fresh, [n for n in vars(module) if n[:1] != '_'])\n\
         try:\n    embed(user_ns=[1])\nexcept TypeError as failure:\n    print(failure)\n",
    );
    let finished = home.run_with_input(
        ["given.py"],
        "level * gain, 'own' in dir(), 'names' in globals()\nlevel = 5; gain = 7\n(lambda: level * gain)()\nexit\n\
         gain, 'level' in globals()\nfresh = [gain]\nexit\n\
         level, work.__name__\n%kill_embedded -y\nexit\n",
    );
    let stdout = finished.success();
    let mut rest = stdout.as_str();
    for part in [
        "one\ntwo\n",
        "Out[1]: (6, False, False)\n",
        "Out[3]: 35\n",
        "left\n",
        "(7, False)\n",
        "left\n",
        "(5, 'work')\n",
        "{'level': 5} 7 [7] ['gain', 'fresh']\n",
        "user_ns is a dict of names, not list\n",
    ] {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => panic!("{part:?} is missing from here on:\n{rest}\n--- of\n{stdout}"),
        }
    }
}

#[test]
fn a_shell_at_the_level_of_a_module_works_in_the_module() {
    let home = TestHome::new();
    home.write(
        "level.py",
        "from IPython import embed\nx = 1\ndef read(): return x\nembed(banner1='')\n\
         print('x', x, read(), y, sorted(name for name in globals() if name[0] != '_'))\n",
    );
    let finished = home.run_with_input(["level.py"], "x = 7\ny = read()\n%exit_raise now\n");
    assert_eq!(
        finished.success().lines().last(),
        Some("x 7 7 7 ['embed', 'read', 'x', 'y']")
    );
    let finished = home.run_with_input(["level.py"], "y = 1\n%exit_raise\n");
    assert_eq!(finished.code(), 1, "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("the embedded shell was left with %exit_raise"),
        "{finished:?}"
    );
    // What leaves the shell is gone with it, and the program goes on.
    let finished = home.run_with_input(
        [
            "-c",
            "import rhumba, sys; before = exit; rhumba.embed(); print(exit is before)",
        ],
        "sys.exit(3)\nexit is before\nexit(4)\n",
    );
    assert!(finished.stderr.contains("SystemExit: 3; "), "{finished:?}");
    let stdout = finished.success();
    assert!(stdout.contains("False\n"), "{stdout}");
    assert!(stdout.ends_with("True\n"), "{stdout}");
    // Without anything to read it goes on at once.
    let finished =
        home.run_with_input(["-c", "import rhumba; y = 2; rhumba.embed(); print(y)"], "");
    assert_eq!(finished.success().lines().last(), Some("2"));
}

#[test]
fn a_shell_opens_inside_of_a_shell_and_on_a_terminal() {
    let home = TestHome::new();
    home.write(
        "paused.py",
        "import rhumba\ndef f(a):\n    rhumba.embed()\n    return a\n",
    );
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import paused; paused.f(3)");
    terminal.expect("paused.py, line 3, in f.");
    terminal.enter(2, "a = a + 1");
    terminal.enter(3, "a / 0");
    terminal.expect("ZeroDivisionError");
    terminal.prompt(4);
    terminal.send("\x04");
    terminal.expect("Out[1]: 4");
    // The cells of the shell inside were counted, too.
    terminal.enter(4, "'a' in globals()");
    terminal.expect("Out[4]: False");
}

#[test]
fn a_shell_whose_files_were_closed_leaves_no_thread() {
    let home = TestHome::new();
    let script = home.write(
        "around.py",
        "import os, rhumba\n\
         def names():\n    \
             for task in os.listdir('/proc/self/task'):\n        \
                 try: yield open(f'/proc/self/task/{task}/comm').read().strip()\n        \
                 except OSError: pass\n\
         rhumba.embed()\n\
         while 'above the promp' in names(): pass\n\
         print('none is left')\n",
    );
    let script = script.to_str().expect("its name is text");
    let mut terminal = Terminal::start(&home, &[script]);
    terminal.enter(1, "import os; os.closerange(3, 256); exit()");
    terminal.expect("none is left");
}

#[test]
fn each_shell_leaves_the_terminal_as_it_found_it() {
    let home = TestHome::new();
    let script = home.write(
        "around.py",
        "import rhumba, termios\n\
         rhumba.embed()\n\
         modes = termios.tcgetattr(0)\n\
         modes[3] &= ~(termios.ICANON | termios.ECHO)\n\
         termios.tcsetattr(0, termios.TCSANOW, modes)\n\
         rhumba.embed()\n\
         print('changed:', termios.tcgetattr(0)[3] ^ modes[3])\n",
    );
    let script = script.to_str().expect("its name is text");
    let mut terminal = Terminal::start(&home, &[script]);
    terminal.prompt(1);
    terminal.send("\x04");
    terminal.prompt(1);
    terminal.send("\x04");
    terminal.expect("changed: 0");
}

#[test]
fn what_was_started_while_a_cell_was_typed_may_write_after_the_console() {
    let home = TestHome::new();
    let script = home.write(
        "around.py",
        "import os, rhumba, threading\n\
         os.system('mkfifo go begun more')\n\
         def command():\n    \
             os.system('read line < go')\n    \
             os.system('echo > begun; read line < more; echo a child says $line; echo and an error >&2')\n\
         thread = threading.Thread(target=command)\n\
         thread.start()\n\
         rhumba.embed()\n\
         open('more', 'w').write('hello\\n')\n\
         thread.join()\n\
         input('all of it? ')\n",
    );
    let script = script.to_str().expect("its name is text");
    let mut screen = Screen::start(&home, &[script]);
    screen.prompt(1);
    screen.send("typed");
    screen.shows_line("In [1]: typed");
    std::fs::write(home.work().join("go"), "\n").expect("the thread reads it");
    std::fs::read(home.work().join("begun")).expect("the command writes it");
    screen.send("\x15");
    screen.prompt(1);
    screen.send("\x04");
    screen.wait("what the command wrote", |screen| {
        let shown = screen.contents();
        // The script may ask before what the command wrote has passed.
        shown.contains("a child says hello\nand an error") && shown.contains("all of it?")
    });
    screen.send("\r");
    let ended = screen.end();
    assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
}

#[test]
fn no_shell_opens_while_another_thread_has_one_at_its_prompt() {
    let home = TestHome::new();
    home.write(
        "beside.py",
        "import os, rhumba, termios, threading, time\n\
         def opens():\n    \
             while termios.tcgetattr(0)[3] & termios.ICANON:\n        time.sleep(0.01)\n    \
             try:\n        rhumba.embed()\n    \
             except EOFError as failure:\n        \
                 open('told', 'w').write(str(failure))\n        \
                 os.rename('told', 'refused')\n\
         threading.Thread(target=opens).start()\n",
    );
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import beside");
    terminal.prompt(2);
    // The thread waits until keys are read one by one, which is when a prompt is open.
    wait_for_file(&home.work().join("refused"));
    terminal.send("open('refused').read()\r");
    terminal.expect("'another thread has a shell open;");
    terminal.enter(3, "6 * 7");
    terminal.expect("Out[3]: 42");
}

#[test]
fn no_shell_opens_while_another_thread_has_one_that_runs_a_cell() {
    let home = TestHome::new();
    home.write(
        "beside.py",
        "import rhumba, threading\n\
         def opens():\n    \
             try:\n        rhumba.embed()\n    \
             except EOFError as failure:\n        print('refused:', failure)\n\
         thread = threading.Thread(target=opens)\n\
         thread.start()\n\
         thread.join()\n",
    );
    let mut terminal = Terminal::start(&home, &[]);
    terminal.enter(1, "import beside");
    terminal.expect("refused: another thread has a shell open;");
    terminal.enter(2, "6 * 7");
    terminal.expect("Out[2]: 42");
    // The cell itself may open one.
    terminal.enter(3, "import rhumba; rhumba.embed(header='inside')");
    terminal.expect("inside");
    terminal.enter(4, "exit");
    terminal.prompt(4);
}

#[test]
fn a_thread_of_a_program_opens_a_shell_and_one_inside_of_it() {
    let home = TestHome::new();
    home.write(
        "threads.py",
        "import rhumba, threading\n\
         def work():\n    own = 7\n    rhumba.embed()\n\
         thread = threading.Thread(target=work)\n\
         thread.start()\n\
         thread.join()\n",
    );
    let cells = "own\nimport rhumba; rhumba.embed()\nown + 1\nexit\nown + 2\nexit\n";
    let shown = home.run_with_input(["threads.py"], cells).success();
    for part in ["Out[1]: 7\n", ": 8\n", ": 9\n"] {
        assert!(shown.contains(part), "{part}\n--- in\n{shown}");
    }
}

/// An example of the executable's crate, which is built with its tests.
fn example(name: &str) -> PathBuf {
    let folder = executable()
        .parent()
        .expect("it is in a folder")
        .join("examples");
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "{} isn't there: `cargo build -p rhumba --examples` makes it",
        path.display()
    );
    path
}

/// The example as a command in a test's folders.
fn example_command(home: &TestHome, name: &str, arguments: &[&str]) -> Command {
    let mut command = home.command(arguments);
    let mut replaced = Command::new(example(name));
    replaced.args(arguments).current_dir(home.work());
    for (variable, value) in command.get_envs() {
        match value {
            Some(value) => replaced.env(variable, value),
            None => replaced.env_remove(variable),
        };
    }
    command = replaced;
    command
}

#[test]
fn a_simulation_is_paused_looked_at_and_changed() {
    let home = TestHome::new();
    let finished = finish(
        example_command(&home, "simulation", &["--pause"]),
        "dt, done\n\
         state()\n\
         advance(10, 0.1)\n\
         advance('many', 0.1)\n\
         advance(1)\n\
         advance(1, dt=2.0)\n\
         advance(1, -1.0)\n\
         1 + 1\n\
         done = True\n",
    );
    let stdout = finished.stdout.clone();
    let told = format!("{stdout}\n{}", finished.stderr);
    assert_eq!(finished.code(), 0, "{told}");
    for part in [
        "rhumba, in a pendulum. Ctrl-D goes on with the program.\n",
        "Out[1]: (0.001, False)\n",
        "Out[2]: (0.0, 0.1, 0.0)\n",
        "Out[3]: 0.99999",
        "TypeError: advance(): argument 1: an integer from 0 on of 64 bits is wanted, not the text \"many\"",
        "TypeError: advance() takes 2 arguments, not 1",
        "TypeError: advance() takes its arguments by position: dt= can't be given",
        "a step must go forward in time",
        "RuntimeError: advance() of the program has panicked at ",
        "Out[8]: 2\n",
        "It ended at t = 1.0",
    ] {
        assert!(told.contains(part), "{part}\n--- in\n{told}");
    }
}

#[test]
fn a_running_simulation_is_steered_from_elsewhere() {
    let home = TestHome::new();
    home.run(["cluster", "start", "--daemonize", "-n", "1"])
        .success();
    home.write(
        "steer.py",
        "import glob, os, subprocess, sys, ipyparallel as ipp\n\
         rc = ipp.Client()\n\
         assert rc.ids == [0]\n\
         file, = glob.glob(os.path.join(os.environ['RHUMBA_HOME'], '**', '*.json'), recursive=True)\n\
         program = subprocess.Popen([sys.argv[1], '--join', file], stdout=subprocess.PIPE, text=True)\n\
         rc.wait_for_engines(2, timeout=60)\n\
         sim = rc[1]\n\
         print(sim.pull('dt').get(60))\n\
         before = sim.apply_sync(eval, 'state()')[0]\n\
         while sim.apply_sync(eval, 'state()')[0] == before: pass\n\
         try: sim.apply_sync(eval, 'advance(1, -1.0)')\n\
         except ipp.RemoteError as error: print(error.ename, 'panicked' in error.evalue)\n\
         sim.push({'dt': 0.5, 'done': True}).get(60)\n\
         print(program.stdout.read().splitlines()[-1].startswith('It ended at t = '), program.wait(60))\n",
    );
    let path = example("simulation");
    let finished = home.run(["steer.py".as_ref(), path.as_os_str()]);
    let stopped = home.run(["cluster", "stop"]);
    assert_eq!(finished.success(), "0.001\nRuntimeError True\nTrue 0\n");
    stopped.success();
}

#[test]
fn an_executable_of_ones_own_has_its_module_on_every_engine() {
    let home = TestHome::new();
    let code = "import ipyparallel as ipp, primes\n\
                rc = ipp.Client()\n\
                def count(n):\n    import primes\n    return primes.count(n)\n\
                print(primes.count(100), rc[:].apply_sync(count, 1000))\n\
                try: primes.count(2**62)\n\
                except MemoryError as refused: print(refused)\n";
    let finished = finish(
        example_command(&home, "own_engine", &["-n", "2", "-c", code]),
        "",
    );
    assert_eq!(
        finished.success(),
        "25 [168, 168]\nthere is no room for 4611686018427387904 numbers\n"
    );
}

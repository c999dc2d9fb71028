//! Namespaces of engines: kept, brought back, copied, moved, forked, and restored when an engine dies.
//!
//! Each on a real cluster, told by a script as a person would. What the store does when something
//! goes wrong with it is in `store.rs`.

use crate::support::TestHome;

/// What every script begins with.
const HEAD: &str = "import ipyparallel as ipp, os, signal, threading, time\n\
                    from rhumba import namespace\n\
                    def until(happened, seconds=60):\n    \
                        end = time.monotonic() + seconds\n    \
                        while not happened():\n        \
                            assert time.monotonic() < end, 'it does not happen'\n        \
                            time.sleep(0.002)\n";

/// Runs a script with so many engines, and gives what it printed.
#[track_caller]
fn run(home: &TestHome, engines: usize, script: &str) -> String {
    let connect =
        format!("rc = ipp.Client()\nrc.wait_for_engines({engines}, timeout=60)\n{script}");
    let path = home.write("script.py", format!("{HEAD}{connect}"));
    let engines = engines.to_string();
    home.run(["-n".as_ref(), engines.as_ref(), path.as_os_str()])
        .success()
}

/// Runs a script that starts a cluster of its own.
#[track_caller]
fn run_alone(home: &TestHome, script: &str) -> String {
    let path = home.write("script.py", format!("{HEAD}{script}"));
    home.run([path.as_os_str()]).success()
}

/// Names of every kind, which `CHECK` asks about.
const MAKE: &str = r#"
SOURCE = '''
import collections, dataclasses, enum, math
limit = 10
def clamp(x): return min(x, limit)
def counter():
    count = 0
    def step():
        nonlocal count
        count += 1
        return count
    return step, lambda: count
step, count = counter()
step(); step()
class Base:
    def area(self): return 1
class Square(Base):
    def __init__(self, side): self.side = side
    def area(self): return super().area() + self.side ** 2
class Colour(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: int
square = Square(3)
shared = [square]
table = {'same': shared, 'colour': Colour.RED, 'point': Point(4), 'deque': collections.deque([1, 2])}
square.table = table
raw = bytes(range(256)) * 40_000
'''
"#;

const CHECK: &str = r#"
def check():
    global limit
    assert clamp(99) == 10
    limit = 20
    assert clamp(99) == 20, 'functions see the names beside them'
    limit = 10
    assert step() == count() > 2, 'a cell is shared'
    assert square.area() == 10 and type(square) is Square
    assert table['same'] is shared and shared[0] is square and square.table is table
    assert table['colour'] is Colour.RED and Colour(1) is Colour.RED
    assert table['point'] == Point(4) and isinstance(Point(1), Point)
    assert raw == bytes(range(256)) * 40_000
    return 'all there'
"#;

#[test]
fn a_restore_waits_for_the_checkpoint_that_was_asked_for_before_it() {
    let home = TestHome::new();
    let script = "
rc[:].execute('x = list(range(200_000))', block=True)
for name in ('one', 'two'):
    kept = rc[:].checkpoint(name, block=False)
    names = rc[:].restore(name, block=False)
    rc[:].execute('x.append(1)')
    print(len(kept.get()), [sorted(each) for each in names.get()], rc[1].restore(name + '@1', block=True))
print(rc[:].apply_sync(lambda: len(x)))
";
    assert_eq!(
        run(&home, 2, script),
        "2 [['x'], ['x']] ['x']\n2 [['x'], ['x']] ['x']\n[200002, 200000]\n"
    );
}

#[test]
fn a_checkpoint_outlives_its_cluster() {
    let home = TestHome::new();
    let script = format!(
        "{MAKE}\nrc[:].execute(SOURCE, block=True)\nrc[1].execute('mine = 1', block=True)\n\
         done = rc[:].checkpoint('work', block=True)\nprint([len(each.names) for each in done])\n"
    );
    assert_eq!(run(&home, 2, &script), "[17, 18]\n");
    let script = format!(
        "{CHECK}\nnames = rc[:].restore('work', block=True)\nprint('mine' in names[0], 'mine' in names[1])\n\
         print(rc[:].apply_sync(check))\n"
    );
    assert_eq!(
        run(&home, 2, &script),
        "False True\n['all there', 'all there']\n"
    );
    // One engine's part goes to any engine, and into a session without a cluster.
    let script = format!(
        "{CHECK}\nrc[2].restore('work@1', block=True)\nprint(rc[2].apply_sync(check), rc[2]['mine'])\n\
         print(rc[0].apply_sync(lambda: 'square' in globals()))\n"
    );
    assert_eq!(run(&home, 3, &script), "all there 1\nFalse\n");
    let session = "here = 1\nimport rhumba.namespace\nrhumba.namespace.restore('work@0')\n\
                   print(square.area(), 'here' in globals(), 'mine' in globals())\n";
    assert_eq!(home.run(["-c", session]).success(), "10 False False\n");
}

#[test]
fn a_second_checkpoint_writes_what_changed() {
    let home = TestHome::new();
    let script = "rc[0].execute(\"import os; big = os.urandom(8 << 20); small = 1\", block=True)\n\
                  first = rc[0].checkpoint('work', block=True)\n\
                  rc[0].execute('small = 2', block=True)\n\
                  second = rc[0].checkpoint('work', block=True)\n\
                  print(first.bytes_written > 8 << 20, second.bytes_written < 10_000)\n\
                  rc[1].push({'big': rc[0]['big']}, block=True)\n\
                  other = rc[1].checkpoint('other', block=True)\n\
                  print(other.bytes_written < 10_000)\n";
    assert_eq!(run(&home, 2, script), "True True\nTrue\n");
}

#[test]
fn a_namespace_is_copied_moved_and_forked() {
    let home = TestHome::new();
    let script = format!(
        "{MAKE}{CHECK}\nrc[0].execute(SOURCE, block=True)\nrc[1:].execute('theirs = 1', block=True)\n\
         rc[0].copy_to([1, 2])\nprint(rc[:].apply_sync(check))\n\
         print(rc[1].apply_sync(lambda: 'theirs' in globals()))\n\
         rc[0].move_to(3)\nprint(rc[3].apply_sync(check))\n\
         print(rc[0].apply_sync(lambda: 'square' in globals()))\n\
         rc[1].execute('limit = 77', block=True)\n\
         forked = rc[1].fork(2)\nprint(len(forked), forked['limit'], len(rc.ids))\n\
         rc[1].execute('limit = 78', block=True)\nprint(forked['limit'])\n"
    );
    assert_eq!(
        run(
            &home,
            4,
            &script.replace("rc[:].apply_sync(check)", "rc[:3].apply_sync(check)")
        ),
        "['all there', 'all there', 'all there']\nFalse\nall there\nFalse\n2 [77, 77] 6\n[77, 77]\n"
    );
}

#[test]
fn what_can_not_be_carried_is_named_and_left_out_only_if_asked() {
    let home = TestHome::new();
    let script = "rc[0].execute('import threading\\nclass Model: pass\\nmodel = Model()\\n\
                  model.layers = [1, threading.Lock()]\\nother = 5', block=True)\n\
                  try: rc[0].checkpoint('work', block=True)\n\
                  except ipp.RemoteError as error: print(error.evalue)\n\
                  print(namespace.checkpoints())\n\
                  done = rc[0].checkpoint('work', partial=True, block=True)\n\
                  print([left.path for left in done.left_out])\n\
                  rc[1].restore('work', block=True)\n\
                  print(rc[1]['other'], rc[1].apply_sync(lambda: model.layers))\n";
    let out = run(&home, 2, script);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("['model'].layers[1]"), "{out}");
    assert!(lines[0].contains("lock"), "{out}");
    assert_eq!(lines[1], "[]", "{out}");
    assert!(lines[2].contains("['model'].layers[1]"), "{out}");
    assert_eq!(lines[3], "5 [1]", "{out}");
}

#[test]
fn an_engine_that_is_killed_comes_back_with_its_namespace() {
    let home = TestHome::new();
    let script = format!(
        "{MAKE}{CHECK}\nPOLICY = dict(checkpoint_every=1, restore_on_death=True)\n\
         cluster = ipp.Cluster(n=2, **POLICY)\ncluster.start_cluster_sync()\n\
         rc = cluster.connect_client_sync()\nrc.wait_for_engines(2, timeout=60)\n\
         told, heard = [], threading.Event()\n\
         rc.on_notice(lambda notice: (told.append(notice), heard.set()))\n\
         pids = rc[:].apply_sync(os.getpid)\n\
         rc[:].execute(SOURCE, block=True)\nrc[:].execute('import threading; lock = threading.Lock()', block=True)\n\
         rc[1].execute('mine = 1', block=True)\n\
         names = lambda: [set(each.names) for each in namespace.checkpoints()]\n\
         until(lambda: sum('raw' in each for each in names()) == 2 and any('mine' in each for each in names()))\n\
         def wait():\n    import pathlib, time\n    pathlib.Path('busy').touch()\n    time.sleep(600)\n\
         lost = rc[0].apply_async(wait)\nuntil(lambda: os.path.exists('busy'))\n\
         os.kill(pids[0], signal.SIGKILL)\n\
         try: lost.get(timeout=60)\nexcept ipp.error.EngineError as error: print('lost:', type(error).__name__)\n\
         assert heard.wait(60), 'nobody tells what became of it'\nnotice = told[0]\n\
         print(notice.replaces, notice.engine, notice.reason, notice.checkpoint is not None)\n\
         print(str(notice).startswith('engine 0 died; engine 2 has its namespace as of'))\n\
         print([left.path for left in notice.left_out], 'it goes without' in str(notice))\n\
         print(rc.ids, rc[2].apply_sync(check), rc[1].apply_sync(check), rc[1]['mine'])\n\
         print(rc[1].apply_sync(os.getpid) == pids[1], len(told))\ncluster.stop_cluster_sync()\n"
    );
    assert_eq!(
        run_alone(&home, &script),
        "lost: EngineError\n0 2 None True\nTrue\n[\"namespace['lock']\"] True\n[1, 2] all there all there 1\nTrue 1\n"
    );
}

#[test]
fn one_object_that_can_not_be_rebuilt_does_not_cost_the_others() {
    let home = TestHome::new();
    let script = "SOURCE = 'class Bad:\\n def __getstate__(self): return 1\\n \
             def __setstate__(self, state): raise RuntimeError(5)\\nbad = Bad(); data = [1, 2]'\n\
         cluster = ipp.Cluster(n=1, checkpoint_every=1, restore_on_death=True)\n\
         cluster.start_cluster_sync()\nrc = cluster.connect_client_sync()\n\
         rc.wait_for_engines(1, timeout=60)\n\
         told, heard = [], threading.Event()\n\
         rc.on_notice(lambda notice: (told.append(notice), heard.set()))\n\
         rc[0].execute(SOURCE, block=True)\n\
         until(lambda: any('data' in each.names for each in namespace.checkpoints()))\n\
         os.kill(rc[0].apply_sync(os.getpid), signal.SIGKILL)\n\
         assert heard.wait(60)\nnotice = told[0]\nengine = rc[notice.engine]\n\
         print(notice.reason, [tuple(left) for left in notice.left_out], engine['data'])\n\
         print(str(notice).endswith(\"it goes without namespace['bad']\"))\n\
         engine.execute(SOURCE, block=True)\nengine.checkpoint('work', block=True)\n\
         engine.execute('bad = data = None', block=True)\n\
         try: engine.restore('work', block=True)\n\
         except ipp.RemoteError as error: print(error.ename, engine['data'])\n\
         result = engine.restore('work', partial=True, block=False)\n\
         print(result.get(), [[left.path for left in each] for each in result.left_out], engine['data'], engine['bad'])\n\
         import warnings\n\
         with warnings.catch_warnings(record=True) as warned:\n    warnings.simplefilter('always')\n    \
             print(sorted(namespace.load('work', partial=True)))\n\
         print([str(each.message).splitlines() for each in warned])\n\
         cluster.stop_cluster_sync()\n";
    assert_eq!(
        run_alone(&home, script),
        "None [(\"namespace['bad']\", 'RuntimeError: 5')] [1, 2]\nTrue\nRuntimeError None\n\
         ['Bad', 'data'] [[\"namespace['bad']\"]] [1, 2] None\n['Bad', 'data']\n\
         [[\"what can't be rebuilt here was left out:\", \"  namespace['bad']: RuntimeError: 5\"]]\n"
    );
}

/// What the time that a restore may take ends in the same way, after ten minutes: it interrupts it.
#[test]
fn an_object_whose_rebuilding_never_ends_holds_up_its_engine_alone() {
    let home = TestHome::new();
    let script = "SOURCE = 'import pathlib\\nclass Bad:\\n def __getstate__(self): return 1\\n \
             def __setstate__(self, state):\\n  pathlib.Path(\"hangs\").touch()\\n  while True: pass\\n\
             bad = Bad(); data = [1, 2]'\n\
         cluster = ipp.Cluster(n=2, checkpoint_every=1, restore_on_death=True)\n\
         cluster.start_cluster_sync()\nrc = cluster.connect_client_sync()\n\
         rc.wait_for_engines(2, timeout=60)\n\
         told, heard = [], threading.Event()\n\
         rc.on_notice(lambda notice: (told.append(notice), heard.set()))\n\
         rc[0].execute(SOURCE, block=True)\n\
         until(lambda: any('data' in each.names for each in namespace.checkpoints()))\n\
         os.kill(rc[0].apply_sync(os.getpid), signal.SIGKILL)\n\
         until(lambda: os.path.exists('hangs') and rc.ids == [1, 2])\n\
         waits = rc[2].apply_async(lambda: data)\n\
         view = rc.load_balanced_view()\n\
         print(rc.ids, rc[1].apply_sync(lambda: 5), view.apply_sync(lambda: 6), waits.ready(), told)\n\
         rc.send_signal(signal.SIGINT, targets=2)\n\
         assert heard.wait(60)\nnotice = told[0]\n\
         print(notice.replaces, notice.engine, notice.reason, [tuple(left) for left in notice.left_out])\n\
         print(waits.get(timeout=60), view.apply_sync(lambda: 7), rc.ids)\n\
         cluster.stop_cluster_sync()\n";
    assert_eq!(
        run_alone(&home, script),
        "[1, 2] 5 6 False []\n0 2 None [(\"namespace['bad']\", 'KeyboardInterrupt')]\n\
         [1, 2] 7 [1, 2]\n"
    );
}

#[test]
fn an_engine_that_was_never_checkpointed_is_replaced_empty_and_that_is_told() {
    let home = TestHome::new();
    let script = "import datetime\n\
         cluster = ipp.Cluster(n=1, checkpoint_every=datetime.timedelta(hours=1), restore_on_death=True)\n\
         cluster.start_cluster_sync()\nrc = cluster.connect_client_sync()\n\
         rc.wait_for_engines(1, timeout=60)\n\
         told, heard = [], threading.Event()\n\
         rc.on_notice(lambda notice: (told.append(notice), heard.set()))\n\
         rc[0].execute('x = 1', block=True)\n\
         os.kill(rc[0].apply_sync(os.getpid), signal.SIGKILL)\n\
         assert heard.wait(60)\nnotice = told[0]\n\
         print(notice.checkpoint, notice.requests_lost, notice.reason is not None)\n\
         print(rc[notice.engine].apply_sync(lambda: 'x' in globals()))\n\
         cluster.stop_cluster_sync()\n";
    assert_eq!(run_alone(&home, script), "None 2 True\nFalse\n");
}

#[test]
fn what_the_policy_kept_outlives_a_cluster_only_where_nobody_ended_it() {
    let script = |end: &str| {
        format!(
            "cluster = ipp.Cluster(n=2, checkpoint_every=1)\ncluster.start_cluster_sync()\n\
             rc = cluster.connect_client_sync()\nrc.wait_for_engines(2, timeout=60)\n\
             rc[:].push({{'x': 1}}, block=True)\nrc[0].checkpoint('mine', block=True)\n\
             until(lambda: len(namespace.checkpoints()) == 3)\n{end}\n"
        )
    };
    let home = TestHome::new();
    let count = "print(len(namespace.checkpoints()))";
    let ended = script("cluster.stop_cluster_sync()");
    assert_eq!(run_alone(&home, &format!("{ended}{count}")), "1\n");

    let killed = script("os.kill(os.getpid(), signal.SIGKILL)");
    let killed = home.write("killed.py", format!("{HEAD}{killed}"));
    home.run([killed.as_os_str()]);
    assert_eq!(run_alone(&home, count), "3\n");
}

#[test]
fn a_restore_waits_its_turn_and_dies_with_its_engine_alone() {
    let home = TestHome::new();
    let script = "rc[0].execute('x = 1', block=True)\nrc[0].checkpoint('work', block=True)\n\
         def busy(name):\n    import os, pathlib, time\n    pathlib.Path(name).touch()\n    \
             while not os.path.exists('go'): time.sleep(0.002)\n    return globals().get('x')\n\
         rc[1].push({'x': 'before'}, block=True)\n\
         pids = rc[:].apply_sync(os.getpid)\n\
         running = rc[1].apply_async(busy, 'busy-1')\nqueued = rc[1].restore('work', block=False)\n\
         doomed = rc[2].apply_async(busy, 'busy-2')\nnever = rc[2].restore('work', block=False)\n\
         until(lambda: os.path.exists('busy-1') and os.path.exists('busy-2'))\n\
         print(queued.ready(), never.ready())\n\
         os.kill(pids[2], signal.SIGKILL)\n\
         try: never.get(timeout=60)\nexcept ipp.error.EngineError: print('its engine died')\n\
         open('go', 'w').close()\n\
         print(running.get(timeout=60), queued.get(timeout=60), rc[1]['x'], rc[0]['x'])\n";
    assert_eq!(
        run(&home, 3, script),
        "False False\nits engine died\nbefore ['x'] 1 1\n"
    );
}

#[test]
fn an_engine_that_dies_while_it_is_kept_leaves_the_old_checkpoint() {
    let home = TestHome::new();
    // Where this script waits for a processor so long that the engine is done, it is done again.
    let script = "rc[:].execute('text = \"before\"', block=True)\n\
         rc[0].execute('import os; text = \"after\"; raw = os.urandom(300 << 20)', block=True)\n\
         chunks = os.path.join(os.environ['RHUMBA_HOME'], 'store', 'chunks')\n\
         count = lambda: sum(len(files) for _, _, files in os.walk(chunks))\n\
         pid = rc[0].apply_sync(os.getpid)\n\
         for _ in range(5):\n    \
             rc[1].checkpoint('work', block=True)\n    namespace.clean()\n    before = count()\n    \
             kept = rc[0].checkpoint('work', block=False)\n    \
             until(lambda: kept.ready() or count() > before + 2)\n    \
             if not kept.ready(): break\n\
         os.kill(pid, signal.SIGKILL)\n\
         try: kept.get(timeout=60)\nexcept ipp.error.EngineError: print('its engine died')\n\
         print(namespace.load('work'), rc[1].restore('work', block=True), rc[1]['text'], rc.ids)\n";
    assert_eq!(
        run(&home, 2, script),
        "its engine died\n{'text': 'before'} ['text'] before [1]\n"
    );
}

#[test]
fn functions_find_their_globals_there_or_take_them_along() {
    let home = TestHome::new();
    let script = "factor = 10\ndef scale(x): return x * factor\ndef work(x): return scale(x) + 1\n\
         try: rc[0].apply_sync(work, 1)\nexcept ipp.RemoteError as error: print(error.ename)\n\
         rc[0].push({'factor': 2, 'scale': scale}, block=True)\nprint(rc[0].apply_sync(work, 1))\n\
         rc[:].use_cloudpickle()\nview = rc[1]\nview.use_cloudpickle()\n\
         print(view.apply_sync(work, 1), view.apply_sync(lambda: 'factor' in globals()))\n\
         view.use_pickle()\ntry: view.apply_sync(work, 1)\n\
         except ipp.RemoteError as error: print(error.ename)\n";
    assert_eq!(run(&home, 2, script), "NameError\n3\n11 False\nNameError\n");
}

#[test]
fn a_part_comes_back_where_it_was_taken() {
    let home = TestHome::new();
    let script = "rc[:].scatter('mine', [10, 11, 12], flatten=True).get()\n\
         rc[:].checkpoint('all three', block=True)\nrc[:].execute('mine = None').get()\n\
         rc[2].restore('all three', block=True)\nprint(rc[:]['mine'])\n\
         rc[[0, 1]].restore('all three', block=True)\nprint(rc[:]['mine'])\n";
    assert_eq!(run(&home, 3, script), "[None, None, 12]\n[10, 11, 12]\n");
}

#[test]
fn functions_of_a_script_keep_their_lines() {
    let home = TestHome::new();
    let script = home.write(
        "made.py",
        "import rhumba.namespace\ndef half(x):\n    y = x / 0\n    return y\nrhumba.namespace.save('made.ns')\n",
    );
    home.run([script.as_os_str()]).success();
    let ask = "import rhumba.namespace, inspect\nhalf = rhumba.namespace.load('made.ns')['half']\n\
        print(half.__code__.co_filename.rpartition('/')[2], inspect.getsource(half).split()[-1])\n";
    assert_eq!(home.run(["-c", ask]).success(), "made.py y\n");
    home.write("made.py", "print('something else')\n");
    let ask = format!(
        "{ask}try: half(1)\nexcept ZeroDivisionError:\n    import traceback; traceback.print_exc()\n"
    );
    let told = home.run(["-c", &ask]);
    assert_eq!(told.stdout, "<made.py> y\n");
    assert!(told.stderr.contains("    y = x / 0\n"), "{}", told.stderr);
}

#[test]
fn classes_of_a_script_keep_their_lines() {
    let home = TestHome::new();
    let script = home.write(
        "made.py",
        "import rhumba.namespace\nclass Half:\n    def of(self, x):\n        return x / 2\n\
         class Plain:\n    mark = 1\nrhumba.namespace.save('made.ns')\n",
    );
    home.run([script.as_os_str()]).success();
    let ask = home.write(
        "ask.py",
        "import rhumba.namespace, inspect\nnames = rhumba.namespace.load('made.ns')\n\
         for name in 'Half', 'Plain':\n    try: print(inspect.getsource(names[name]).split()[-1])\n    \
         except OSError as error: print(error)\n",
    );
    let told = home.run([ask.as_os_str()]).success();
    assert_eq!(told, "2\ncould not find class definition\n");
    home.write("made.py", "print('something else')\n");
    let told = home.run([ask.as_os_str()]).success();
    assert_eq!(told, "2\n1\n");
}

#[test]
fn what_methods_bring_along_is_that_of_now() {
    let home = TestHome::new();
    let script = "FACTOR = 3\nclass Helper:\n    def go(self): return FACTOR\n\
         view = rc[0]\nview.apply_sync(lambda helper: 1, Helper())\nview.use_cloudpickle()\n\
         def use(): return Helper().go()\nprint(view.apply_sync(use))\nFACTOR = 4\n\
         print(view.apply_sync(use))\nview.use_pickle()\n\
         def counting():\n    count = 1\n    class Counter:\n        def get(self): return count\n    \
             def change(to):\n        nonlocal count\n        count = to\n    return Counter, change\n\
         Counter, change = counting()\nprint(view.apply_sync(lambda it: it.get(), Counter()))\n\
         change(5)\nprint(view.apply_sync(lambda it: it.get(), Counter()))\n\
         from rhumba.namespace import diff\n\
         rc[0].execute('import threading; lock = threading.Lock(); d = {1: lock}').get()\n\
         rc[1].execute('d = {}').get()\nprint(sorted(set(diff(rc[0], rc[1])) & {'lock', 'd'}))\n";
    assert_eq!(run(&home, 2, script), "3\n4\n1\n5\n['d', 'lock']\n");
}

#[test]
fn a_checkpoint_that_can_not_be_rebuilt_leaves_everything_as_it_was() {
    let home = TestHome::new();
    home.write("helper.py", "class Thing: pass\n");
    let script = "import sys\nsys.path.insert(0, os.getcwd())\nimport helper\n\
         rc[0].execute('import sys, os; sys.path.insert(0, os.getcwd()); import helper; t = helper.Thing(); x = 1', block=True)\n\
         rc[0].checkpoint('module', block=True)\n\
         rc[0].execute('''\n\
class Guarded:\n    def __getstate__(self): return 1\n    \
    def __setstate__(self, state): raise RuntimeError('nothing goes in')\n\
held = Guarded(); del t, helper''', block=True)\n\
         rc[0].checkpoint('failing', block=True)\n\
         rc[0].execute('''\n\
class Meta(type):\n    def mro(cls):\n        import os\n        \
            if os.path.exists('fail'): raise RuntimeError('no such class')\n        return super().mro()\n\
class Odd(metaclass=Meta): pass\n\
del held''', block=True)\n\
         rc[0].checkpoint('metaclass', block=True)\n";
    run(&home, 1, script);
    home.write("fail", "");
    std::fs::remove_file(home.work().join("helper.py")).expect("the test made it");
    // What was compiled of it is as good as it.
    let _ = std::fs::remove_dir_all(home.work().join("__pycache__"));
    let script = "rc[:].execute('x = \"mine\"; other = [x]', block=True)\n\
         for name in 'module', 'failing', 'metaclass', 'nowhere':\n    \
             try: print(rc[0].restore(name, block=True))\n    \
             except (ipp.RemoteError, LookupError) as error: print(f'{type(error).__name__}: {error}'.splitlines()[0])\n    \
             print(rc[0]['x'], rc[0]['other'], rc[1]['x'])\n";
    let out = run(&home, 2, script);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("helper"), "{out}");
    assert!(lines[2].contains("nothing goes in"), "{out}");
    assert!(lines[4].contains("no such class"), "{out}");
    assert!(lines[6].contains("nowhere"), "{out}");
    for line in [lines[1], lines[3], lines[5], lines[7]] {
        assert_eq!(line, "mine ['mine'] mine", "{out}");
    }
}

#[test]
fn a_large_buffer_is_not_in_memory_twice_while_it_is_dumped_and_loaded() {
    let home = TestHome::new();
    run_alone(
        &home,
        r#"
SIZE_KB = 128 << 10
def kb(file, field):
    line = next(line for line in open(f'/proc/self/{file}') if line.startswith(field))
    return int(line.split()[1])
def added_kb(work):
    with open('/proc/self/clear_refs', 'w') as clear:
        clear.write('5')
    before = kb('status', 'VmRSS:')
    result = work()
    return result, kb('status', 'VmHWM:') - before
raw = os.urandom(1 << 10) * SIZE_KB
data, dumping = added_kb(lambda: namespace.dumps(['a', raw, 'b']))
assert dumping < SIZE_KB / 4, dumping
back, loading = added_kb(lambda: namespace.loads(data))
assert loading < SIZE_KB / 4, loading
assert back == ['a', raw, 'b'] and raw in data
# Three objects, of which two have their memory in common, all of it looked at.
assert kb('smaps_rollup', 'Pss:') < 2.5 * SIZE_KB
changed = bytearray(raw)
again = namespace.loads(namespace.dumps(changed))
changed[::4096] = b'x' * len(changed[::4096])
again.extend(b'grown')
assert again[:-5] == raw and again[-5:] == b'grown'
del raw, back, again, changed
assert namespace.loads(data)[1][:1024] * SIZE_KB == namespace.loads(data)[1]
"#,
    );
}

//! Calls that go out as a tree: in order, whole, and whatever becomes of the host.

use super::support::TestHome;

const TREE: &str = r#"
import os, signal
import ipyparallel as ipp

rc = ipp.Client()
rc.wait_for_engines(4)
tree, direct = rc.broadcast_view(), rc[:]
[host] = set(tree.apply_sync(os.getppid))
pids = tree.apply_sync(os.getpid)


def note(number, padding):
    seen.append((number, len(padding)))
    return number


def expected(engine):
    return [(n, 997 * n) for n in range(300) if n % 5 or n % 4 == engine]


# By all ways at once, of all sizes: what is said first is done first.
direct.push({'seen': []}, block=True)
results = []
for n in range(300):
    view = tree if n % 5 in (1, 2) else direct if n % 5 else rc[n % 4]
    results.append(view.apply_async(note, n, b'x' * (997 * n)))
print(all(r.get(60) in (n, [n] * 4) for n, r in enumerate(results)))
print([rc[engine]['seen'] == expected(engine) for engine in range(4)])

# What goes by descriptor, and what everyone tells at once.
large = bytes(range(256)) * 20_000
print(tree.apply_sync(lambda data: (len(data), data[-1]), large))
merged = rc.broadcast_view(is_coalescing=True)
print(merged.execute('print(6 * 7)', block=True).stdout, merged.apply_sync(abs, -1))

# An engine that reads nothing keeps nothing from the others.
os.kill(pids[3], signal.SIGSTOP)
waiting = [tree.apply_async(len, b'x' * 900_000) for _ in range(12)]
print(rc[:3].apply_sync(abs, -2), any(r.ready() for r in waiting))
os.kill(pids[3], signal.SIGCONT)
print(all(r.get(60) == [900_000] * 4 for r in waiting))

# A host that doesn't pass on what it has, and then is killed.
direct.push({'seen': []}, block=True)
os.kill(host, signal.SIGSTOP)
kept = [tree.apply_async(note, 1, b''), direct.apply_async(note, 2, b''), tree.apply_async(note, 3, large)]
rc.queue_status()
print([r.ready() for r in kept])
os.kill(host, signal.SIGKILL)
print([r.get(60) for r in kept], [[n for n, _ in seen] for seen in direct['seen']])
print(tree.apply_sync(abs, -3))
"#;

#[test]
fn calls_go_out_as_a_tree_in_order_whatever_becomes_of_the_host() {
    let home = TestHome::new();
    let said = home.run(["-n", "4", "-c", TREE]).success();
    assert_eq!(
        said,
        "True\n[True, True, True, True]\n\
         [(5120000, 255), (5120000, 255), (5120000, 255), (5120000, 255)]\n\
         ['42\\n', '42\\n', '42\\n', '42\\n'] [1, 1, 1, 1]\n\
         [2, 2, 2] False\nTrue\n\
         [False, False, False]\n\
         [[1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]] [[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]]\n\
         [3, 3, 3, 3]\n"
    );
}

const FAILS_BEFORE_IT_IS_SENT: &str = r#"
import os, tempfile
import ipyparallel as ipp

rc = ipp.Client()
rc.wait_for_engines(2)
rc[:].scatter("number", [0, 1], flatten=True, block=True)
together = rc.broadcast_view(is_coalescing=True)
together.label = "together"
for call in (together.execute, together.pull):
    try:
        call("x = '\ud800'")
    except UnicodeEncodeError as failure:
        print(failure.start, failure.reason)


def last_waits(path):
    import os, time

    while number and not os.path.exists(path):
        time.sleep(0.01)
    return number


path = os.path.join(tempfile.mkdtemp(), "go")
apart = rc[:].apply_async(last_waits, path)
# The first answer comes by itself.
print(apart._group.wait(60, 1), apart.ready())
open(path, "w").close()
print(apart.get(60), rc.db_query({"msg_id": apart.msg_ids[0]}, keys=["label"])[0]["label"])
"#;

#[test]
fn a_call_that_fails_before_it_is_sent_says_nothing_of_the_next() {
    let home = TestHome::new();
    let said = home.run(["-n", "2", "-c", FAILS_BEFORE_IT_IS_SENT]);
    assert_eq!(
        said.success(),
        "5 surrogates not allowed\n5 surrogates not allowed\nTrue False\n[0, 1] None\n"
    );
}

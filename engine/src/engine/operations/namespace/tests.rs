//! Whole namespaces of a real interpreter: out, back, and what happens when
//! they can't come back.

use super::*;
use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::runtime::{Runtime, RuntimeConfig};
use rhumba_interpreter::rustpython_vm::compiler::Mode;
use rhumba_interpreter::rustpython_vm::scope::Scope;
use std::path::Path;

/// What most of these tests begin with: things that refer to each other.
const NAMES: &str = "
x = 41
class Account:
    def __init__(self, balance):
        self.balance = balance
account = Account(1)
accounts = [account, account]
def total():
    return x + account.balance
large = bytes(range(256)) * 1000
";

struct Stage<'a> {
    vm: &'a VirtualMachine,
    namespace: Namespace,
    context: DecodeContext,
    folder: tempfile::TempDir,
    store: Store,
}

impl<'a> Stage<'a> {
    /// Plays in a fresh interpreter, with a store of its own.
    fn play(test: impl FnOnce(Stage<'_>)) {
        let runtime = Runtime::new(RuntimeConfig {
            install_signal_handlers: false,
            ..RuntimeConfig::default()
        });
        runtime.enter(|vm| {
            let namespace = Namespace::new(vm);
            let folder = tempfile::tempdir().unwrap();
            test(Stage {
                vm,
                context: DecodeContext::new(namespace.dict().clone()),
                namespace,
                store: Store::open(&folder.path().join("store")),
                folder,
            });
        });
    }

    fn ok<T>(&self, result: PyResult<T>) -> T {
        result.unwrap_or_else(|error| {
            let report = ErrorReport::from_exception(self.vm, &error);
            panic!(
                "{}: {}\n{}",
                report.exception, report.message, report.traceback
            )
        })
    }

    /// What an operation that fails raises, as `exception: message`.
    fn error(&self, result: PyResult) -> String {
        let error = result.map(drop).expect_err("it fails");
        let report = ErrorReport::from_exception(self.vm, &error);
        format!("{}: {}", report.exception, report.message)
    }

    fn run(&self, source: &str) {
        let code = self.vm.compile(source, Mode::Exec, "<test>");
        let code = code.unwrap_or_else(|error| panic!("{error:?}"));
        let scope = Scope::with_builtins(None, self.namespace.dict().clone(), self.vm);
        self.ok(self.vm.run_code_obj(code, scope));
    }

    fn checkpoint(&self, name: &str, partial: bool) -> PyResult {
        let name = name.to_owned();
        checkpoint(
            self.vm,
            &self.namespace,
            &self.store,
            "engine 2",
            name,
            partial,
        )
    }

    fn restore(&self, name: &str) -> PyResult {
        restore(self.vm, &self.namespace, &self.store, &self.context, name)
    }

    /// Checks what an operation answered.
    fn check(&self, answer: PyObjectRef, expression: &str) {
        let names = self.vm.ctx.new_dict();
        self.ok(names.set_item("answer", answer, self.vm));
        let code = self.vm.compile(expression, Mode::Eval, "<check>");
        let code = code.unwrap_or_else(|error| panic!("{error:?}"));
        let scope = Scope::with_builtins(None, names.clone(), self.vm);
        let value = self.ok(self.vm.run_code_obj(code, scope));
        let is_true = self.ok(value.try_to_bool(self.vm));
        let answer = self.ok(names.get_item("answer", self.vm));
        let answer = self.ok(answer.repr(self.vm));
        assert!(is_true, "{expression}: {answer:?}");
    }
}

#[test]
fn a_namespace_comes_back_as_it_was() {
    Stage::play(|stage| {
        stage.run(NAMES);
        let answer = stage.ok(stage.checkpoint("work", false));
        stage.check(
            answer,
            "answer['name'] == 'work' and answer['origin'] == 'engine 2'",
        );
        stage.run("x = 0; account.balance = 0; del large, Account; later = 1");
        let answer = stage.ok(stage.restore("work"));
        stage.check(
            answer,
            "answer['names'] == ['x', 'Account', 'account', 'accounts', 'total', 'large'] \
             and answer['left_out'] == [] and answer['bytes_total'] > 256_000 \
             and answer['created_us'] > 1_700_000_000_000_000",
        );
        stage.run(
            "
assert 'later' not in globals()
assert total() == 42 and total.__globals__ is globals()
assert accounts[0] is accounts[1] is account and type(account) is Account
assert large == bytes(range(256)) * 1000
x = 1
assert total() == 2
",
        );
        let again = stage.ok(stage.checkpoint("work", false));
        stage.check(again, "answer['bytes_written'] < 10_000");
    });
}

#[test]
fn what_can_not_be_carried_is_refused_or_left_out() {
    Stage::play(|stage| {
        stage.run(
            "import threading\nkept = 1\nlock = threading.Lock()\nheld = [1, lock]\ndel threading",
        );
        let error = stage.error(stage.checkpoint("work", false));
        assert!(error.contains("namespace['lock']"), "{error}");
        assert!(
            stage.store.list().unwrap().is_empty(),
            "nothing was written"
        );
        let answer = stage.ok(stage.checkpoint("work", true));
        stage.check(
            answer.clone(),
            "answer['left_out'][0][0] == \"namespace['lock']\"",
        );
        stage.check(
            answer,
            "'kept' in answer['names'] and 'lock' not in answer['names']",
        );
        let [info] = stage.store.list().unwrap().try_into().unwrap();
        assert!(
            info.left_out
                .iter()
                .any(|(path, _)| path == "namespace['lock']")
        );
        stage.run("before = lock; kept = 2; later = 3; held = None");
        stage.ok(stage.restore("work"));
        stage.run("assert kept == 1 and held == [1] and 'later' not in globals()");
        // What was left out is still here, and what is here still works with it.
        stage.run("assert lock.acquire()");
    });
}

/// Makes a checkpoint that can't be restored.
type Spoil = fn(&Stage<'_>);

#[test]
fn what_can_not_come_back_leaves_the_namespace_as_it_is() {
    let cases: [(&str, Spoil, &str); 6] = [
        (
            "unknown",
            |_| {},
            "LookupError: there is no checkpoint named \"unknown\"",
        ),
        (
            "damaged",
            |stage| {
                stage.run("data = bytes(100_000)");
                stage.ok(stage.checkpoint("damaged", false));
                damage(&stage.folder.path().join("store/chunks"));
            },
            "SnapshotError: the checkpoint \"damaged\" is damaged",
        ),
        (
            "truncated",
            |stage| {
                stage.ok(stage.checkpoint("truncated", false));
                let path = stage.folder.path().join("store/checkpoints/truncated");
                let bytes = std::fs::read(&path).unwrap();
                std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            },
            "SnapshotError: the checkpoint \"truncated\" is damaged",
        ),
        (
            "later",
            |stage| {
                stage.ok(stage.checkpoint("later", false));
                let path = stage.folder.path().join("store/checkpoints/later");
                let mut bytes = std::fs::read(&path).unwrap();
                bytes[8] += 1;
                std::fs::write(&path, bytes).unwrap();
            },
            "later rhumba",
        ),
        (
            "missing",
            |stage| {
                stage.run(
                    "
import sys, types
gone = types.ModuleType('gone')
sys.modules['gone'] = gone
exec('class Gone: pass', gone.__dict__)
thing = gone.Gone()
del sys, types, gone
",
                );
                stage.ok(stage.checkpoint("missing", false));
                stage.run("import sys; del sys.modules['gone'], sys, thing");
            },
            "gone",
        ),
        (
            "raising",
            |stage| {
                stage.run(
                    "
def fail():
    raise RuntimeError('not today')
class Thing:
    def __reduce__(self):
        return fail, ()
thing = Thing()
",
                );
                stage.ok(stage.checkpoint("raising", false));
            },
            "RuntimeError: not today",
        ),
    ];
    for (name, spoil, words) in cases {
        Stage::play(|stage| {
            spoil(&stage);
            stage
                .namespace
                .clear(stage.vm)
                .unwrap_or_else(|_| panic!("it can be cleared"));
            stage.run(NAMES);
            stage.run("before = dict(globals())");
            let error = stage.error(stage.restore(name));
            assert!(error.contains(words), "{name}: {error}");
            stage.run(
                "
assert all(globals()[name] is before[name] for name in before), before
assert set(globals()) - set(before) == {'before'}, set(globals()) - set(before)
assert total() == 42
",
            );
        });
    }
}

#[test]
fn what_can_not_come_back_leaves_what_was_lent() {
    Stage::play(|stage| {
        stage.run(
            "
view = [1]
def fail():
    raise RuntimeError('not today')
class Thing:
    def __reduce__(self):
        return fail, ()
thing = Thing()
",
        );
        stage.ok(stage.checkpoint("raising", false));
        stage.run("view = thing");
        stage.ok(stage.checkpoint("lost", false));
        stage.run("view = ['lent']; held = [view]");
        stage.ok(stage.namespace.lend(stage.vm, &["view"]));
        let error = stage.error(stage.restore("raising"));
        assert!(error.contains("not today"), "{error}");
        stage.run("assert view is held[0], view");
        let context = DecodeContext {
            partial: true,
            ..stage.context.clone()
        };
        let (vm, namespace) = (stage.vm, &stage.namespace);
        stage.ok(restore(vm, namespace, &stage.store, &context, "lost"));
        stage.run("assert view == ['lent'] and 'held' not in globals(), globals()");
        assert_eq!(namespace.names(), ["fail", "Thing", "thing"]);
    });
}

/// Changes the largest chunk.
fn damage(directory: &Path) {
    let mut largest: Option<(u64, std::path::PathBuf)> = None;
    for shard in std::fs::read_dir(directory).unwrap() {
        for entry in std::fs::read_dir(shard.unwrap().path()).unwrap() {
            let entry = entry.unwrap();
            let length = entry.metadata().unwrap().len();
            if largest.as_ref().is_none_or(|(most, _)| length > *most) {
                largest = Some((length, entry.path()));
            }
        }
    }
    let (_, path) = largest.expect("there is a chunk");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_namespace_travels_as_a_payload() {
    Stage::play(|stage| {
        stage.run(NAMES);
        let payload = stage.ok(take(stage.vm, &stage.namespace, "engine 2", false));
        let info = payload::describe(&payload).unwrap();
        assert_eq!(info.names[..2], ["x", "Account"]);
        assert_eq!((info.origin.as_str(), info.left_out.len()), ("engine 2", 0));
        assert_eq!(
            payload.buffers.len(),
            3,
            "tables are packed, large buffers are not"
        );
        stage.run("x = 0; account = None; own = 1");
        let put = |payload| put(stage.vm, &stage.namespace, &stage.context, payload);
        for nonsense in [
            Payload::default(),
            Payload::from(vec![vec![1, 2, 3].into()]),
            Payload::from(payload.buffers[..2].to_vec()),
        ] {
            let error = stage.error(put(nonsense));
            assert!(
                error.contains("SnapshotError: the namespace that was sent"),
                "{error}"
            );
        }
        stage.run("assert x == 0 and account is None and own == 1");
        let answer = stage.ok(put(payload));
        stage.check(
            answer,
            "answer['origin'] == 'engine 2' and answer['names'][0] == 'x'",
        );
        stage.run("assert total() == 42 and accounts[0] is account and 'own' not in globals()");
    });
}

/// A class comes back as it was, whatever its metaclass would say to a new one.
#[test]
fn a_metaclass_that_fails_is_not_asked() {
    Stage::play(|stage| {
        stage.run(
            "
import sys
class Meta(type):
    def __new__(cls, *args):
        if hasattr(sys, 'refuses'):
            raise RuntimeError('no classes today')
        return super().__new__(cls, *args)
class Made(metaclass=Meta):
    pass
made = Made()
",
        );
        stage.ok(stage.checkpoint("metaclass", false));
        stage.run("sys.refuses = True; del made");
        stage.ok(stage.restore("metaclass"));
        stage.run("assert type(made) is Made and type(Made) is Meta; del sys.refuses");
    });
}

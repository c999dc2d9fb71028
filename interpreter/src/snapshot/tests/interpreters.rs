//! Snapshots between interpreters of one process, each on a thread of its own.

use std::thread;

use rustpython_vm::AsObject;

use super::{eval, run, with_functions};
use crate::snapshot::{DecodeContext, EncodeOptions, Snapshot, decode, encode};

const SENDER: &str = r#"
class Counter:
    def __init__(self, n): self.n = n
    def up(self): self.n += 1; return self.n
def make(k):
    def f(c): return c.up() * k
    return f
parcel = (Counter(4), make(10), b'x' * 100_000, Counter)
"#;

#[test]
fn a_class_belongs_to_its_interpreter() {
    let (send, receive) = std::sync::mpsc::channel::<Snapshot>();
    let sender = thread::spawn(move || {
        with_functions(|vm, scope, _| {
            run(vm, scope, SENDER, "sender").expect("it can be made");
            let parcel = scope.globals.get_item("parcel", vm).expect("just made");
            let snapshot = encode(vm, &parcel, &EncodeOptions::new("parcel"));
            send.send(snapshot.expect("it can be carried"))
                .expect("somebody waits");
            // The bytes are lent to the snapshot: they outlive the object's other references.
            run(vm, scope, "del parcel", "sender").expect("it was there");
        });
    });
    with_functions(|vm, scope, globals| {
        // A thread that waits inside an interpreter would keep the collector of the other waiting.
        let snapshot = vm.allow_threads(|| receive.recv()).expect("somebody sends");
        let context = DecodeContext::new(globals);
        let parcel = decode(vm, snapshot.buffers, &context).expect("it arrives");
        scope
            .globals
            .set_item("parcel", parcel, vm)
            .expect("a dict takes it");
        let holds = eval(
            vm,
            scope,
            "parcel[1](parcel[0]) == 50 and parcel[2] == b'x' * 100_000 and type(parcel[0]) is parcel[3]",
        );
        assert!(holds.is(&vm.ctx.true_value));
    });
    sender.join().expect("it doesn't panic");
}

//! The task store of a cluster whose controller is killed: what it remembered is there for the
//! next one.

use serde_json::Value;

use super::support::{Process, STEP_TIMEOUT, TestHome};

const BEFORE: &str = r#"
import ipyparallel as ipp
rc = ipp.Client(timeout=60)
rc.wait_for_engines(2, timeout=60)
results = rc.load_balanced_view().map_async(lambda length: "x" * length, [10, 100_000])
results.get(60)
endless = rc[0].apply_async(lambda: __import__("threading").Event().wait())
assert rc.task_store["records"] == 3, rc.task_store
print(*results.msg_ids, endless.msg_id)
"#;

const AFTER: &str = r#"
import sys
import ipyparallel as ipp
rc = ipp.Client(timeout=60)
short, long, endless = IDS.split()
assert rc.get_result(short).get(60) == ["x" * 10]
assert rc.get_result(long).get(60) == ["x" * 100_000]
[record] = rc.db_query({"msg_id": endless}, keys=["status", "evalue"])
assert record["status"] == "error" and "controller ended" in record["evalue"], record
try:
    rc.get_result(endless).get(60)
except ipp.EngineError as failure:
    assert "the controller ended" in str(failure)
else:
    raise AssertionError("what was lost has no result")
again = rc.load_balanced_view().apply_async(abs, -1)
assert again.get(60) == 1
assert rc.hub_history() == [short, long, endless, again.msg_id]
"#;

#[test]
fn what_a_killed_controller_remembered_is_there_for_the_next() {
    let home = TestHome::new();
    let start = ["cluster", "start", "-n", "2", "--daemonize"];
    home.run(start).success();
    let ids = home.run(["-c", BEFORE]).success();
    let listed = home.run(["cluster", "list", "--json"]).success();
    let listed: Value = serde_json::from_str(&listed).expect("it is JSON");
    let pid = listed[0]["controller"]["pid"].as_u64().expect("it runs");
    let controller = Process::hold(u32::try_from(pid).expect("a pid is a small number"));
    controller.signal(libc::SIGKILL);
    assert!(controller.ends_within(STEP_TIMEOUT), "it was killed");
    home.run(start).success();
    let after = format!("IDS = {:?}\n{AFTER}", ids.trim());
    home.run(["-c", &after]).success();
    home.run(["cluster", "stop"]).success();
}

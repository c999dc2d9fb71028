//! When a start is over: what an executable does to have it fast, it can leave off then.
//!
//! A start is over when a script may run, a host may fork, or a person has typed a first cell.

use std::sync::OnceLock;

static AFTERWARDS: OnceLock<fn()> = OnceLock::new();
static OVER: OnceLock<()> = OnceLock::new();

/// Has this called once when the start is over.
pub fn afterwards(act: fn()) {
    // Only the executable says so, and once.
    let _ = AFTERWARDS.set(act);
}

/// Takes note that the start is over.
pub(crate) fn over() {
    OVER.get_or_init(|| {
        if let Some(act) = AFTERWARDS.get() {
            act();
        }
    });
}

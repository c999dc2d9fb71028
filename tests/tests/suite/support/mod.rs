//! What every test needs: a home of its own, the executable, processes that can be watched.
//!
//! Each wait has a limit and is for something that happens: a process is waited for through its
//! pidfd, a terminal through its descriptor. What a test started has ended when the test has.

mod home;
mod process;
mod screen;
mod terminal;

pub use home::{TestHome, executable, finish, finish_started};
pub use process::{Process, wait_for_file};
pub use screen::{Screen, TerminalKind};
pub use terminal::Terminal;

use std::time::Duration;

/// The longest that any one step may take. It is reached only when something is broken, on a
/// machine that is slow and busy too; the runner ends a whole test after 240 s.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(180);

//! What every test needs: a home of its own, the executable, processes that can be watched.
//!
//! Each wait has a limit and none of them sleeps: a process is waited for through its pidfd, a
//! terminal through its descriptor. What a test started has ended when the test has.

mod home;
mod process;
mod terminal;

pub use home::{TestHome, finish, finish_started};
pub use process::{Process, wait_for_file};
pub use terminal::Terminal;

use std::time::Duration;

/// The longest that any one step may take. It is reached only when something is broken.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(60);

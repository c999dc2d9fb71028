//! A console that is steered from elsewhere: its names are an engine's namespace.
//!
//! The engine is `rhumba_engine`'s; here it gets the console's interpreter.

use std::path::{Path, PathBuf};

use rhumba_engine::engine::{EngineError, EngineOptions, Joined};
use rhumba_interpreter::runtime::Runtime;

pub(super) struct Steering {
    joined: Joined,
}

impl Steering {
    /// Joins a cluster under the number that its controller gives.
    pub(super) fn join(runtime: &Runtime, cluster_file: &Path) -> Result<Self, EngineError> {
        let options = EngineOptions {
            cluster_file: absolute(cluster_file),
            host: None,
            module_directories: Vec::new(),
            announce: None,
        };
        Ok(Self {
            joined: Joined::new(runtime, &options)?,
        })
    }

    pub(super) fn id(&self) -> u32 {
        self.joined.engine().0
    }

    pub(super) fn serve(&self, runtime: &Runtime) -> bool {
        self.joined.serve_pending(runtime)
    }

    pub(super) fn leave(self) {
        self.joined.leave();
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

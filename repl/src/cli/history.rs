//! `rhumba history`: makes the record of what was typed in shells shorter, or empty.
//!
//! Looking things up in it is the shell's: `%history`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, Outcome, say};
use crate::shell::history;

#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// Remove the oldest cells and keep the last ones
    Trim {
        /// How many cells stay
        #[arg(long, value_name = "COUNT", default_value_t = 1000)]
        keep: u64,
    },
    /// Remove every cell
    Clear,
}

/// # Errors
/// There is no folder for state, or the history in it can't be changed.
pub fn run(command: HistoryCommand) -> Outcome {
    let keep = match command {
        HistoryCommand::Trim { keep } => keep,
        HistoryCommand::Clear => 0,
    };
    let folder = rhumba_engine::home::home_directory().map_err(Failure::from_error)?;
    let trimmed = history::trim(&folder, keep).map_err(Failure::new)?;
    let count = match trimmed.removed {
        1 => "1 cell was".to_owned(),
        removed => format!("{removed} cells were"),
    };
    say(&format!(
        "{count} removed from {}\n",
        trimmed.path.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

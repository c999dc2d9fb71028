//! `rhumba history`: makes the record of what was typed in shells shorter, or empty.
//!
//! Looking things up in it is the shell's: `%history`.

use std::io::IsTerminal;
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
    /// Remove every cell, once you have confirmed it
    Clear {
        /// Don't ask
        #[arg(short, long)]
        force: bool,
    },
}

/// # Errors
/// There is no folder for state, or the history in it can't be changed.
pub fn run(command: HistoryCommand) -> Outcome {
    let keep = match command {
        HistoryCommand::Trim { keep } => keep,
        HistoryCommand::Clear { force } => {
            if !force && !confirms()? {
                say("Nothing was removed.\n")?;
                return Ok(ExitCode::SUCCESS);
            }
            0
        }
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

/// Asks the person at the terminal.
fn confirms() -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::usage("nobody is there to confirm that every cell is to go")
                .hint("`rhumba history clear --force` doesn't ask"),
        );
    }
    say("Remove every cell of every session? This can't be undone. [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::new(format_args!("the answer can't be read: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

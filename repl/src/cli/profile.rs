//! `rhumba profile`: makes, lists and finds the folders that say what a shell is set to.
//!
//! What is in them is read by [`crate::configuration`].

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use rhumba_engine::home;
use rhumba_interpreter::configuration as handed;
use rhumba_interpreter::runtime::Switches;

use super::shell_options::refused;
use super::{Failure, Outcome, say};
use crate::configuration::{DEFAULT_PROFILE, ProfileError, profile_folder, profiles};
use crate::python::{self, PythonOptions};

#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Make a profile, with a config.toml in which everything is there, commented out
    Create {
        /// Its name, for --profile
        #[arg(default_value = DEFAULT_PROFILE)]
        name: String,
    },
    /// List the profiles
    List,
    /// Print the folder of a profile
    Locate {
        #[arg(default_value = DEFAULT_PROFILE)]
        name: String,
    },
}

/// What the folder of files that run at the start says of itself.
const STARTUP_README: &str = "\
What is here with a name that ends with .py or .ipy runs when a shell starts, in the order of the \
names: 00-first.py, 10-second.ipy.
";

/// # Errors
/// There is no place for configuration, no such profile, or it can't be made.
pub fn run(command: ProfileCommand) -> Outcome {
    match command {
        ProfileCommand::Create { name } => create(&name)?,
        ProfileCommand::List => {
            for name in profiles() {
                say(&format!("{name}\n"))?;
            }
        }
        ProfileCommand::Locate { name } => {
            let folder = folder(&name)?;
            if !profiles().contains(&name) {
                return Err(refused(&ProfileError::Unknown(name)));
            }
            say(&format!("{}\n", folder.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn folder(name: &str) -> Result<std::path::PathBuf, Failure> {
    profile_folder(name)
        .map_err(|error| refused(&error))?
        .ok_or_else(|| {
            Failure::new("there is no folder for configuration: HOME isn't set")
                .hint("set RHUMBA_HOME to a folder of yours")
        })
}

fn create(name: &str) -> Result<(), Failure> {
    let folder = folder(name)?;
    let startup = folder.join("startup");
    home::create_private_directory(&startup).map_err(Failure::from_error)?;
    let runtime = python::build(PythonOptions {
        argv: vec![String::new()],
        interactive: false,
        switches: Switches::default(),
    });
    let template = runtime
        .enter(|vm| handed::template(vm).ok())
        .ok_or_else(|| Failure::new("the settings can't be listed, for a lack of memory"))?;
    let made = add(&folder.join("config.toml"), &template)?;
    add(&startup.join("README"), STARTUP_README)?;
    let state = if made { "made" } else { "there already" };
    say(&format!(
        "{}: {state}\n",
        folder.join("config.toml").display()
    ))
}

/// Writes a file unless there is one; gives whether it did.
fn add(path: &Path, text: &str) -> Result<bool, Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Failure::new(format_args!(
            "{} can't be written: {error}",
            path.display()
        ))),
    }
}

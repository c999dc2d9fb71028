//! A cell in the person's own editor: `$VISUAL`, `$EDITOR`, or one that is usual.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// What is tried where neither variable is set.
const USUAL: [&str; 3] = ["nano", "vi", "ed"];
/// The name of the file, by which editors know how to colour it.
const FILE_NAME: &str = "cell.py";

/// Lets the person edit the text and gives it back.
///
/// # Errors
/// A sentence that says why it can't be edited, or why what was edited isn't to be taken.
pub fn edit(text: &str) -> Result<String, String> {
    let command = command().ok_or("no editor is found; set EDITOR to the one you like")?;
    let folder = PrivateFolder::new()
        .map_err(|error| format!("the cell can't be put into a file: {error}"))?;
    let file = folder.path.join(FILE_NAME);
    std::fs::write(&file, text)
        .map_err(|error| format!("the cell can't be put into a file: {error}"))?;
    let status = run(&command, &file)
        .map_err(|error| format!("the editor {command} can't be started: {error}"))?;
    if !status.success() {
        return Err(format!(
            "the editor {command} ended with {status}; the cell is as it was"
        ));
    }
    let edited =
        std::fs::read(&file).map_err(|error| format!("what was edited can't be read: {error}"))?;
    let edited = String::from_utf8(edited)
        .map_err(|_| "what was edited isn't UTF-8 text; the cell is as it was".to_owned())?;
    Ok(edited.trim_end_matches(['\n', '\r']).replace("\r\n", "\n"))
}

/// Runs the editor, which has the terminal for itself, and with it the keys that interrupt and quit.
fn run(command: &str, file: &Path) -> io::Result<ExitStatus> {
    let _keys = KeysLeft::new();
    // The variable holds a command with its options, as the system's shell reads it. That shell is not to end by
    // a key that the editor takes.
    Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("trap : INT QUIT\n{command} \"$1\""))
        .arg("sh")
        .arg(file)
        .status()
}

/// The signals that the terminal's keys send.
const KEYS: [libc::c_int; 2] = [libc::SIGINT, libc::SIGQUIT];

/// Has the keys do nothing to this process, until it is dropped.
struct KeysLeft {
    before: [libc::sigaction; KEYS.len()],
}

impl KeysLeft {
    fn new() -> Self {
        // What is ignored would be ignored by the editor, too.
        // SAFETY: zeroed structures are some, and they live through the calls; the handler does nothing.
        let before = KEYS.map(|signal| unsafe {
            let mut before: libc::sigaction = std::mem::zeroed();
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_key as extern "C" fn(libc::c_int) as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(signal, &raw const action, &raw mut before);
            before
        });
        Self { before }
    }
}

impl Drop for KeysLeft {
    fn drop(&mut self) {
        for (signal, before) in KEYS.into_iter().zip(&self.before) {
            // SAFETY: it was in force before.
            unsafe { libc::sigaction(signal, before, std::ptr::null_mut()) };
        }
    }
}

extern "C" fn on_key(_: libc::c_int) {}

fn command() -> Option<String> {
    let named = ["VISUAL", "EDITOR"].iter().find_map(|name| {
        let value = std::env::var(name).ok()?;
        (!value.trim().is_empty()).then_some(value)
    });
    named.or_else(|| {
        let folders = std::env::var_os("PATH")?;
        let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
        let is_there = |name: &&&str| folders.iter().any(|folder| folder.join(name).is_file());
        USUAL.iter().find(is_there).map(|name| (*name).to_owned())
    })
}

/// A folder that only this user can look into, removed with what is in it.
struct PrivateFolder {
    path: PathBuf,
}

impl PrivateFolder {
    fn new() -> io::Result<Self> {
        let base = std::env::temp_dir();
        let mut number = 0_u32;
        loop {
            let path = base.join(format!("rhumba-cell-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => {
                    number += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let path: &Path = &self.path;
        // What can't be removed now is removed with the other temporary files.
        let _ = std::fs::remove_dir_all(path);
    }
}

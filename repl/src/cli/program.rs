//! What the command line asks to run: a script, code, a module, standard input, or the shell.
//!
//! It only decides and checks that what was named is there; [`super::run`] runs it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use super::Failure;

/// What is to be run, with the arguments that belong to it.
#[derive(Debug, PartialEq, Eq)]
pub enum Program {
    Shell,
    Script {
        path: PathBuf,
        arguments: Vec<String>,
    },
    Code {
        source: String,
        arguments: Vec<String>,
    },
    Module {
        name: String,
        arguments: Vec<String>,
    },
    /// A program read to its end from standard input. `name` is its `sys.argv[0]`.
    StandardInput {
        name: &'static str,
        arguments: Vec<String>,
    },
}

impl Program {
    /// Decides what is to be run.
    ///
    /// # Errors
    /// Two programs at once; a script that can't be read; text that isn't UTF-8.
    pub fn choose(
        code: Option<Vec<OsString>>,
        module: Option<Vec<OsString>>,
        script: Option<Vec<OsString>>,
        interactive: bool,
    ) -> Result<Self, Failure> {
        // `-cCODE` in one word leaves what follows it to look like a script.
        let words_after = |words: Vec<OsString>, script: Option<Vec<OsString>>| {
            words.into_iter().chain(script.unwrap_or_default())
        };
        if let Some(words) = code {
            let mut words = words_after(words, script);
            let source = words.next().expect("the parser requires one value for -c");
            return Ok(Self::Code {
                source: text(&source, "the code after -c")?,
                arguments: lossy(words),
            });
        }
        if let Some(words) = module {
            let mut words = words_after(words, script);
            let name = words.next().expect("the parser requires one value for -m");
            return Ok(Self::Module {
                name: text(&name, "the module's name")?,
                arguments: lossy(words),
            });
        }
        let Some(words) = script else {
            return Ok(if interactive || std::io::stdin().is_terminal() {
                Self::Shell
            } else {
                Self::StandardInput {
                    name: "",
                    arguments: Vec::new(),
                }
            });
        };
        let mut words = words.into_iter();
        let name = words.next().expect("a script has a name");
        if name == "-" {
            return Ok(Self::StandardInput {
                name: "-",
                arguments: lossy(words),
            });
        }
        check_readable(Path::new(&name))?;
        Ok(Self::Script {
            path: PathBuf::from(name),
            arguments: lossy(words),
        })
    }

    /// Whether it is a notebook or a file of cells, whose cells run in the shell.
    pub fn is_cells(&self) -> bool {
        let Self::Script { path, .. } = self else {
            return false;
        };
        path.extension()
            .is_some_and(|ending| ending == "ipy" || ending == "ipynb")
    }

    /// `sys.argv`.
    pub fn argv(&self) -> Vec<String> {
        let (name, arguments): (String, &[String]) = match self {
            Self::Shell => (String::new(), &[]),
            Self::Script { path, arguments } => (path.to_string_lossy().into_owned(), arguments),
            Self::Code { arguments, .. } => ("-c".to_owned(), arguments),
            // The module's own file takes this place when it has been found.
            Self::Module { arguments, .. } => ("-m".to_owned(), arguments),
            Self::StandardInput { name, arguments } => ((*name).to_owned(), arguments),
        };
        std::iter::once(name)
            .chain(arguments.iter().cloned())
            .collect()
    }
}

impl Program {
    /// Where the engines of this program look for modules before the working folder, so that
    /// they find those beside a script, as the script does.
    pub fn module_directories(&self) -> Vec<PathBuf> {
        let Self::Script { path, .. } = self else {
            return Vec::new();
        };
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if path.is_dir() {
            vec![path]
        } else {
            path.parent().map(Path::to_owned).into_iter().collect()
        }
    }
}

/// Reads a whole program from standard input.
///
/// # Errors
/// Standard input can't be read, or isn't UTF-8.
pub fn read_standard_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format_args!("standard input can't be read: {error}")))?;
    let bytes = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .map(<[u8]>::to_vec)
        .unwrap_or(bytes);
    String::from_utf8(bytes).map_err(|error| {
        Failure::usage(format_args!(
            "the program on standard input isn't UTF-8 text: byte {} is not part of a character",
            error.utf8_error().valid_up_to()
        ))
        .hint("pass the name of the file instead, or convert it to UTF-8")
    })
}

/// Says at once, before anything is started, that a script can't be run.
fn check_readable(path: &Path) -> Result<(), Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        let main = path.join("__main__.py");
        if main.is_file() {
            return Ok(());
        }
        // In Python's words and with its status: a program that begins others may know both.
        return Err(Failure::new(format_args!(
            "can't find '__main__' module in '{}'",
            path.display()
        ))
        .hint("name a script, or a folder or zip archive with a __main__.py"));
    }
    // A named pipe gives its bytes once only: trying it here would lose them.
    if metadata.is_file() {
        File::open(path).map_err(|error| unreadable(path, &error))?;
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let why = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        _ => error.to_string(),
    };
    Failure::usage(format_args!(
        "can't open the script '{}': {why}",
        path.display()
    ))
    .hint("check its name; `rhumba --help` shows the commands")
}

fn text(word: &OsStr, what: &str) -> Result<String, Failure> {
    word.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::usage(format_args!("{what} isn't UTF-8 text"))
            .hint("save it as a UTF-8 file and pass that file's name")
    })
}

fn lossy(words: impl Iterator<Item = OsString>) -> Vec<String> {
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Option<Vec<OsString>> {
        Some(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn code_in_one_word_keeps_its_arguments() {
        let program = Program::choose(words(&["pass"]), None, words(&["a", "b"]), false)
            .expect("a good command line");
        assert_eq!(program.argv(), ["-c", "a", "b"]);
    }

    #[test]
    fn files_of_cells_are_told_by_their_names() {
        for (name, is_cells) in [
            ("a.ipy", true),
            ("a/b.ipynb", true),
            ("a.py", false),
            ("ipy", false),
        ] {
            let program = Program::Script {
                path: PathBuf::from(name),
                arguments: Vec::new(),
            };
            assert_eq!(program.is_cells(), is_cells, "{name}");
        }
    }

    #[test]
    fn a_missing_script_is_a_usage_failure() {
        let failure = Program::choose(None, None, words(&["/no/such.py"]), false)
            .expect_err("there is no such script");
        let text = format!("{failure:?}");
        assert!(text.contains("can't open the script '/no/such.py': there is no such file"));
        assert!(text.contains("status: 2"));
    }

    #[test]
    fn a_dash_is_standard_input() {
        let program = Program::choose(None, None, words(&["-", "x"]), true).expect("good");
        assert_eq!(program.argv(), ["-", "x"]);
    }
}

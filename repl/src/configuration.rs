//! What a shell is set to before its first prompt, and a program before it runs: where the files are
//! that say so, and what the command line adds.
//!
//! A profile is a folder with `config.toml`, `rhumba_config.py` and `startup/`. The default
//! profile is the configuration folder itself, the others are below `profiles`. Here files are
//! found and TOML is read; what the settings mean, and what to say of a wrong one, is
//! `interpreter/python/rhumba/_configuration.py`. Without any file nothing of this costs anything.

use std::fmt;
use std::path::{Path, PathBuf};

use rhumba_engine::home;
use rhumba_interpreter::configuration as handed;
use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};
use toml::{Table, Value};

/// The profile that is used when none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// The files of a profile, in the order in which they count.
const TOML_FILE: &str = "config.toml";
const PYTHON_FILES: [&str; 3] = ["ipython_config.py", "rhumba_config.py", "local_config.py"];
const STARTUP_FOLDER: &str = "startup";

/// What is to be set, and where the session keeps what outlives it.
#[derive(Debug, Default)]
pub struct Configuration {
    state_folder: Option<PathBuf>,
    config_folder: Option<PathBuf>,
    profile: String,
    /// What files of TOML say, each with its path.
    settings: Vec<(String, Table)>,
    python_files: Vec<PathBuf>,
    startup_files: Vec<PathBuf>,
    /// What the command line says, by class and name.
    overrides: Table,
    /// What is wrong with the files, a sentence each.
    complaints: Vec<String>,
}

impl Configuration {
    /// Where a session keeps its state, and nothing that is set.
    pub fn without_files() -> Self {
        Self {
            state_folder: home::home_directory().ok(),
            profile: DEFAULT_PROFILE.to_owned(),
            ..Self::default()
        }
    }

    /// Finds and reads the files of a profile. A file that can't be read is complained of, and
    /// nothing else.
    ///
    /// # Errors
    /// There is no profile of this name.
    pub fn of_profile(name: &str) -> Result<Self, ProfileError> {
        let mut found = Self::without_files();
        name.clone_into(&mut found.profile);
        let Some(folder) = profile_folder(name)? else {
            return Ok(found);
        };
        if name != DEFAULT_PROFILE && !folder.is_dir() {
            return Err(ProfileError::Unknown(name.to_owned()));
        }
        found.read_toml(&folder.join(TOML_FILE));
        let python_files = PYTHON_FILES.map(|file| folder.join(file));
        found.python_files = python_files
            .into_iter()
            .filter(|file| file.is_file())
            .collect();
        found.find_startup_files(&folder.join(STARTUP_FOLDER));
        found.config_folder = Some(folder);
        Ok(found)
    }

    /// Sets something from the command line; it counts more than files do.
    pub fn set(&mut self, class: &str, name: &str, value: impl Into<Value>) {
        let class = self
            .overrides
            .entry(class)
            .or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(class) = class {
            class.insert(name.to_owned(), value.into());
        }
    }

    /// The mode of tracebacks that the command line asks for.
    pub fn traceback_mode(&self) -> Option<&str> {
        self.overrides
            .get("InteractiveShell")?
            .get("xmode")?
            .as_str()
    }

    /// Tells the interpreter where it may keep things, and sets nothing.
    ///
    /// # Errors
    /// A lack of memory.
    pub fn hand_over(&self, vm: &VirtualMachine) -> PyResult<()> {
        handed::hand_over(vm, self.to_python(vm)?)
    }

    /// Tells the interpreter where it may keep things; then sets and runs what is to be.
    ///
    /// # Errors
    /// A lack of memory. What is wrong with settings is told on stderr, and the rest goes on.
    pub fn start(&self, vm: &VirtualMachine) -> PyResult<()> {
        self.start_shell(vm, "", false).map(drop)
    }

    /// The same for a shell. Where something is to be set and the banner waits for that, it is shown
    /// when that is set and before anything runs, unless it is set not to be; says whether it is to be
    /// shown.
    ///
    /// # Errors
    /// As for [`Configuration::start`].
    pub fn start_shell(&self, vm: &VirtualMachine, banner: &str, waits: bool) -> PyResult<bool> {
        let handed = self.to_python(vm)?;
        handed.set_item("usual_banner", vm.ctx.new_str(banner).into(), vm)?;
        let banner = if waits { banner } else { "" };
        handed.set_item("banner", vm.ctx.new_str(banner).into(), vm)?;
        handed::hand_over(vm, handed)?;
        for complaint in &self.complaints {
            let stderr = vm.sys_module.get_attr("stderr", vm)?;
            let line = vm.ctx.new_str(format!("rhumba: {complaint}\n"));
            vm.call_method(&stderr, "write", (line,))?;
        }
        if self.has_something_to_set() {
            return handed::start(vm);
        }
        Ok(true)
    }

    /// Whether anything is to be set or run at the start.
    pub fn has_something_to_set(&self) -> bool {
        !(self.settings.is_empty()
            && self.python_files.is_empty()
            && self.startup_files.is_empty()
            && self.overrides.is_empty())
    }

    fn read_toml(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                let why = match error.kind() {
                    std::io::ErrorKind::InvalidData => "it isn't UTF-8 text".to_owned(),
                    _ => error.to_string(),
                };
                self.complaints.push(format!(
                    "{} can't be read: {why}; the shell starts without it",
                    path.display()
                ));
                return;
            }
        };
        match text.parse::<Table>() {
            // In the file that `profile create` makes, everything is commented out.
            Ok(table) if table.values().all(is_empty_table) => {}
            Ok(table) => self.settings.push((path.display().to_string(), table)),
            Err(error) => self.complaints.push(complaint(path, &text, &error)),
        }
    }

    fn find_startup_files(&mut self, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return;
        };
        let is_code = |path: &PathBuf| {
            path.extension()
                .is_some_and(|ending| ending == "py" || ending == "ipy")
        };
        let entries = entries.flatten().map(|entry| entry.path());
        self.startup_files = entries.filter(is_code).collect();
        self.startup_files.sort();
    }

    fn to_python(&self, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        let path = |path: &Path| -> PyObjectRef { vm.ctx.new_str(path.to_string_lossy()).into() };
        let folder =
            |folder: &Option<PathBuf>| folder.as_deref().map_or_else(|| vm.ctx.none(), path);
        let files = |files: &[PathBuf]| -> PyObjectRef {
            let files = files.iter().map(|file| path(file)).collect();
            vm.ctx.new_list(files).into()
        };
        let mut settings = Vec::with_capacity(self.settings.len());
        for (source, table) in &self.settings {
            let pair = vec![
                vm.ctx.new_str(source.as_str()).into(),
                table_to_python(vm, table)?,
            ];
            settings.push(vm.ctx.new_tuple(pair).into());
        }
        let handed = vm.ctx.new_dict();
        for (name, value) in [
            ("state_folder", folder(&self.state_folder)),
            ("config_folder", folder(&self.config_folder)),
            ("profile", vm.ctx.new_str(self.profile.as_str()).into()),
            ("settings", vm.ctx.new_list(settings).into()),
            ("python_files", files(&self.python_files)),
            ("startup_files", files(&self.startup_files)),
            ("overrides", table_to_python(vm, &self.overrides)?),
        ] {
            handed.set_item(name, value, vm)?;
        }
        Ok(handed)
    }
}

fn is_empty_table(value: &Value) -> bool {
    value.as_table().is_some_and(Table::is_empty)
}

fn table_to_python(vm: &VirtualMachine, table: &Table) -> PyResult {
    let dict = vm.ctx.new_dict();
    for (name, value) in table {
        dict.set_item(name.as_str(), value_to_python(vm, value)?, vm)?;
    }
    Ok(dict.into())
}

fn value_to_python(vm: &VirtualMachine, value: &Value) -> PyResult {
    Ok(match value {
        Value::String(text) => vm.ctx.new_str(text.as_str()).into(),
        Value::Integer(number) => vm.ctx.new_int(*number).into(),
        Value::Float(number) => vm.ctx.new_float(*number).into(),
        Value::Boolean(truth) => vm.ctx.new_bool(*truth).into(),
        Value::Datetime(time) => vm.ctx.new_str(time.to_string()).into(),
        Value::Array(values) => {
            let values = values.iter().map(|value| value_to_python(vm, value));
            vm.ctx.new_list(values.collect::<PyResult<_>>()?).into()
        }
        Value::Table(table) => table_to_python(vm, table)?,
    })
}

/// What to say of a file that isn't TOML: where, why, and how it is written.
fn complaint(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let place = line.map_or_else(String::new, |line| format!(" line {line}"));
    let why = error.message().lines().collect::<Vec<_>>().join(", ");
    format!(
        "{}{place}: {why}; a line is `name = value`, with texts in quotes, below a line with its \
         [Class]; the shell starts without this file",
        path.display()
    )
}

/// Why a profile can't be used.
#[derive(Debug, PartialEq, Eq)]
pub enum ProfileError {
    Unknown(String),
    BadName(String),
}

impl fmt::Display for ProfileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(
                formatter,
                "there is no profile '{name}'; `rhumba profile create {name}` makes one"
            ),
            Self::BadName(name) => write!(
                formatter,
                "'{name}' can't name a profile; letters, digits, '-', '_' and '.' can"
            ),
        }
    }
}

/// The folder of all configuration: `$RHUMBA_HOME/config`, else `$XDG_CONFIG_HOME/rhumba`, else
/// `~/.config/rhumba`; `None` if none of the variables is set.
pub fn config_folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let folder = variable("RHUMBA_HOME")
        .map(|home| home.join("config"))
        .or_else(|| variable("XDG_CONFIG_HOME").map(|config| config.join("rhumba")))
        .or_else(|| variable("HOME").map(|home| home.join(".config/rhumba")))?;
    std::path::absolute(folder).ok()
}

/// The folder of a profile, whether it is there or not; `None` without any place for it.
///
/// # Errors
/// A profile can't have this name.
pub fn profile_folder(name: &str) -> Result<Option<PathBuf>, ProfileError> {
    let is_good = !name.is_empty()
        && !name.starts_with('.')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !is_good {
        return Err(ProfileError::BadName(name.to_owned()));
    }
    Ok(config_folder().map(|folder| {
        if name == DEFAULT_PROFILE {
            folder
        } else {
            folder.join("profiles").join(name)
        }
    }))
}

/// The names of the profiles that there are; the default one always is.
pub fn profiles() -> Vec<String> {
    let mut names = vec![DEFAULT_PROFILE.to_owned()];
    if let Some(folder) = config_folder()
        && let Ok(entries) = std::fs::read_dir(folder.join("profiles"))
    {
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let mut made: Vec<String> = folders
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        made.sort();
        names.extend(made);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_parse_is_told_with_its_line() {
        let text = "[InteractiveShell]\nautocall = 1\ncolors = NoColor\n";
        let error = text.parse::<Table>().expect_err("a text needs quotes");
        let told = complaint(Path::new("/home/x/config.toml"), text, &error);
        assert!(told.starts_with("/home/x/config.toml line 3: "), "{told}");
        assert!(told.contains("with texts in quotes"), "{told}");
    }

    #[test]
    fn names_of_profiles_stay_in_their_folder() {
        for name in ["", "..", ".hidden", "a/b", "a b"] {
            assert_eq!(
                profile_folder(name),
                Err(ProfileError::BadName(name.to_owned()))
            );
        }
    }

    #[test]
    fn the_command_line_sets_by_class_and_name() {
        let mut configuration = Configuration::default();
        assert!(!configuration.has_something_to_set());
        configuration.set("InteractiveShell", "autocall", 1);
        configuration.set("InteractiveShell", "pdb", true);
        assert!(configuration.has_something_to_set());
        let table = "autocall = 1\npdb = true"
            .parse::<Table>()
            .expect("good TOML");
        assert_eq!(
            configuration.overrides["InteractiveShell"],
            Value::Table(table)
        );
    }
}

//! The options of the command line that say how the shell starts, or what a program finds of it.
//!
//! What they set is a [`Configuration`], which the files of a profile come before.

use std::collections::HashSet;
use std::ffi::OsString;

use clap::{Args, CommandFactory};
use toml::{Table, Value};

use super::Failure;
use crate::configuration::{Configuration, DEFAULT_PROFILE, ProfileError};

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options of the shell")]
pub struct ShellArguments {
    /// Start with the settings and startup files of a profile
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// Start without reading any settings or startup files
    #[arg(long, conflicts_with = "profile")]
    quick: bool,

    /// Say nothing before the first prompt
    #[arg(long)]
    no_banner: bool,

    /// Look as Python's own prompt does: `>>>`, plain values and tracebacks, no colours
    #[arg(long)]
    classic: bool,

    /// Read plain lines, without an editor for them
    #[arg(long)]
    simple_prompt: bool,

    /// Use the colours of a theme: nocolor, neutral, linux, lightbg, gruvbox-dark, pride, or one of
    /// the configuration's
    #[arg(long, visible_alias = "theme", value_name = "THEME")]
    colors: Option<String>,

    /// Call f for `f x`: 0 never, 1 with something behind it, 2 always
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=2))]
    autocall: Option<u8>,

    /// Show tracebacks as Plain, Context, Verbose, Minimal or Docs
    #[arg(long, value_name = "MODE", ignore_case = true)]
    #[arg(value_parser = ["Plain", "Context", "Verbose", "Minimal", "Docs"])]
    xmode: Option<String>,

    /// Open the debugger when a cell fails
    #[arg(long)]
    pdb: bool,

    /// Load an extension; may be given several times
    #[arg(long = "ext", value_name = "MODULE")]
    extensions: Vec<String>,

    /// Write every cell to a file as well
    #[arg(long, value_name = "FILE")]
    logfile: Option<String>,

    /// Add every cell to a file
    #[arg(long, value_name = "FILE", conflicts_with = "logfile")]
    logappend: Option<String>,

    /// Set anything that %config lists; may be given several times, also as --CLASS.NAME=VALUE
    #[arg(long = "set", value_name = "CLASS.NAME=VALUE")]
    settings: Vec<String>,
}

/// Writes settings that have the form of options, `--InteractiveShell.xmode=Plain`, as what they are
/// short for. What stands behind the program is the program's.
pub fn with_settings_named(words: Vec<OsString>) -> Vec<OsString> {
    if !words
        .iter()
        .any(|word| word.to_str().is_some_and(is_setting))
    {
        return words;
    }
    let with_a_word = options_with_a_word();
    let mut named = Vec::with_capacity(words.len());
    let mut words = words.into_iter();
    named.extend(words.next());
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        if !text.starts_with('-') || ["-", "--", "-c", "-m"].contains(&text) {
            named.push(word);
            break;
        }
        if is_setting(text) {
            named.push("--set".into());
            named.push(text[2..].into());
            continue;
        }
        let takes_a_word = with_a_word.contains(text);
        named.push(word);
        if takes_a_word {
            named.extend(words.next());
        }
    }
    named.extend(words);
    named
}

/// The options of the executable that take a word, as they are typed.
fn options_with_a_word() -> HashSet<String> {
    let command = super::Arguments::command();
    let options = command
        .get_arguments()
        .filter(|option| option.get_action().takes_values());
    let typed = options.flat_map(|option| {
        let short = option.get_short().map(|letter| format!("-{letter}"));
        let long = option.get_long_and_visible_aliases().unwrap_or_default();
        short
            .into_iter()
            .chain(long.into_iter().map(|name| format!("--{name}")))
    });
    typed.collect()
}

/// Whether an option has the form `--Class.name=value`.
fn is_setting(text: &str) -> bool {
    let path = text
        .strip_prefix("--")
        .and_then(|text| text.split_once('='));
    path.and_then(|(path, _)| path.split_once('.'))
        .is_some_and(|(class, _)| class.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// The value of a setting as it is typed: as TOML or Python write it, or else plain text.
fn typed_value(text: &str) -> Value {
    match text {
        "True" => return true.into(),
        "False" => return false.into(),
        _ => {}
    }
    let document = format!("value = {text}").parse::<Table>();
    let value = document.ok().filter(|table| table.len() == 1);
    let value = value.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| text.into())
}

impl ShellArguments {
    /// Whether any of them was given.
    pub fn are_given(&self) -> bool {
        let Self {
            profile,
            quick,
            no_banner,
            classic,
            simple_prompt,
            colors,
            autocall,
            xmode,
            pdb,
            extensions,
            logfile,
            logappend,
            settings,
        } = self;
        *quick
            || *no_banner
            || *classic
            || *simple_prompt
            || *pdb
            || [profile, colors, xmode, logfile, logappend]
                .iter()
                .any(|text| text.is_some())
            || autocall.is_some()
            || !extensions.is_empty()
            || !settings.is_empty()
    }

    pub fn shows_banner(&self) -> bool {
        !self.no_banner
    }

    pub fn edits_lines(&self) -> bool {
        !self.simple_prompt
    }

    pub fn has_colours(&self) -> bool {
        match &self.colors {
            Some(scheme) => !scheme.eq_ignore_ascii_case("nocolor"),
            None => !self.classic,
        }
    }

    /// What the shell is to be set to.
    ///
    /// # Errors
    /// There is no such profile.
    pub fn configuration(&self) -> Result<Configuration, Failure> {
        let configuration = if self.quick {
            Configuration::without_files()
        } else {
            let profile = self.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
            Configuration::of_profile(profile).map_err(|error| refused(&error))?
        };
        self.added_to(configuration)
    }

    /// The same for a script in Python, which reads no files but those of a profile that is named.
    ///
    /// # Errors
    /// There is no such profile.
    pub fn configuration_of_script(&self) -> Result<Configuration, Failure> {
        if self.profile.is_some() {
            return self.configuration();
        }
        self.added_to(Configuration::without_files())
    }

    /// What the options say, after what files do.
    fn added_to(&self, mut configuration: Configuration) -> Result<Configuration, Failure> {
        let shell = "InteractiveShell";
        if self.classic {
            configuration.set(shell, "xmode", "Plain");
            configuration.set(shell, "colors", "nocolor");
            configuration.set("PlainTextFormatter", "pprint", false);
            configuration.set("TerminalInteractiveShell", "classic_prompts", true);
        }
        if let Some(scheme) = &self.colors {
            configuration.set(shell, "colors", scheme.as_str());
        }
        if let Some(level) = self.autocall {
            configuration.set(shell, "autocall", i64::from(level));
        }
        if let Some(mode) = &self.xmode {
            configuration.set(shell, "xmode", mode.as_str());
        }
        if self.pdb {
            configuration.set(shell, "pdb", true);
        }
        if !self.extensions.is_empty() {
            let names = self
                .extensions
                .iter()
                .map(|name| Value::from(name.as_str()));
            configuration.set(
                "InteractiveShellApp",
                "extensions",
                Value::Array(names.collect()),
            );
        }
        if let Some(file) = &self.logfile {
            configuration.set("InteractiveShellApp", "logfile", file.as_str());
        }
        if let Some(file) = &self.logappend {
            configuration.set(shell, "logappend", file.as_str());
        }
        for setting in &self.settings {
            let parts = setting
                .split_once('=')
                .and_then(|(path, value)| Some((path.rsplit_once('.')?, value)));
            let Some(((class, name), value)) = parts else {
                return Err(Failure::usage(format_args!("--set can't read '{setting}'"))
                    .hint("it takes CLASS.NAME=VALUE: `--set InteractiveShell.xmode=Plain`"));
            };
            configuration.set(class.trim(), name.trim(), typed_value(value.trim()));
        }
        Ok(configuration)
    }
}

/// Says why a profile can't be used.
pub fn refused(error: &ProfileError) -> Failure {
    let text = error.to_string();
    match text.split_once("; ") {
        Some((message, hint)) => Failure::usage(message).hint(hint),
        None => Failure::usage(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_may_have_the_form_of_options_before_the_program() {
        for (typed, named) in [
            ("rhumba", "rhumba"),
            (
                "rhumba -n 4 --InteractiveShell.xmode=Plain -i --A.b=1=2 x.py --A.c=1",
                "rhumba -n 4 --set InteractiveShell.xmode=Plain -i --set A.b=1=2 x.py --A.c=1",
            ),
            ("rhumba -c --A.b=1", "rhumba -c --A.b=1"),
            ("rhumba --set --A.b=1", "rhumba --set --A.b=1"),
            (
                "rhumba --theme x -n 2 --ext y --A.b=1",
                "rhumba --theme x -n 2 --ext y --set A.b=1",
            ),
            ("rhumba --a.b=1 --A=1 --A.b", "rhumba --a.b=1 --A=1 --A.b"),
            (
                "rhumba cluster start --A.b=1",
                "rhumba cluster start --A.b=1",
            ),
        ] {
            let words = typed.split(' ').map(OsString::from).collect();
            let expected: Vec<OsString> = named.split(' ').map(OsString::from).collect();
            assert_eq!(with_settings_named(words), expected, "{typed}");
        }
    }

    #[test]
    fn values_are_read_as_toml_or_python_or_text() {
        for (typed, value) in [
            ("True", Value::from(true)),
            ("false", Value::from(false)),
            ("12", Value::from(12)),
            ("Plain", Value::from("Plain")),
            ("\"12\"", Value::from("12")),
            ("['a', 'b']", Value::from(vec!["a", "b"])),
            ("1\nb = 2", Value::from("1\nb = 2")),
            ("", Value::from("")),
        ] {
            assert_eq!(typed_value(typed), value, "{typed}");
        }
    }
}

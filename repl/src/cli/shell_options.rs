//! The options of the command line that say how the shell starts.
//!
//! What they set is a [`Configuration`], which the files of a profile come before.

use clap::Args;
use toml::Value;

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
        } = self;
        *quick
            || *no_banner
            || *classic
            || *simple_prompt
            || *pdb
            || [profile, colors, xmode, logfile]
                .iter()
                .any(|text| text.is_some())
            || autocall.is_some()
            || !extensions.is_empty()
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
        let mut configuration = if self.quick {
            Configuration::without_files()
        } else {
            let profile = self.profile.as_deref().unwrap_or(DEFAULT_PROFILE);
            Configuration::of_profile(profile).map_err(|error| refused(&error))?
        };
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

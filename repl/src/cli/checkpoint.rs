//! `rhumba checkpoint list`, `show`, `remove` and `clean`: what the store has, without a Python.
//!
//! Checkpoints are made and brought back from Python and by magics. The store itself is
//! `rhumba_engine::store`, what checkpoints are called is `rhumba_stdlib::checkpoints`; here are
//! only the words, the table and the JSON.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use rhumba_engine::store::{CheckpointInfo, Store, StoreError, file};
use rhumba_stdlib::checkpoints::{self, Kept};
use serde_json::{Value, json};

use super::{Failure, Outcome, say};

#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// List the checkpoints of this user on this machine
    List(ListArguments),
    /// Show what a checkpoint, or a file that a namespace was saved to, has inside
    Show(ShowArguments),
    /// Remove checkpoints, each with all of its parts
    Remove(RemoveArguments),
    /// Give back the space of what no checkpoint needs
    Clean,
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Print a JSON list: of each checkpoint its name, time, size, origin, names and parts
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// A checkpoint, the part of one engine (NAME@2), or else a file
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
pub struct RemoveArguments {
    /// A checkpoint, the part of one engine (NAME@2), or a pattern such as 'NAME*'
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

/// Runs one of the commands.
///
/// # Errors
/// There is no such checkpoint, or the store can't be read or changed.
pub fn run(command: CheckpointCommand) -> Outcome {
    let store = Store::open_default().map_err(Failure::from_error)?;
    match command {
        CheckpointCommand::List(arguments) => list(&store, &arguments),
        CheckpointCommand::Show(arguments) => show(&store, &arguments),
        CheckpointCommand::Remove(arguments) => remove(&store, &arguments),
        CheckpointCommand::Clean => clean(&store),
    }
}

fn list(store: &Store, arguments: &ListArguments) -> Outcome {
    let kept = checkpoints::list(store).map_err(Failure::from_error)?;
    if arguments.json {
        let list: Vec<Value> = kept.iter().map(as_json).collect();
        say(&format!("{:#}\n", Value::Array(list)))?;
    } else if kept.is_empty() {
        say("The store has no checkpoints. In the shell, %checkpoint NAME makes one.\n")?;
    } else {
        say(&table(&kept))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(store: &Store, arguments: &ShowArguments) -> Outcome {
    let path = Path::new(&arguments.name);
    let infos = match checkpoints::find(store, &arguments.name) {
        Ok(kept) => kept.parts.into_iter().map(|part| part.info).collect(),
        Err(StoreError::Unknown { .. } | StoreError::BadName(_)) if path.exists() => {
            vec![file::describe_file(path).map_err(Failure::from_error)?]
        }
        Err(error) => return Err(Failure::from_error(error)),
    };
    let described: Vec<String> = infos.iter().map(description).collect();
    say(&described.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn remove(store: &Store, arguments: &RemoveArguments) -> Outcome {
    for name in &arguments.names {
        let removed = checkpoints::remove(store, name).map_err(Failure::from_error)?;
        say(&format!("Removed {}.\n", removed.join(", ")))?;
    }
    say("`rhumba checkpoint clean` gives the space back.\n")?;
    Ok(ExitCode::SUCCESS)
}

fn clean(store: &Store) -> Outcome {
    let report = store.clean().map_err(Failure::from_error)?;
    say(&format!(
        "{} given back; {} are in use.\n",
        size(report.bytes_removed),
        size(report.bytes_kept)
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn as_json(kept: &Kept) -> Value {
    let parts: Vec<Value> = kept
        .parts
        .iter()
        .map(|part| {
            let left_out: Vec<Value> = part
                .info
                .left_out
                .iter()
                .map(|(path, reason)| json!({"path": path, "reason": reason}))
                .collect();
            json!({
                "name": part.info.name,
                "engine": part.engine,
                "created_us": part.info.created_us,
                "size_bytes": part.info.size_bytes,
                "origin": part.info.origin,
                "names": part.info.names,
                "left_out": left_out,
                "problem": part.info.problem,
            })
        })
        .collect();
    json!({
        "name": kept.name,
        "created_us": kept.created_us(),
        "size_bytes": kept.size_bytes(),
        "origin": kept.origin(),
        "names": kept.names(),
        "parts": parts,
    })
}

fn table(kept: &[Kept]) -> String {
    let rows = kept.iter().map(|kept| {
        [
            kept.name.clone(),
            local_time(kept.created_us()),
            size(kept.size_bytes()),
            kept.origin(),
            kept.names().len().to_string(),
        ]
    });
    let heading = ["NAME", "WHEN", "SIZE", "FROM", "NAMES"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(heading).chain(rows).collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for [name, when, size, from, names] in &rows {
        text.push_str(&format!(
            "{name:<0$}  {when:<1$}  {size:<2$}  {from:<3$}  {names}\n",
            widths[0], widths[1], widths[2], widths[3]
        ));
    }
    for problem in kept.iter().filter_map(Kept::problem) {
        text.push_str(&format!("{problem}\n"));
    }
    text
}

fn description(info: &CheckpointInfo) -> String {
    let mut text = format!("{}\n", info.name);
    if let Some(problem) = &info.problem {
        text.push_str(&format!("  {problem}\n"));
        return text;
    }
    let names = match info.names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    text.push_str(&format!(
        "  when   {}\n  from   {}\n  size   {}\n  names  {names}\n",
        local_time(info.created_us),
        info.origin,
        size(info.size_bytes),
    ));
    if !info.left_out.is_empty() {
        text.push_str("  left out\n");
        for (path, reason) in &info.left_out {
            text.push_str(&format!("    {path}: {reason}\n"));
        }
    }
    text
}

/// A number of bytes as people read it: `512 B`, `1.2 MB`.
fn size(bytes: u64) -> String {
    let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    match units.iter().find(|(_, unit)| bytes as f64 >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / unit),
        None => format!("{bytes} B"),
    }
}

/// A time by this machine's clock and time zone: `2026-11-22 12:04:05`.
fn local_time(since_1970_us: u64) -> String {
    let seconds = (since_1970_us / 1_000_000) as libc::time_t;
    // SAFETY: a zeroed structure is a valid one to be filled, and both outlive the call.
    let time = unsafe {
        let mut time: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const seconds, &raw mut time);
        time
    };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        time.tm_year + 1900,
        time.tm_mon + 1,
        time.tm_mday,
        time.tm_hour,
        time.tm_min,
        time.tm_sec
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_people() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_234_567), "1.2 MB");
        assert_eq!(size(3_000_000_000), "3.0 GB");
    }

    #[test]
    fn a_checkpoint_is_described_with_what_was_left_out() {
        let info = CheckpointInfo {
            name: "monday@2".to_owned(),
            size_bytes: 2048,
            origin: "engine 2".to_owned(),
            names: vec!["a".to_owned(), "b".to_owned()],
            left_out: vec![("ns['f']".to_owned(), "an open file".to_owned())],
            ..CheckpointInfo::default()
        };
        let text = description(&info);
        assert!(text.starts_with("monday@2\n  when   19"), "{text}");
        assert!(
            text.ends_with(
                "  from   engine 2\n  size   2.0 kB\n  names  a, b\n  left out\n    ns['f']: an open file\n"
            ),
            "{text}"
        );
        let damaged = CheckpointInfo {
            name: "x".to_owned(),
            problem: Some("the checkpoint \"x\" is damaged".to_owned()),
            ..CheckpointInfo::default()
        };
        assert_eq!(
            description(&damaged),
            "x\n  the checkpoint \"x\" is damaged\n"
        );
    }
}

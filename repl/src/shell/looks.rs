//! How prompts look, and which colours there are: what the person sets, of the one terminal that
//! this process has.
//!
//! It follows the shell object (`%colors`, `%doctest_mode`, `%config`), looked at before each
//! prompt. Whether the terminal can show colours at all, and how things look without a theme, is
//! `colour`'s to know; what themes there are is `interpreter/python/rhumba/_themes.py`'s.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use rustpython_vm::builtins::{PyDict, PyStr};
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};
use rustyline::EditMode;

use super::colour::{Colours, Style};
use super::editor::{edit_mode, shell_object};
use super::vi;

static WITHOUT_COLOURS: AtomicBool = AtomicBool::new(false);
static CLASSIC_PROMPTS: AtomicBool = AtomicBool::new(false);
static FOLLOWED: AtomicBool = AtomicBool::new(false);
static WITHOUT_TIPS: AtomicBool = AtomicBool::new(false);
static WITH_VI_MODE: AtomicBool = AtomicBool::new(false);
static WITH_LINE_NUMBERS: AtomicBool = AtomicBool::new(false);
static TITLE: RwLock<Option<String>> = RwLock::new(None);
static THEME: RwLock<Option<Theme>> = RwLock::new(None);

/// What a theme says of styles, by their names.
struct Theme {
    name: String,
    codes: HashMap<String, String>,
}

/// The numbers of the escape code that a theme has for a style, if there is a theme and it has one.
pub fn code_of(style: &str) -> Option<String> {
    let theme = THEME.read();
    theme.as_ref()?.codes.get(style).cloned()
}

/// Takes the codes of the theme of this name, unless they are those that are there.
fn follow_theme(vm: &VirtualMachine, name: &str) {
    if THEME
        .read()
        .as_ref()
        .is_some_and(|theme| theme.name == name)
    {
        return;
    }
    // One that can't be read was complained of when it was chosen.
    let codes = codes_of_theme(vm, name).unwrap_or_default();
    let name = name.to_owned();
    *THEME.write() = Some(Theme { name, codes });
}

fn codes_of_theme(vm: &VirtualMachine, name: &str) -> PyResult<HashMap<String, String>> {
    let themes = vm.import("rhumba._themes", 0)?.get_attr("_themes", vm)?;
    let codes = vm.call_method(&themes, "codes", (vm.ctx.new_str(name),))?;
    let codes = codes
        .downcast_ref::<PyDict>()
        .map(|codes| codes.items_vec());
    let text = |object: PyObjectRef| {
        let text = object.downcast_ref::<PyStr>()?.to_str()?;
        Some(text.to_owned())
    };
    let pairs = codes.unwrap_or_default().into_iter();
    Ok(pairs
        .filter_map(|(style, code)| Some((text(style)?, text(code)?)))
        .collect())
}

/// Whether the person wants colours.
pub fn wants_colours() -> bool {
    !WITHOUT_COLOURS.load(Ordering::Relaxed)
}

pub fn set_colours(wanted: bool) {
    WITHOUT_COLOURS.store(!wanted, Ordering::Relaxed);
}

/// Whether the start says something that the person may not know.
pub fn shows_tips() -> bool {
    !WITHOUT_TIPS.load(Ordering::Relaxed)
}

/// What the title of the window is made of; empty if it is to stay.
pub fn title_format() -> String {
    let title = TITLE.read();
    title.as_deref().unwrap_or("rhumba: {cwd}").to_owned()
}

/// A prompt as pieces: the name of a style or nothing, and a text.
type Pieces = Vec<(String, String)>;

/// The prompts of the next cell as the person makes them.
struct Prompts {
    before: Pieces,
    further: Pieces,
    after: Pieces,
}

static PROMPTS: RwLock<Option<Prompts>> = RwLock::new(None);

/// Asks for the prompts of the next cell, if the person makes them.
fn follow_prompts(vm: &VirtualMachine, shell: &PyObject) {
    let is_set = shell
        .dict()
        .is_some_and(|dict| dict.contains_key("prompts", vm));
    let prompts = is_set.then(|| made_prompts(vm, shell, vi::TYPING).ok().flatten());
    *PROMPTS.write() = prompts.flatten();
}

/// Whether the person makes the prompts.
pub fn are_own() -> bool {
    PROMPTS.read().is_some()
}

/// Asks for the prompts of the cell again, as vi is in another mode.
pub fn follow_mode(vm: &VirtualMachine, mode: &str) {
    if !are_own() {
        return;
    }
    let shell = shell_object(vm);
    // A Ctrl-C in it leaves them as they are.
    if let Some(Ok(made)) = shell.map(|shell| made_prompts(vm, &shell, mode)) {
        *PROMPTS.write() = made;
    }
}

/// What the person wants to stand before the prompts of so many lines, with the cursor in the line of
/// this index.
pub fn line_numbers(vm: &VirtualMachine, count: usize, row: usize) -> Vec<String> {
    let made = || -> PyResult<Vec<String>> {
        let Some(shell) = shell_object(vm) else {
            return Ok(Vec::new());
        };
        let module = vm.import("rhumba._prompts", 0)?.get_attr("_prompts", vm)?;
        let made = vm.call_method(&module, "line_numbers", (shell, count, row))?;
        made.try_to_value(vm)
    };
    // What is wrong with the format has been told, and then there are none.
    made().unwrap_or_default()
}

/// Whether something stands before the prompts of lines.
pub fn numbers_lines() -> bool {
    WITH_LINE_NUMBERS.load(Ordering::Relaxed)
}

fn made_prompts(vm: &VirtualMachine, shell: &PyObject, mode: &str) -> PyResult<Option<Prompts>> {
    let module = vm.import("rhumba._prompts", 0)?.get_attr("_prompts", vm)?;
    let made = vm.call_method(&module, "rendered", (shell.to_owned(), mode))?;
    if vm.is_none(&made) {
        return Ok(None);
    }
    let made: Vec<PyObjectRef> = made.try_to_value(vm)?;
    let Ok([before, further, after]) = <[PyObjectRef; 3]>::try_from(made) else {
        return Ok(None);
    };
    let pieces = |list: PyObjectRef| -> PyResult<Pieces> {
        let pairs: Vec<PyObjectRef> = list.try_to_value(vm)?;
        let pair = |pair: PyObjectRef| -> PyResult<(String, String)> {
            let parts: Vec<String> = pair.try_to_value(vm)?;
            let mut parts = parts.into_iter();
            Ok((
                parts.next().unwrap_or_default(),
                parts.next().unwrap_or_default(),
            ))
        };
        pairs.into_iter().map(pair).collect()
    };
    let mut after = pieces(after)?;
    // What stands between it and the value depends on the value.
    if let Some((_, text)) = after.last_mut() {
        text.truncate(text.trim_end_matches(' ').len());
    }
    Ok(Some(Prompts {
        before: pieces(before)?,
        further: pieces(further)?,
        after,
    }))
}

fn raw(pieces: &Pieces) -> String {
    pieces.iter().map(|(_, text)| text.as_str()).collect()
}

fn painted(pieces: &Pieces, colours: Colours) -> String {
    let pieces = pieces.iter();
    pieces
        .map(|(style, text)| colours.paint_by_name(style, text))
        .collect()
}

/// Whether prompts in the editor say the mode that vi's keys are in.
pub fn tell_vi_mode() -> bool {
    WITH_VI_MODE.load(Ordering::Relaxed)
}

/// What stands before a cell in the editor, as it is and in its colours. Vi's mode is that of typing.
pub fn edited_in_prompt(number: u32, colours: Colours) -> (String, String) {
    if let Some(prompts) = &*PROMPTS.read() {
        return (raw(&prompts.before), painted(&prompts.before, colours));
    }
    let has_mode = tell_vi_mode() && !CLASSIC_PROMPTS.load(Ordering::Relaxed);
    let mode = if has_mode { vi::TYPING } else { "" };
    let prompt = format!("{mode}{}", in_prompt(number));
    let styled = colours.paint(Style::InPrompt, &prompt);
    (prompt, styled)
}

/// What stands before the further lines of a cell in the editor, in its colours.
pub fn edited_further_prompt(number: u32, colours: Colours) -> String {
    if let Some(prompts) = &*PROMPTS.read() {
        let prompt = painted(&prompts.further, colours);
        // There is one line for it.
        return prompt.rsplit('\n').next().unwrap_or_default().to_owned();
    }
    let (first, _) = edited_in_prompt(number, colours);
    let width = first.chars().count();
    let prompt = format!("{:>width$}", continuation_prompt(number));
    colours.paint(Style::InPrompt, &prompt)
}

/// What stands before a cell.
pub fn in_prompt(number: u32) -> String {
    if let Some(prompts) = &*PROMPTS.read() {
        return raw(&prompts.before);
    }
    if CLASSIC_PROMPTS.load(Ordering::Relaxed) {
        ">>> ".to_owned()
    } else {
        format!("In [{number}]: ")
    }
}

/// What stands before the further lines of a cell, as wide as what stands before the first.
pub fn continuation_prompt(number: u32) -> String {
    if let Some(prompts) = &*PROMPTS.read() {
        return raw(&prompts.further);
    }
    if CLASSIC_PROMPTS.load(Ordering::Relaxed) {
        "... ".to_owned()
    } else {
        format!("{:>1$}", "...: ", in_prompt(number).len())
    }
}

/// What stands before the value of a cell, in its colours; `None` if nothing does.
pub fn out_prompt(number: u32, colours: Colours) -> Option<String> {
    if let Some(prompts) = &*PROMPTS.read() {
        let prompt = painted(&prompts.after, colours);
        return (!prompt.is_empty()).then_some(prompt);
    }
    let is_classic = CLASSIC_PROMPTS.load(Ordering::Relaxed);
    (!is_classic).then(|| colours.paint(Style::OutPrompt, &format!("Out[{number}]:")))
}

/// Whether there is a shell object to look at: before the first cell there is none, and making it
/// would cost the start of the shell.
pub fn are_followed() -> bool {
    FOLLOWED.load(Ordering::Relaxed)
}

/// Follows what the shell object is set to.
pub fn follow(vm: &VirtualMachine) {
    let Some(shell) = shell_object(vm) else {
        return;
    };
    FOLLOWED.store(true, Ordering::Relaxed);
    follow_prompts(vm, &shell);
    let setting = |name: &'static str| shell.get_attr(name, vm).ok();
    let theme = setting("colors").and_then(|theme| theme.downcast::<PyStr>().ok());
    if let Some(theme) = theme.as_ref().and_then(|theme| theme.to_str()) {
        let theme = theme.to_ascii_lowercase();
        set_colours(theme != "nocolor");
        follow_theme(vm, &theme);
    }
    if let Some(classic) = setting("classic_prompts") {
        let classic = classic.try_to_bool(vm).unwrap_or(false);
        CLASSIC_PROMPTS.store(classic, Ordering::Relaxed);
    }
    let is_vi = edit_mode(vm, &shell) == EditMode::Vi;
    let is_told = setting("prompt_includes_vi_mode")
        .is_some_and(|value| value.try_to_bool(vm).unwrap_or(true));
    WITH_VI_MODE.store(is_vi && is_told, Ordering::Relaxed);
    let is_off = |name: &'static str| {
        setting(name).is_some_and(|value| !value.try_to_bool(vm).unwrap_or(true))
    };
    WITHOUT_TIPS.store(is_off("enable_tip"), Ordering::Relaxed);
    let numbers = setting("prompt_line_number_format").and_then(|it| it.downcast::<PyStr>().ok());
    let has_numbers = numbers.is_some_and(|format| !format.is_empty());
    WITH_LINE_NUMBERS.store(has_numbers, Ordering::Relaxed);
    let format = setting("term_title_format").and_then(|text| text.downcast::<PyStr>().ok());
    let format = format.map(|text| text.to_string_lossy().into_owned());
    *TITLE.write() = match is_off("term_title") {
        true => Some(String::new()),
        false => format,
    };
}

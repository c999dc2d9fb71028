//! What the shell tells a person at its start that they may not know yet: one thing at a time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Each a line, of things that are easy to miss.
const TIPS: [&str; 28] = [
    "`x?` explains an object, `x??` shows its source; `%px x?` asks the engines.",
    "`_` is the last value, `_3` that of Out[3], and `In` has every cell as it was typed.",
    "A semicolon at the end keeps a cell's value from being shown.",
    "Type the beginning of an earlier cell and press the up arrow to find it again.",
    "Ctrl-R searches the history, in cells of several lines too.",
    "The gray text behind the cursor is from the history: the right arrow takes it, Alt-F a word of it.",
    "F2 opens the cell in your $EDITOR; what you leave there comes back.",
    "`files = !ls` makes a list of what a command says; `!echo {files[0]}` goes the other way.",
    "`%timeit` measures one line, `%%timeit` a cell; the first line of a cell is then its set-up.",
    "`%prun` counts calls and their time, `%lprun -f f f(3)` the time of every line of f.",
    "`%debug` opens the debugger where the last cell failed, `%debug -t 2` where engine 2 did.",
    "`%pdb` opens the debugger by itself whenever a cell fails.",
    "`%xmode Verbose` shows the values of names in tracebacks.",
    "`%save_namespace FILE` keeps every name with its object; `rhumba --namespace FILE` brings them back.",
    "`%checkpoint monday -t all` keeps the namespaces of all engines; `%restore monday -t all` brings them back.",
    "`rc[0].copy_to(2)` gives engine 2 the namespace of engine 0.",
    "`rhumba -n 4` starts the shell with four engines; `%px` runs a line on all of them.",
    "`%%px --local` runs a cell here and on the engines.",
    "`%autopx` sends every cell to the engines until you type it again.",
    "`view.map_sync(f, items)` spreads a list over the engines, `rc.load_balanced_view().map` one item at a time.",
    "`ar.cancel()` stops a task that runs; its engine goes on with the next.",
    "`%watch` shows what others run on the same cluster, and says who.",
    "`with view.exclusive():` keeps engines to yourself for a while.",
    "`await` works at the prompt, without a function around it.",
    "`%autoreload 2` loads modules anew when their files change.",
    "`%store x` keeps x for the next session; `%store -r` brings it back.",
    "`\\alpha` and Tab make α.",
    "`%config` lists what can be set; `rhumba profile locate` says where the file for it is.",
];

/// A tip, another one at another time.
pub fn tip_of_now() -> &'static str {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.subsec_micros());
    TIPS[now as usize % TIPS.len()]
}

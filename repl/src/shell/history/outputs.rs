//! What the cells of this session have shown, in order: text, values, displayed objects, failures.
//!
//! It is kept in memory, for a notebook to be written of it, and bounded: of a cell that writes much
//! the beginning is kept, and in a long session the outputs of the oldest cells go. What is kept
//! over sessions is the text of results: see [`super::writer`].

use std::collections::VecDeque;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use rhumba_interpreter::history::CellOutput;
use rhumba_interpreter::output::{DisplayItem, Stream};

/// What is kept of the text that one cell writes to a stream.
const CELL_BYTES_MAX: usize = 256 * 1024;
/// What is kept of all of them, and of one cell where it comes to that.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// What is kept of the objects that one cell shows: its text and its failure have room behind them.
const CELL_SHOWN_BYTES_MAX: usize = BYTES_MAX / 2;
/// What an output takes beside what is in it: a cell may show very many that are small.
const OUTPUT_BYTES: usize = size_of::<CellOutput>();
/// Stands where the rest of what a cell has shown isn't kept.
const CUT: &str = "\n[…]\n";

/// Those of this process: cells of a shell that is opened inside of another are counted with its.
pub static OUTPUTS: LazyLock<Outputs> = LazyLock::new(Outputs::default);

/// The outputs of cells, by the order in which these were entered: several may have one number.
#[derive(Default)]
pub struct Outputs {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    cells: VecDeque<Cell>,
    byte_count: usize,
}

struct Cell {
    ordinal: u32,
    outputs: Vec<CellOutput>,
    byte_count: usize,
    /// How much text of each stream is kept, and whether that is all.
    text_lengths: [usize; 2],
    is_cut: [bool; 2],
    /// Whether objects that it has shown aren't kept any more.
    is_shown_cut: bool,
}

impl Outputs {
    /// What is shown from now on is that of another cell.
    pub fn begin(&self, ordinal: u32) {
        let mut kept = self.lock();
        // One that has shown nothing needs no place: programs run cells by the million.
        if kept
            .cells
            .back()
            .is_some_and(|cell| cell.outputs.is_empty())
        {
            kept.cells.pop_back();
        }
        kept.cells.push_back(Cell {
            ordinal,
            outputs: Vec::new(),
            byte_count: 0,
            text_lengths: [0; 2],
            is_cut: [false; 2],
            is_shown_cut: false,
        });
    }

    /// Adds text that the cell has written.
    pub fn add_text(&self, stream: Stream, text: &str) {
        let mut kept = self.lock();
        let Some(cell) = kept.cells.back_mut() else {
            return;
        };
        let of_stream = usize::from(stream == Stream::Stderr);
        if cell.is_cut[of_stream] {
            return;
        }
        let room = text
            .len()
            .min(CELL_BYTES_MAX - cell.text_lengths[of_stream]);
        let is_full = cell.byte_count + OUTPUT_BYTES + room > BYTES_MAX;
        let length = if is_full {
            0
        } else {
            text.floor_char_boundary(room)
        };
        let mut added = text[..length].to_owned();
        cell.text_lengths[of_stream] += length;
        if length < text.len() {
            cell.is_cut[of_stream] = true;
            added.push_str(CUT);
        }
        let added_count = cell.put_text(stream, added);
        kept.byte_count += added_count;
        kept.forget_the_oldest();
    }

    /// Adds something else than text that the cell has shown, or puts it in the place of what it
    /// takes the place of.
    pub fn add(&self, output: CellOutput) {
        let mut kept = self.lock();
        // Half a picture would be nothing.
        let byte_count = byte_count(&output);
        if byte_count > BYTES_MAX / 4 {
            return;
        }
        if let CellOutput::Shown(item) = &output
            && item.is_update
        {
            kept.update(item);
            return;
        }
        let Some(cell) = kept.cells.back_mut() else {
            return;
        };
        let added_count = cell.put(output, byte_count);
        kept.byte_count += added_count;
        kept.forget_the_oldest();
    }

    /// What the cell has shown so far was taken away.
    pub fn clear(&self) {
        let mut kept = self.lock();
        if let Some(cell) = kept.cells.back_mut() {
            let cleared = std::mem::take(&mut cell.byte_count);
            cell.outputs.clear();
            cell.text_lengths = [0; 2];
            cell.is_cut = [false; 2];
            cell.is_shown_cut = false;
            kept.byte_count -= cleared;
        }
    }

    /// What a cell has shown, as far as it is kept.
    pub fn of(&self, ordinal: u32) -> Vec<CellOutput> {
        let kept = self.lock();
        let found = kept.cells.iter().rev().find(|cell| cell.ordinal == ordinal);
        found.map(|cell| cell.outputs.clone()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cell {
    /// Adds text to what the cell has shown, and gives what that takes.
    fn put_text(&mut self, stream: Stream, text: String) -> usize {
        let mut added_count = text.len();
        match self.outputs.last_mut() {
            Some(CellOutput::Text(last, written)) if *last == stream => written.push_str(&text),
            _ => {
                added_count += OUTPUT_BYTES;
                self.outputs.push(CellOutput::Text(stream, text));
            }
        }
        self.byte_count += added_count;
        added_count
    }

    /// Adds something else, if there is room for it, and gives what that takes.
    fn put(&mut self, output: CellOutput, byte_count: usize) -> usize {
        let is_failure = matches!(output, CellOutput::Failure(_));
        let limit = if is_failure {
            BYTES_MAX
        } else {
            CELL_SHOWN_BYTES_MAX
        };
        if self.byte_count + byte_count <= limit && (is_failure || !self.is_shown_cut) {
            self.outputs.push(output);
            self.byte_count += byte_count;
            return byte_count;
        }
        if std::mem::replace(&mut self.is_shown_cut, true) {
            return 0;
        }
        self.put_text(Stream::Stdout, CUT.to_owned())
    }

    /// Shows something else wherever an object is shown under this id; where there is no room for it, that it isn't
    /// kept.
    fn update(&mut self, item: &DisplayItem) {
        for output in &mut self.outputs {
            let before = byte_count(output);
            let CellOutput::Shown(shown) = output else {
                continue;
            };
            if shown.id.is_none() || shown.id != item.id {
                continue;
            }
            shown.data.clone_from(&item.data);
            shown.metadata.clone_from(&item.metadata);
            self.byte_count -= before;
            if self.byte_count + byte_count(output) > CELL_SHOWN_BYTES_MAX {
                *output = CellOutput::Shown(DisplayItem {
                    data: vec![("text/plain".to_owned(), CUT.trim().to_owned())],
                    id: item.id.clone(),
                    ..DisplayItem::default()
                });
            }
            self.byte_count += byte_count(output);
        }
    }
}

impl Kept {
    /// Shows something else wherever an object is shown under this id.
    fn update(&mut self, item: &DisplayItem) {
        for cell in &mut self.cells {
            let before = cell.byte_count;
            cell.update(item);
            self.byte_count = self.byte_count - before + cell.byte_count;
        }
        self.forget_the_oldest();
    }

    fn forget_the_oldest(&mut self) {
        while self.byte_count > BYTES_MAX && self.cells.len() > 1 {
            let Some(oldest) = self.cells.pop_front() else {
                return;
            };
            self.byte_count -= oldest.byte_count;
        }
    }
}

fn byte_count(output: &CellOutput) -> usize {
    let pairs = |pairs: &[(String, String)]| -> usize {
        pairs
            .iter()
            .map(|(kind, form)| size_of::<(String, String)>() + kind.len() + form.len())
            .sum()
    };
    let held = match output {
        CellOutput::Text(_, text) => text.len(),
        CellOutput::Result(item) | CellOutput::Shown(item) => {
            pairs(&item.data) + pairs(&item.metadata)
        }
        CellOutput::Failure(report) => report.traceback.len() + report.message.len(),
    };
    OUTPUT_BYTES + held
}

#[cfg(test)]
mod tests {
    use rhumba_interpreter::failure::ErrorReport;

    use super::*;

    fn text(outputs: &Outputs, ordinal: u32) -> String {
        let texts = outputs.of(ordinal).into_iter().map(|output| match output {
            CellOutput::Text(_, text) => text,
            other => panic!("only text was shown, not {other:?}"),
        });
        texts.collect()
    }

    #[test]
    fn pieces_of_one_stream_are_one_output() {
        let outputs = Outputs::default();
        outputs.add_text(Stream::Stdout, "before any cell");
        outputs.begin(1);
        outputs.add_text(Stream::Stdout, "a");
        outputs.add_text(Stream::Stdout, "b\n");
        outputs.add_text(Stream::Stderr, "c\n");
        outputs.begin(2);
        let expected = [
            CellOutput::Text(Stream::Stdout, "ab\n".to_owned()),
            CellOutput::Text(Stream::Stderr, "c\n".to_owned()),
        ];
        assert_eq!(outputs.of(1), expected);
        assert_eq!(outputs.of(2), []);
        assert_eq!(outputs.of(3), []);
    }

    #[test]
    fn of_a_cell_that_shows_much_the_beginning_is_kept() {
        let outputs = Outputs::default();
        outputs.begin(1);
        let line = "é".repeat(1000);
        for _ in 0..CELL_BYTES_MAX {
            outputs.add_text(Stream::Stdout, &line);
        }
        let kept = text(&outputs, 1);
        assert_eq!(kept.len(), CELL_BYTES_MAX + CUT.len());
        assert!(kept.ends_with(CUT));
        // Whatever else it shows stays.
        outputs.add_text(Stream::Stderr, "trouble");
        outputs.add(CellOutput::Shown(DisplayItem::default()));
        assert_eq!(outputs.of(1).len(), 3);
    }

    #[test]
    fn what_is_replaced_or_taken_away_is_so_here() {
        let outputs = Outputs::default();
        let item = |text: &str, is_update: bool| {
            CellOutput::Shown(DisplayItem {
                data: vec![("text/plain".to_owned(), text.to_owned())],
                id: Some("a".to_owned()),
                is_update,
                ..DisplayItem::default()
            })
        };
        outputs.begin(1);
        outputs.add(item("old", false));
        outputs.begin(2);
        outputs.add_text(Stream::Stdout, "gone");
        outputs.clear();
        outputs.add(item("new", true));
        assert_eq!(outputs.of(1), [item("new", false)]);
        assert_eq!(outputs.of(2), []);
    }

    #[test]
    fn the_outputs_of_the_oldest_cells_go() {
        let outputs = Outputs::default();
        let much = "x".repeat(CELL_BYTES_MAX);
        let kept_count = BYTES_MAX / (CELL_BYTES_MAX + OUTPUT_BYTES);
        let count = u32::try_from(kept_count).expect("a small number") + 1;
        for ordinal in 1..=count {
            outputs.begin(ordinal);
            outputs.add_text(Stream::Stdout, &much);
        }
        assert_eq!(text(&outputs, 1), "");
        assert_eq!(text(&outputs, 2), much);
        assert_eq!(text(&outputs, count), much);
    }
    /// What is held in memory, and what is taken to be.
    fn held(outputs: &Outputs) -> (usize, usize) {
        let kept = outputs.lock();
        let held = kept.cells.iter().flat_map(|cell| &cell.outputs);
        (held.map(byte_count).sum(), kept.byte_count)
    }

    fn shown(text: &str, id: Option<&str>, is_update: bool) -> CellOutput {
        CellOutput::Shown(DisplayItem {
            data: vec![("text/html".to_owned(), text.to_owned())],
            id: id.map(str::to_owned),
            is_update,
            ..DisplayItem::default()
        })
    }

    #[test]
    fn one_cell_is_kept_within_bounds() {
        let outputs = Outputs::default();
        let object = shown(&"y".repeat(1_000_000), None, false);
        let failure = CellOutput::Failure(ErrorReport {
            exception: "E".to_owned(),
            message: String::new(),
            traceback: "E\n".to_owned(),
        });
        outputs.begin(1);
        for _ in 0..100 {
            outputs.add(object.clone());
        }
        outputs.add_text(Stream::Stdout, "after");
        outputs.add(failure.clone());
        let (held, counted) = held(&outputs);
        assert_eq!(held, counted);
        assert!(held < BYTES_MAX, "{held}");
        let kept = outputs.of(1);
        assert_eq!(kept.first(), Some(&object));
        let expected = [
            CellOutput::Text(Stream::Stdout, format!("{CUT}after")),
            failure,
        ];
        assert_eq!(kept[kept.len() - 2..], expected);
    }

    #[test]
    fn very_many_small_outputs_are_kept_within_bounds() {
        let outputs = Outputs::default();
        outputs.begin(1);
        for _ in 0..BYTES_MAX / OUTPUT_BYTES {
            outputs.add_text(Stream::Stdout, "a");
            outputs.add_text(Stream::Stderr, "b");
            outputs.add(shown("", None, false));
        }
        let (held, counted) = held(&outputs);
        assert_eq!(held, counted);
        let marks = 2 * (OUTPUT_BYTES + CUT.len());
        assert!(held <= BYTES_MAX + marks, "{held}");
    }

    #[test]
    fn what_is_updated_counts_with_what_it_has_become() {
        let outputs = Outputs::default();
        for ordinal in 1..=2 {
            outputs.begin(ordinal);
            for _ in 0..20 {
                outputs.add(shown("", Some("a"), false));
            }
        }
        outputs.add(shown(&"y".repeat(3_000_000), Some("a"), true));
        let (held, counted) = held(&outputs);
        assert_eq!(held, counted);
        assert!(held <= BYTES_MAX, "{held}");
        let kept = outputs.of(2);
        let CellOutput::Shown(last) = &kept[19] else {
            panic!("objects were shown");
        };
        assert_eq!(last.plain_text(), "[…]");
        outputs.add(shown("small", Some("a"), true));
        let small = shown("small", Some("a"), false);
        assert!(outputs.of(2).iter().all(|output| *output == small));
    }
}

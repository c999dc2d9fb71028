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
/// What is kept of all of them.
const BYTES_MAX: usize = 16 * 1024 * 1024;
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
        let room = CELL_BYTES_MAX - cell.text_lengths[of_stream];
        let length = text.floor_char_boundary(room.min(text.len()));
        let mut added = text[..length].to_owned();
        cell.text_lengths[of_stream] += length;
        if length < text.len() {
            cell.is_cut[of_stream] = true;
            added.push_str(CUT);
        }
        let added_count = added.len();
        cell.byte_count += added_count;
        match cell.outputs.last_mut() {
            Some(CellOutput::Text(last, written)) if *last == stream => written.push_str(&added),
            _ => cell.outputs.push(CellOutput::Text(stream, added)),
        }
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
        cell.byte_count += byte_count;
        cell.outputs.push(output);
        kept.byte_count += byte_count;
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

impl Kept {
    /// Shows something else wherever an object is shown under this id.
    fn update(&mut self, item: &DisplayItem) {
        for shown in self.cells.iter_mut().flat_map(|cell| &mut cell.outputs) {
            if let CellOutput::Shown(shown) = shown
                && shown.id.is_some()
                && shown.id == item.id
            {
                shown.data.clone_from(&item.data);
                shown.metadata.clone_from(&item.metadata);
            }
        }
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
            .map(|(kind, form)| kind.len() + form.len())
            .sum()
    };
    match output {
        CellOutput::Text(_, text) => text.len(),
        CellOutput::Result(item) | CellOutput::Shown(item) => {
            pairs(&item.data) + pairs(&item.metadata)
        }
        CellOutput::Failure(report) => report.traceback.len() + report.message.len(),
    }
}

#[cfg(test)]
mod tests {
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
        let count = u32::try_from(BYTES_MAX / CELL_BYTES_MAX).expect("a small number") + 1;
        for ordinal in 1..=count {
            outputs.begin(ordinal);
            outputs.add_text(Stream::Stdout, &much);
        }
        assert_eq!(text(&outputs, 1), "");
        assert_eq!(text(&outputs, 2), much);
        assert_eq!(text(&outputs, count), much);
    }
}

//! What Python prints, on its way to the client as it is printed.
//!
//! A line that ends goes out at once unless another one went out a moment ago;
//! whatever is held back is sent by a thread of its own within
//! [`HELD_DURATION`], so that dots without a line end arrive too, and a program
//! that prints a hundred thousand lines doesn't send as many messages. The same
//! thread reads what is written past Python: see [`super::descriptors`].

use super::descriptors::{self, Captured};
use super::{Outgoing, with_signals_blocked};
use bytes::Bytes;
use parking_lot::Mutex;
use rhumba_interpreter::output::{DisplayItem, OutputSink, Stream};
use rhumba_proto::id::Ticket;
use rhumba_proto::message::{DataPart, FromEngine, Output, Payload};
use std::borrow::Cow;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that output is held back.
const HELD_DURATION: Duration = Duration::from_millis(5);

/// Output beyond this size is sent at once, in bytes.
const HELD_BYTES: usize = 16 << 10;

/// One piece of output is at most this long, in bytes: longer text is sent in
/// pieces, and a longer value is shown shortened.
const PIECE_BYTES_MAX: usize = 1 << 20;

/// Forms of one displayed object that aren't text, together. With its texts they
/// stay below what a message may have.
const FORMS_BYTES_MAX: usize = 8 << 20;

/// Its forms that are text, without the plain one, together.
const TEXTS_BYTES_MAX: usize = 4 << 20;

/// What each form counts for besides what it is and what it is called.
const FORM_BYTES: usize = 16;

/// So many forms that are left out are named, each with so many bytes of what it is called.
const LEFT_OUT_NAMED_MAX: usize = 10;
const KIND_BYTES_SHOWN_MAX: usize = 100;

pub(super) struct EngineOutput {
    outgoing: Arc<Outgoing>,
    /// The engine. What it forks has its memory and none of its threads: there a
    /// lock that one of them held is held for ever, and the connection isn't its own.
    process: u32,
    held: Mutex<Held>,
    /// Wakes the thread that sends: an eventfd.
    wake: OwnedFd,
}

struct Held {
    captured: Option<Captured>,
    ticket: Option<Ticket>,
    stream: Stream,
    text: String,
    sent_last: Option<Instant>,
}

impl EngineOutput {
    /// Starts the thread that sends what is held back, and what is written to captured descriptors.
    pub(super) fn start(
        outgoing: Arc<Outgoing>,
        captured: Option<Captured>,
    ) -> std::io::Result<Arc<Self>> {
        // SAFETY: it takes two numbers.
        let wake = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if wake < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let output = Arc::new(Self {
            outgoing,
            process: std::process::id(),
            held: Mutex::new(Held {
                captured,
                ticket: None,
                stream: Stream::Stdout,
                text: String::new(),
                sent_last: None,
            }),
            // SAFETY: it was made above, and nobody else has it.
            wake: unsafe { OwnedFd::from_raw_fd(wake) },
        });
        let sender = Arc::clone(&output);
        with_signals_blocked(|| {
            std::thread::Builder::new()
                .name("output".into())
                .spawn(move || sender.send_held())
        })?;
        Ok(output)
    }

    /// Notes whose output comes from here on.
    pub(super) fn begin(&self, ticket: Ticket) {
        let mut held = self.held.lock();
        self.send(&mut held);
        held.ticket = Some(ticket);
    }

    /// Sends all that this piece of work has printed.
    pub(super) fn end(&self) {
        let mut held = self.held.lock();
        self.read_captured(&mut held);
        if let Some(mut captured) = held.captured.take() {
            captured.end(|stream, text| {
                self.add(&mut held, stream, text);
            });
            held.captured = Some(captured);
        }
        self.send(&mut held);
        held.ticket = None;
    }

    /// Whether this is a process that the engine has forked.
    pub(super) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    fn send(&self, held: &mut Held) {
        if held.text.is_empty() {
            descriptors::note_holding(false);
            return;
        }
        let text = std::mem::take(&mut held.text);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES_MAX));
            rest = behind;
            let output = match held.stream {
                Stream::Stdout => Output::Stdout(piece.to_owned()),
                Stream::Stderr => Output::Stderr(piece.to_owned()),
            };
            self.send_output(held, output);
        }
        descriptors::note_holding(false);
    }

    fn send_output(&self, held: &mut Held, output: Output) {
        held.sent_last = Some(Instant::now());
        let message = FromEngine::Output {
            ticket: held.ticket,
            output,
        };
        self.outgoing.send(message, &Payload::default());
    }

    fn send_held(&self) {
        let read_ends = self.held.lock().captured.as_ref().map(Captured::read_ends);
        let awaited = [Some(self.wake.as_raw_fd())]
            .into_iter()
            .chain(read_ends.into_iter().flatten().map(Some))
            .flatten();
        let mut awaited: Vec<libc::pollfd> = awaited
            .map(|descriptor| libc::pollfd {
                fd: descriptor,
                events: libc::POLLIN,
                revents: 0,
            })
            .collect();
        let mut deadline: Option<Instant> = None;
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // Rounded up, so that it isn't looked too early again and again.
            let timeout_ms = left.map_or(-1, |left| left.as_millis() as i32 + 1);
            // SAFETY: the pointer and the number are those of one vector.
            unsafe {
                libc::poll(
                    awaited.as_mut_ptr(),
                    awaited.len() as libc::nfds_t,
                    timeout_ms,
                )
            };
            for end in &mut awaited {
                // Code has closed what leads there; it would be told of that for ever.
                if end.revents & libc::POLLHUP != 0 && end.revents & libc::POLLIN == 0 {
                    end.fd = -1;
                }
            }
            let mut held = self.held.lock();
            let mut count = 0_u64;
            // SAFETY: an eventfd gives eight bytes, or an error if it was not written to.
            unsafe { libc::read(self.wake.as_raw_fd(), (&raw mut count).cast(), 8) };
            self.read_captured(&mut held);
            if held.text.is_empty() {
                descriptors::note_holding(false);
                deadline = None;
            } else if deadline.is_none_or(|deadline| Instant::now() < deadline) {
                deadline.get_or_insert_with(|| Instant::now() + HELD_DURATION);
            } else {
                self.send(&mut held);
                deadline = None;
            }
        }
    }

    /// Takes what was written past Python so far.
    fn read_captured(&self, held: &mut Held) {
        if let Some(mut captured) = held.captured.take_if(|captured| captured.has_something()) {
            descriptors::note_holding(true);
            captured.read(|stream, text| {
                self.add(held, stream, text);
            });
            held.captured = Some(captured);
        }
    }

    /// Adds text to what is held back, or sends it. True if it begins to be held back.
    fn add(&self, held: &mut Held, stream: Stream, text: &str) -> bool {
        if held.stream != stream {
            self.send(held);
            held.stream = stream;
        }
        let was_empty = held.text.is_empty();
        descriptors::note_holding(true);
        held.text.push_str(text);
        let recently = held
            .sent_last
            .is_some_and(|at| at.elapsed() < HELD_DURATION);
        if held.text.len() >= HELD_BYTES || (text.ends_with('\n') && !recently) {
            self.send(held);
            return false;
        }
        was_empty
    }
}

impl OutputSink for EngineOutput {
    fn write(&self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.is_forked() {
            write_to_log(stream, text);
            return;
        }
        let mut held = self.held.lock();
        // What a command has printed meanwhile stands before it.
        self.read_captured(&mut held);
        if self.add(&mut held, stream, text) {
            let one = 1_u64;
            // SAFETY: eight bytes are read; a counter that is full wakes all the same.
            unsafe { libc::write(self.wake.as_raw_fd(), (&raw const one).cast(), 8) };
        }
    }

    fn display_item(&self, item: &DisplayItem) {
        self.display(&forms_of(item));
    }

    fn display(&self, data: &[(String, String)]) {
        if self.is_forked() {
            return write_text_to_log(data);
        }
        let mut held = self.held.lock();
        self.read_captured(&mut held);
        self.send(&mut held);
        self.send_output(&mut held, Output::Display(bounded(data)));
    }

    fn cell_result(&self, count: u32, text: &str) {
        if self.is_forked() {
            return;
        }
        let mut held = self.held.lock();
        self.read_captured(&mut held);
        self.send(&mut held);
        let data = bounded(&[("text/plain".to_owned(), text.to_owned())]);
        self.send_output(&mut held, Output::CellResult { count, data });
    }

    fn cell_result_item(&self, count: u32, item: &DisplayItem) {
        if self.is_forked() {
            return;
        }
        let mut held = self.held.lock();
        self.read_captured(&mut held);
        self.send(&mut held);
        let data = bounded(&forms_of(item));
        self.send_output(&mut held, Output::CellResult { count, data });
    }

    fn flush(&self) {
        if self.is_forked() {
            return;
        }
        let mut held = self.held.lock();
        self.read_captured(&mut held);
        self.send(&mut held);
    }

    fn publish(&self, data: Vec<(String, Vec<Bytes>)>) -> Result<(), String> {
        if self.is_forked() {
            return Err("a process that an engine has forked can't publish data".to_owned());
        }
        let mut held = self.held.lock();
        self.read_captured(&mut held);
        self.send(&mut held);
        let Some(ticket) = held.ticket else {
            return Err("nothing runs on this engine that data could belong to".to_owned());
        };
        let mut payload = Payload::default();
        let mut parts = Vec::with_capacity(data.len());
        for (name, buffers) in data {
            parts.push(DataPart {
                name,
                buffers: buffers.len() as u32,
            });
            payload.buffers.extend(buffers);
        }
        // Under the lock, so that it arrives among the output where it was published.
        let sent = self
            .outgoing
            .try_send(FromEngine::Data { ticket, parts }, &payload);
        sent.map_err(|error| format!("the data can't be published: {error}"))
    }
}

/// Writes where this process has its own output, which a cluster keeps in a log.
fn write_to_log(stream: Stream, text: &str) {
    let descriptor = match stream {
        Stream::Stdout => libc::STDOUT_FILENO,
        Stream::Stderr => libc::STDERR_FILENO,
    };
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        // SAFETY: no more is read than the slice has.
        let written = unsafe { libc::write(descriptor, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => rest = &rest[written..],
            // There is nobody to tell that it can't be written.
            _ if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted => {
                return;
            }
            _ => {}
        }
    }
}

fn write_text_to_log(data: &[(String, String)]) {
    if let Some((_, text)) = data.iter().find(|(kind, _)| kind == PLAIN) {
        write_to_log(Stream::Stdout, &format!("{text}\n"));
    }
}

/// What is said of the forms of an object that is shown, as one more of them: each form's kind and a JSON
/// object. The client takes it apart again.
const SAID_OF_FORMS: &str = "application/vnd.rhumba.metadata+json";

/// Returns the forms of an object, and what is said of them.
fn forms_of(item: &DisplayItem) -> Cow<'_, [(String, String)]> {
    if item.metadata.is_empty() {
        return Cow::Borrowed(&item.data);
    }
    let kinds = item.metadata.iter();
    let said: Vec<String> = kinds
        .map(|(kind, said)| format!("{}:{said}", serde_json::Value::from(kind.as_str())))
        .collect();
    let said = (SAID_OF_FORMS.to_owned(), format!("{{{}}}", said.join(",")));
    Cow::Owned(item.data.iter().cloned().chain([said]).collect())
}

/// Returns forms that fit into one message. Text is cut; half a picture would be
/// none, so what isn't text and is too long is left out, and so are texts beyond what all may have;
/// that is said.
fn bounded(data: &[(String, String)]) -> Vec<(String, String)> {
    let (mut forms_left, mut texts_left) = (FORMS_BYTES_MAX, TEXTS_BYTES_MAX);
    let mut bounded = Vec::with_capacity(data.len());
    let mut left_out = Vec::new();
    for (kind, form) in data {
        let is_text = kind.starts_with("text/");
        let (left, bytes) = match is_text {
            true => (&mut texts_left, form.len().min(PIECE_BYTES_MAX)),
            false => (&mut forms_left, form.len()),
        };
        // What everybody can show is always there.
        let taken = match kind == PLAIN {
            true => 0,
            false => kind.len() + bytes + FORM_BYTES,
        };
        let Some(rest) = left.checked_sub(taken) else {
            left_out.push((kind.as_str(), form.len()));
            continue;
        };
        *left = rest;
        let mut form = form.clone();
        if is_text {
            shorten(&mut form);
        }
        bounded.push((kind.clone(), form));
    }
    if !left_out.is_empty() {
        let said = said_of(&left_out);
        match bounded.iter_mut().find(|(kind, _)| kind == PLAIN) {
            Some((_, text)) => text.push_str(&said),
            None => bounded.push((PLAIN.to_owned(), said.trim_start().to_owned())),
        }
    }
    bounded
}

/// The form that everybody can show.
const PLAIN: &str = "text/plain";

/// Says which forms of an object are left out, and how large they are.
fn said_of(left_out: &[(&str, usize)]) -> String {
    let (named, others) = left_out.split_at(left_out.len().min(LEFT_OUT_NAMED_MAX));
    let mut said = String::new();
    for (kind, bytes) in named {
        let kind = &kind[..kind.floor_char_boundary(KIND_BYTES_SHOWN_MAX)];
        said.push_str(&format!(
            "\n… its {kind} of {bytes} bytes is too large to be shown"
        ));
    }
    if !others.is_empty() {
        let count = others.len();
        said.push_str(&format!(
            "\n… {count} more of its forms are too large to be shown"
        ));
    }
    said
}

/// Cuts a text that is too long for one message, and says so at its end.
pub(crate) fn shorten(text: &mut String) {
    let bytes = text.len();
    if bytes > PIECE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(PIECE_BYTES_MAX));
        text.push_str(&format!("\n… cut here: {bytes} bytes in all"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhumba_proto::frame::{Kind, Limits, encode_head};

    #[test]
    fn pictures_are_shown_whole_or_not_at_all() {
        let picture = |bytes: usize| ("image/png".to_owned(), "A".repeat(bytes));
        let text = ("text/plain".to_owned(), "a picture".to_owned());
        let large = [text.clone(), picture(3 << 20)];
        assert_eq!(bounded(&large), large);
        let [(kind, said)] = &bounded(&[text, picture(9 << 20)])[..] else {
            panic!("the picture is left out");
        };
        assert_eq!(kind, "text/plain");
        assert_eq!(
            said,
            "a picture\n… its image/png of 9437184 bytes is too large to be shown"
        );
        assert_eq!(bounded(&[picture(9 << 20)])[0].0, "text/plain");
    }

    #[test]
    fn however_many_forms_there_are_they_fit_into_a_message() {
        let text = ("text/plain".to_owned(), "x".repeat(3 << 20));
        let texts = (0..17).map(|i| (format!("text/x-{i}"), "x".repeat(1 << 20)));
        let small = (0..300_000).map(|i| (format!("application/x-{i}"), String::new()));
        let called = ("image/".repeat(3 << 20), "A".to_owned());
        let picture = ("image/png".to_owned(), "A".repeat(7 << 20));
        let all = texts.chain([picture, text, called]).chain(small);
        let all = bounded(&all.collect::<Vec<_>>());
        assert_eq!(all[0].0, "text/x-0");
        assert_eq!(all[0].1.len(), 1 << 20);
        assert!(all.iter().any(|(kind, _)| kind == "image/png"));
        let plain = all.iter().find(|(kind, _)| kind == "text/plain").unwrap();
        let said: Vec<&str> = plain.1.lines().skip(1).collect();
        assert_eq!(said.len(), 12, "{said:?}");
        assert!(said[0].ends_with("3145728 bytes in all"), "{}", said[0]);
        assert!(
            said[1].starts_with("… its text/x-3 of 1048576 bytes"),
            "{}",
            said[1]
        );
        assert!(said[11].contains("more of its forms"), "{}", said[11]);
        let message = rhumba_proto::message::ToController::Engine(FromEngine::Output {
            ticket: None,
            output: Output::Display(all),
        });
        let (kind, limits) = (Kind::ToController, Limits::default());
        encode_head(kind, &message, &Payload::default(), &limits).unwrap();
    }

    #[test]
    fn what_is_said_of_a_picture_goes_along() {
        let item = DisplayItem {
            data: vec![("image/png".to_owned(), "AAAA".to_owned())],
            metadata: vec![("image/png".to_owned(), "{\"width\": 5}".to_owned())],
            ..DisplayItem::default()
        };
        let said = (
            SAID_OF_FORMS.to_owned(),
            "{\"image/png\":{\"width\": 5}}".to_owned(),
        );
        assert_eq!(*forms_of(&item), [item.data[0].clone(), said]);
    }

    #[test]
    fn long_texts_are_cut_between_characters_and_say_so() {
        let mut short = "é".repeat(10);
        shorten(&mut short);
        assert_eq!(short, "é".repeat(10));
        let mut long = "é".repeat(PIECE_BYTES_MAX);
        shorten(&mut long);
        assert!(long.len() < PIECE_BYTES_MAX + 100);
        assert!(long.ends_with(&format!("{} bytes in all", 2 * PIECE_BYTES_MAX)));
    }
}

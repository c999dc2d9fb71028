//! What a client holds of the work it sent: the parts, their answers, and what
//! they printed, in the order in which it arrived.
//!
//! A group has one part per engine of a request, or one per task. It is filed
//! by the connection's reader ([`super`]) and waited on by any thread.

use super::connection_failure;
use parking_lot::{Condvar, Mutex, MutexGuard};
use rhumba_proto::id::{EngineId, RequestId};
use rhumba_proto::message::{Failure, Outcome, Output, Payload, Timing};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// So much is kept of what one part prints and displays, in bytes. The oldest goes
/// first, and a line that says how much that was stands in its place.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;
/// How long one part is waited for without sleeping, giving the processor away
/// to whoever wants it: a call that does nothing takes some 70 µs, and waking a
/// sleeper a third of that.
const WAIT_AWAKE: Duration = Duration::from_micros(100);

/// Work sent together, and its answers as they arrive.
pub struct Group {
    parts: Vec<PartAddress>,
    /// What parts are called that others have asked for, in the place of each.
    fetched: Vec<String>,
    submitted: SystemTime,
    answers: Mutex<Answers>,
    /// Notified when a waiter's wish may have come true.
    changed: Condvar,
}

/// Waits until all parts of all groups are finished, at most for `timeout`. Returns whether they are.
///
/// `finished` counts the first groups of which that is known, so that waiting on begins behind them.
#[must_use]
pub fn wait_all(groups: &[Arc<Group>], finished: &mut usize, timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    // One after the other is as soon as all together: all are wanted.
    while let Some(group) = groups.get(*finished) {
        let left = deadline.saturating_duration_since(Instant::now());
        if !group.wait(group.parts.len(), left) {
            return false;
        }
        *finished += 1;
    }
    true
}

/// Where a part was sent.
#[derive(Clone, Copy, Debug)]
pub struct PartAddress {
    pub request: RequestId,
    /// `None` for a task.
    pub target: Option<EngineId>,
}

/// The answer to one part.
#[derive(Clone, Debug)]
pub struct PartAnswer {
    /// Where it ran, or was to run.
    pub engine: Option<EngineId>,
    pub outcome: Outcome,
    pub timing: Timing,
    /// The result's snapshot, until it is [taken](Group::take_payload).
    pub payload: Payload,
    pub received: SystemTime,
}

/// What arrives for a request.
pub(super) enum Event {
    Finished {
        engine: Option<EngineId>,
        outcome: Outcome,
        timing: Timing,
        payload: Payload,
    },
    Output {
        engine: EngineId,
        output: Output,
    },
    Data {
        engine: EngineId,
        data: Vec<(String, Payload)>,
    },
}

struct Answers {
    by_part: Vec<Option<PartAnswer>>,
    /// Parts in the order in which they finished.
    order: Vec<u32>,
    outputs: Vec<(u32, Output)>,
    outputs_by_part: HashMap<u32, PartOutputs>,
    /// What parts have told while they ran, the latest under each name, until it
    /// is [taken](Group::take_data).
    data: HashMap<u32, Vec<(String, Payload)>>,
    /// The least number of finished parts that somebody waits for.
    wanted: usize,
    /// Somebody waits for output.
    output_wanted: bool,
}

/// Which outputs are one part's.
#[derive(Default)]
struct PartOutputs {
    /// Where they are in [`Answers::outputs`].
    places: Vec<usize>,
    /// How many of the first of them were left out; the last of those says so.
    left_out: usize,
    left_out_bytes: u64,
    kept_bytes: u64,
}

impl Group {
    pub(super) fn new(parts: usize) -> Self {
        let answers = Answers {
            by_part: (0..parts).map(|_| None).collect(),
            order: Vec::new(),
            outputs: Vec::new(),
            outputs_by_part: HashMap::new(),
            data: HashMap::new(),
            wanted: usize::MAX,
            output_wanted: false,
        };
        Self {
            parts: Vec::with_capacity(parts),
            fetched: Vec::new(),
            submitted: SystemTime::now(),
            answers: Mutex::new(answers),
            changed: Condvar::new(),
        }
    }

    pub(super) fn add_request(&mut self, request: RequestId, targets: &[EngineId]) {
        if targets.is_empty() {
            self.parts.push(PartAddress {
                request,
                target: None,
            });
        }
        for &target in targets {
            self.parts.push(PartAddress {
                request,
                target: Some(target),
            });
        }
    }

    /// Adds the result of a piece that goes by this name.
    pub(super) fn add_fetch(&mut self, request: RequestId, name: String) {
        self.add_request(request, &[]);
        self.fetched.push(name);
    }

    /// Returns what a part is called that somebody else has asked for; `None` of
    /// what this client has asked for.
    #[must_use]
    pub fn fetched_name(&self, part: usize) -> Option<&str> {
        self.fetched.get(part).map(String::as_str)
    }

    /// Returns where each part was sent.
    #[must_use]
    pub fn parts(&self) -> &[PartAddress] {
        &self.parts
    }

    #[must_use]
    pub fn submitted(&self) -> SystemTime {
        self.submitted
    }

    /// Returns how many parts are finished.
    #[must_use]
    pub fn finished_count(&self) -> usize {
        self.answers.lock().order.len()
    }

    /// Returns whether all parts are finished.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let answers = self.answers.lock();
        answers.order.len() == answers.by_part.len()
    }

    /// Returns the requests that have an unanswered part, each once.
    #[must_use]
    pub fn unanswered(&self) -> Vec<RequestId> {
        let answers = self.answers.lock();
        let mut requests: Vec<RequestId> = self
            .parts
            .iter()
            .zip(&answers.by_part)
            .filter(|(_, answer)| answer.is_none())
            .map(|(part, _)| part.request)
            .collect();
        requests.dedup();
        requests
    }

    /// Returns which part was the `position`-th to finish.
    #[must_use]
    pub fn finished_at(&self, position: usize) -> Option<usize> {
        self.answers
            .lock()
            .order
            .get(position)
            .map(|&part| part as usize)
    }

    /// Returns the answer to a part, `None` while it is not there. The payload
    /// is shared, not copied.
    #[must_use]
    pub fn answer(&self, part: usize) -> Option<PartAnswer> {
        self.answers.lock().by_part.get(part).cloned().flatten()
    }

    /// Returns why a part has no result: `None` while it is not answered,
    /// `Some(None)` if it has one.
    #[must_use]
    pub fn failure(&self, part: usize) -> Option<Option<Failure>> {
        let answers = self.answers.lock();
        answers
            .by_part
            .get(part)?
            .as_ref()
            .map(|answer| match &answer.outcome {
                Outcome::Done => None,
                Outcome::Failed(failure) => Some(failure.clone()),
            })
    }

    /// Moves a result out: the group keeps its outcome, not its bytes.
    #[must_use]
    pub fn take_payload(&self, part: usize) -> Option<Payload> {
        let mut answers = self.answers.lock();
        let answer = answers.by_part.get_mut(part)?.as_mut()?;
        Some(std::mem::take(&mut answer.payload))
    }

    /// Gives back a result that was [taken](Self::take_payload).
    pub fn put_payload_back(&self, part: usize, payload: Payload) {
        let mut answers = self.answers.lock();
        if let Some(Some(answer)) = answers.by_part.get_mut(part) {
            answer.payload = payload;
        }
    }

    /// Returns whether the bytes of a part's result are here.
    #[must_use]
    pub fn has_payload(&self, part: usize) -> bool {
        let answers = self.answers.lock();
        let answer = answers.by_part.get(part).and_then(Option::as_ref);
        answer.is_some_and(|answer| !answer.payload.is_empty())
    }

    /// Returns all output from `cursor` on with the parts it belongs to, and
    /// the cursor to go on from.
    #[must_use]
    pub fn outputs_since(&self, cursor: usize) -> (usize, Vec<(usize, Output)>) {
        let answers = self.answers.lock();
        let new = answers.outputs.get(cursor..).unwrap_or(&[]);
        let new = new
            .iter()
            .map(|(part, output)| (*part as usize, output.clone()))
            .collect();
        (answers.outputs.len(), new)
    }

    /// Returns what one part has printed and displayed so far.
    #[must_use]
    pub fn outputs_of(&self, part: usize) -> Vec<Output> {
        let answers = self.answers.lock();
        let own = answers.outputs_by_part.get(&index(part));
        own.into_iter()
            .flat_map(|own| &own.places[own.left_out.saturating_sub(1)..])
            .map(|&place| answers.outputs[place].1.clone())
            .collect()
    }

    /// Moves out what a part has told since this was asked last: objects'
    /// snapshots by their names.
    #[must_use]
    pub fn take_data(&self, part: usize) -> Vec<(String, Payload)> {
        let mut answers = self.answers.lock();
        answers.data.remove(&index(part)).unwrap_or_default()
    }

    /// Waits until `count` parts are finished, at most for `timeout`. Returns
    /// whether they are.
    #[must_use]
    pub fn wait(&self, count: usize, timeout: Duration) -> bool {
        let start = Instant::now();
        let deadline = start + timeout;
        let mut answers = self.answers.lock();
        while answers.order.len() < count
            && answers.by_part.len() == 1
            && start.elapsed() < WAIT_AWAKE.min(timeout)
        {
            MutexGuard::unlocked(&mut answers, std::thread::yield_now);
        }
        while answers.order.len() < count {
            answers.wanted = answers.wanted.min(count);
            if self.changed.wait_until(&mut answers, deadline).timed_out() {
                return answers.order.len() >= count;
            }
        }
        true
    }

    /// Waits until there is output beyond `cursor` or all is finished, at most
    /// for `timeout`. Returns whether that is so.
    #[must_use]
    pub fn wait_output(&self, cursor: usize, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut answers = self.answers.lock();
        let ready = |answers: &MutexGuard<'_, Answers>| {
            answers.outputs.len() > cursor || answers.order.len() == answers.by_part.len()
        };
        while !ready(&answers) {
            answers.output_wanted = true;
            if self.changed.wait_until(&mut answers, deadline).timed_out() {
                return ready(&answers);
            }
        }
        true
    }

    /// Files what arrived for a part.
    pub(super) fn on_event(&self, part: usize, event: Event) {
        let mut answers = self.answers.lock();
        match event {
            Event::Finished {
                engine,
                outcome,
                timing,
                payload,
            } => answers.finish(
                part,
                PartAnswer {
                    engine,
                    outcome,
                    timing,
                    payload,
                    received: SystemTime::now(),
                },
            ),
            Event::Output { output, .. } => answers.print(index(part), output),
            Event::Data { data, .. } => answers.tell(index(part), data),
        }
    }

    /// Answers what is unanswered: the connection is over.
    pub(super) fn fail_unanswered(&self, cause: &str) {
        let mut answers = self.answers.lock();
        for (part, address) in self.parts.iter().enumerate() {
            if answers.by_part[part].is_some() {
                continue;
            }
            let (outcome, timing) = connection_failure(cause);
            let answer = PartAnswer {
                engine: address.target,
                outcome,
                timing,
                payload: Payload::default(),
                received: SystemTime::now(),
            };
            answers.finish(part, answer);
        }
    }

    /// Wakes those whose wish has come true.
    pub(super) fn tell(&self) {
        let mut answers = self.answers.lock();
        let finished = answers.order.len();
        if finished >= answers.wanted || finished == answers.by_part.len() || answers.output_wanted
        {
            answers.wanted = usize::MAX;
            answers.output_wanted = false;
            drop(answers);
            self.changed.notify_all();
        }
    }
}

impl Answers {
    fn print(&mut self, part: u32, output: Output) {
        let own = self.outputs_by_part.entry(part).or_default();
        own.kept_bytes += output_bytes(&output);
        own.places.push(self.outputs.len());
        self.outputs.push((part, output));
        if own.kept_bytes <= OUTPUT_BYTES_MAX {
            return;
        }
        // Of what is gone nothing is shown but the last, in whose place the line is.
        let before = own.left_out;
        while own.kept_bytes > OUTPUT_BYTES_MAX && own.left_out + 1 < own.places.len() {
            let oldest = &mut self.outputs[own.places[own.left_out]].1;
            let bytes = output_bytes(oldest);
            *oldest = Output::Stdout(String::new());
            own.kept_bytes -= bytes;
            own.left_out_bytes += bytes;
            own.left_out += 1;
        }
        if let Some(earlier) = before.checked_sub(1) {
            self.outputs[own.places[earlier]].1 = Output::Stdout(String::new());
        }
        if let Some(last) = own.left_out.checked_sub(1) {
            let line = format!(
                "… {} MB of output left out here\n",
                own.left_out_bytes.div_ceil(1_000_000)
            );
            self.outputs[own.places[last]].1 = Output::Stdout(line);
        }
    }

    /// What was told under a name before is of no interest any more: this stays
    /// small however often something is told.
    fn tell(&mut self, part: u32, data: Vec<(String, Payload)>) {
        let told = self.data.entry(part).or_default();
        for (name, payload) in data {
            match told.iter_mut().find(|(known, _)| *known == name) {
                Some((_, latest)) => *latest = payload,
                None => told.push((name, payload)),
            }
        }
    }

    fn finish(&mut self, part: usize, answer: PartAnswer) {
        if self.by_part[part].is_none() {
            self.by_part[part] = Some(answer);
            self.order.push(index(part));
        }
    }
}

fn output_bytes(output: &Output) -> u64 {
    let bytes = match output {
        Output::Stdout(text) | Output::Stderr(text) => text.len(),
        Output::Display(data) | Output::CellResult { data, .. } => data
            .iter()
            .map(|(kind, form)| kind.len() + form.len())
            .sum(),
    };
    bytes as u64
}

fn index(part: usize) -> u32 {
    u32::try_from(part).expect("a group has fewer parts than a client may queue requests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_output_the_latest_is_kept_and_the_rest_told_of() {
        let mut group = Group::new(1);
        group.add_request(RequestId(0), &[EngineId(0)]);
        let text = |number: u64| format!("{number}{}", "x".repeat(1 << 20));
        let print = |number| {
            let output = Output::Stdout(text(number));
            let engine = EngineId(0);
            group.on_event(0, Event::Output { engine, output });
        };
        (0..60).for_each(print);
        assert_eq!(group.outputs_of(0).len(), 60);
        let (cursor, _) = group.outputs_since(0);
        (60..200).for_each(print);
        let kept = group.outputs_of(0);
        assert!(kept.len() < 66, "{}", kept.len());
        let Output::Stdout(line) = &kept[0] else {
            panic!("the line comes first")
        };
        assert_eq!(line, "… 144 MB of output left out here\n");
        assert_eq!(kept.last(), Some(&Output::Stdout(text(199))));
        // Who has seen the beginning is told once where the rest is missing.
        let (end, new) = group.outputs_since(cursor);
        assert_eq!(end, 200);
        let said = new.iter().filter(|(_, output)| match output {
            Output::Stdout(text) => text.contains("left out"),
            _ => false,
        });
        assert_eq!(said.count(), 1);
    }
    #[test]
    fn all_are_waited_for_no_longer_than_said_though_one_after_the_other_ends_in_time() {
        let groups: Vec<_> = (0..500)
            .map(|request| {
                let mut group = Group::new(1);
                group.add_request(RequestId(request), &[]);
                Arc::new(group)
            })
            .collect();
        let ended = groups.clone();
        let takes = Duration::from_millis(4);
        let work = std::thread::spawn(move || {
            for group in ended {
                std::thread::sleep(takes);
                group.fail_unanswered("it was closed");
                group.tell();
            }
        });
        // All together need two seconds.
        let mut finished = 0;
        assert!(!wait_all(&groups, &mut finished, takes * 10));
        assert!(finished < groups.len());
        while !wait_all(&groups, &mut finished, takes * 10) {}
        assert_eq!(finished, groups.len());
        work.join().expect("the thread ends");
    }
}

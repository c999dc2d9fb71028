//! What there was in a simulation: over many seeds everything that is simulated must have happened.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub done: u64,
    pub raised: u64,
    pub died: u64,
    pub aborted: u64,
    pub no_engine: u64,
    pub limit: u64,
    pub impossible: u64,
    pub late: u64,
    pub cancelled: u64,
    pub too_long: u64,
    pub killed: u64,
    pub recalls: u64,
    pub dispatches: u64,
    pub joined: u64,
    pub left: u64,
    pub checkpoints: u64,
    pub failed_checkpoints: u64,
    pub restored: u64,
    pub not_restored: u64,
    pub data: u64,
    pub locked: u64,
    pub kept_out: u64,
    pub refused: u64,
    pub watched: u64,
    pub gathered: u64,
    pub recorded: u64,
    pub went_on: u64,
    pub fetched: u64,
    pub relayed: u64,
    pub sent_again: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.raised += other.raised;
        self.died += other.died;
        self.aborted += other.aborted;
        self.no_engine += other.no_engine;
        self.limit += other.limit;
        self.impossible += other.impossible;
        self.late += other.late;
        self.cancelled += other.cancelled;
        self.too_long += other.too_long;
        self.killed += other.killed;
        self.recalls += other.recalls;
        self.dispatches += other.dispatches;
        self.joined += other.joined;
        self.left += other.left;
        self.checkpoints += other.checkpoints;
        self.failed_checkpoints += other.failed_checkpoints;
        self.restored += other.restored;
        self.not_restored += other.not_restored;
        self.data += other.data;
        self.locked += other.locked;
        self.kept_out += other.kept_out;
        self.refused += other.refused;
        self.watched += other.watched;
        self.gathered += other.gathered;
        self.recorded += other.recorded;
        self.went_on += other.went_on;
        self.fetched += other.fetched;
        self.relayed += other.relayed;
        self.sent_again += other.sent_again;
    }

    /// Checks that over many seeds everything happened that is simulated: a
    /// simulation in which nothing goes wrong shows nothing.
    pub fn check_coverage(&self) {
        let Self {
            done,
            raised,
            died,
            aborted,
            no_engine,
            limit,
            ..
        } = *self;
        for (count, what) in [
            (done, "finished"),
            (raised, "raised"),
            (died, "died with its engine"),
            (aborted, "was aborted"),
            (no_engine, "found no engine"),
            (limit, "met a limit"),
            (self.impossible, "depended on what couldn't be"),
            (self.late, "waited too long"),
            (self.cancelled, "was cancelled while it ran"),
            (self.too_long, "ran too long"),
            (self.killed, "was killed as it did not end"),
            (self.recalls, "was asked back"),
            (self.data, "was told while it ran"),
            (self.locked, "was locked"),
            (self.kept_out, "waited for a lock"),
            (self.refused, "was refused as it would have to wait"),
            (self.watched, "was watched"),
            (self.gathered, "was gathered"),
            (self.recorded, "was recorded"),
            (self.went_on, "went on without its client"),
            (self.fetched, "was fetched"),
            (self.relayed, "was relayed"),
            (self.sent_again, "was sent again"),
            (self.joined, "joined"),
            (self.left, "left"),
            (self.checkpoints, "was checkpointed"),
            (self.restored, "was restored"),
            (self.not_restored, "was not restored"),
        ] {
            assert!(count > 50, "something {what} more often than {count} times");
        }
    }
}

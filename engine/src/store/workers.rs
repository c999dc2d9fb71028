//! Workers: the same for many, on several cores, where there is enough to do.

use crate::engine::with_signals_blocked;
use parking_lot::Mutex;

/// Less work than this is done sooner than threads are started.
const PARALLEL_BYTES_MIN: u64 = 1 << 20;

/// More cores than this wait for the disk.
const WORKER_COUNT_MAX: usize = 4;

/// Does `work` for each item, and returns the results in the items' order.
/// `bytes` is how much there is to do in all.
///
/// # Errors
/// The first that happened; what was not begun by then isn't.
pub(super) fn map<T, R, E>(
    items: Vec<T>,
    bytes: u64,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    T: Send,
    R: Send,
    E: Send,
{
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let worker_count = cores.min(WORKER_COUNT_MAX).min(items.len());
    if worker_count < 2 || bytes < PARALLEL_BYTES_MIN {
        return items.into_iter().map(work).collect();
    }
    let results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let waiting = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new(results);
    let failure = Mutex::new(None);
    let run = || {
        while failure.lock().is_none() {
            let Some((index, item)) = waiting.lock().next() else {
                return;
            };
            match work(item) {
                Ok(result) => results.lock()[index] = Some(result),
                Err(error) => {
                    failure.lock().get_or_insert(error);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        // Signals are Python's, whose thread this may be.
        with_signals_blocked(|| {
            for _ in 1..worker_count {
                scope.spawn(run);
            }
        });
        run();
    });
    match failure.into_inner() {
        Some(error) => Err(error),
        None => Ok(results.into_inner().into_iter().flatten().collect()),
    }
}

//! The failures that the controller itself finds, as sentences for people.
//! Failures of the work itself come from engines and pass through unread.

use super::stops::Reason;
use crate::id::{ClientId, EngineId};
use crate::message::{Failure, FailureKind, TaskName};

fn failure(kind: FailureKind, exception: &str, message: String) -> Failure {
    Failure {
        kind,
        exception: exception.to_owned(),
        message,
        traceback: String::new(),
    }
}

/// `cause` is a phrase such as "killed by signal 9".
pub(super) fn engine_died(engine: EngineId, cause: &str) -> Failure {
    let message = format!("engine {engine} ended before it finished this: {cause}");
    failure(FailureKind::EngineDied, "EngineError", message)
}

/// `departure` is why the engine left, if it ever was there.
pub(super) fn no_engine(engine: EngineId, departure: Option<&str>) -> Failure {
    let message = match departure {
        Some(cause) => format!("engine {engine} is no longer there: {cause}"),
        None => format!("there is no engine {engine}: the client's `ids` tell which there are"),
    };
    failure(FailureKind::NoEngine, "NoEnginesRegistered", message)
}

pub(super) fn no_engines() -> Failure {
    let message = "there are no engines to run this: start some, as with \
                   ipp.Cluster.from_file().start_engines_sync(1), then try again"
        .to_owned();
    failure(FailureKind::NoEngine, "NoEnginesRegistered", message)
}

/// None of the only engines that may run a task is there.
pub(super) fn targets_gone(targets: &[EngineId]) -> Failure {
    const NAMED_MAX: usize = 10;
    let mut names = targets.iter().take(NAMED_MAX).map(EngineId::to_string);
    let mut named = names.by_ref().collect::<Vec<_>>().join(", ");
    if targets.len() > NAMED_MAX {
        named += ", …";
    }
    let message = match targets {
        [_] => format!("this may only run on engine {named}, and that is not there"),
        _ => format!("this may only run on the engines {named}, and none of them is there"),
    };
    failure(FailureKind::NoEngine, "NoEnginesRegistered", message)
}

pub(super) fn dependency_on_nothing() -> Failure {
    let message = "a dependency is on the success of others, their failure, or both".to_owned();
    failure(FailureKind::Dependency, "InvalidDependency", message)
}

pub(super) fn dependency_on_itself() -> Failure {
    let message = "a task can't depend on itself".to_owned();
    failure(FailureKind::Dependency, "InvalidDependency", message)
}

/// `has_left`: the client that it names is there no more.
pub(super) fn dependency_unknown(name: TaskName, has_left: bool) -> Failure {
    let message = match name.client {
        ClientId(u32::MAX) => {
            "this depends on something that is no request or task of this cluster"
        }
        _ if has_left => {
            "this depends on what was asked for by a client that is gone: where it ran, and how a \
             failure of it ended, isn't known any more; depend on it while that client is there"
        }
        _ => "this depends on something that there is none of, or that ended too long ago",
    };
    failure(
        FailureKind::Dependency,
        "InvalidDependency",
        message.to_owned(),
    )
}

/// `place`: no engine is left that this could follow the others to.
pub(super) fn dependency_impossible(place: bool) -> Failure {
    let message = match place {
        false => "what this depends on did not end as it needs, so it can't run",
        true => {
            "what this follows did not end as it needs, did not run on one engine, or that \
             engine is gone, so it can't run"
        }
    };
    failure(
        FailureKind::Dependency,
        "ImpossibleDependency",
        message.to_owned(),
    )
}

/// `reason` is what the last engine said.
pub(super) fn needs_unmet(reason: &str) -> Failure {
    let message = format!("no engine that may run this has what it needs: {reason}");
    failure(FailureKind::Dependency, "ImpossibleDependency", message)
}

pub(super) fn waited_too_long(timeout_us: u64) -> Failure {
    let message = format!(
        "no engine was found for this within {} s",
        timeout_us as f64 / 1e6
    );
    failure(FailureKind::Timeout, "TaskTimeout", message)
}

/// What it depends on has not ended in time.
pub(super) fn depended_too_long(timeout_us: u64) -> Failure {
    let message = format!(
        "what this depends on has not come true within {} s",
        timeout_us as f64 / 1e6
    );
    failure(FailureKind::Timeout, "DependencyTimeout", message)
}

/// `by` says who has engines to itself; `is_holder`: the one who asks has, too.
pub(super) fn locked(by: &str, is_holder: bool) -> Failure {
    let message = match is_holder {
        false => by.to_owned(),
        true => format!(
            "{by}, and you have engines to yourself already: who has does not wait for \
             others', so that no two wait for each other"
        ),
    };
    failure(FailureKind::Locked, "EngineLocked", message)
}

/// It was interrupted, and ended by that.
pub(super) fn stopped(engine: EngineId, reason: Reason) -> Failure {
    match reason {
        Reason::Cancelled => {
            let message = format!("this was cancelled while it ran on engine {engine}");
            failure(FailureKind::Aborted, "TaskAborted", message)
        }
        Reason::RanTooLong { limit_us } => {
            let message = format!(
                "this ran for {} s on engine {engine}, which is its limit, and was interrupted",
                limit_us as f64 / 1e6
            );
            failure(FailureKind::Timeout, "TaskTimeout", message)
        }
    }
}

/// It was interrupted and did not end by that; its engine did, by `cause`.
pub(super) fn stopped_by_force(engine: EngineId, reason: Reason, cause: &str) -> Failure {
    let mut stopped = stopped(engine, reason);
    stopped.message += &format!("; engine {engine} ended with it: {cause}");
    stopped
}

pub(super) fn cluster_ended() -> Failure {
    let message = "the cluster was shut down before this could run".to_owned();
    failure(FailureKind::NoEngine, "NoEnginesRegistered", message)
}

pub(super) fn aborted() -> Failure {
    let message = "this was aborted before it started".to_owned();
    failure(FailureKind::Aborted, "TaskAborted", message)
}

pub(super) fn aborted_behind(engine: EngineId) -> Failure {
    let message = format!(
        "this was aborted before it started, as what was queued before it on engine {engine} failed"
    );
    failure(FailureKind::Aborted, "TaskAborted", message)
}

pub(super) fn no_store() -> Failure {
    let message = "this cluster keeps no records of its tasks: start it with a task store, \
                   Cluster(task_store='file') or rhumba cluster start --task-store file";
    failure(FailureKind::Invalid, "TaskStoreError", message.to_owned())
}

pub(super) fn too_many_fetches(pieces_max: u64) -> Failure {
    limit(format!(
        "this client waits for {pieces_max} results, and no more are allowed: wait for some, then \
         ask for more"
    ))
}

pub(super) fn too_many_left(clients_max: u32) -> Failure {
    limit(format!(
        "this was dropped as its client left: {clients_max} others have left unfinished work, and \
         no more is kept"
    ))
}

pub(super) fn limit(message: String) -> Failure {
    failure(FailureKind::Limit, "LimitError", message)
}

pub(super) fn invalid(message: String) -> Failure {
    failure(FailureKind::Invalid, "ValueError", message)
}

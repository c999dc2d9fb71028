//! `_rhumba.Connection`: a client's connection, and what it asks of the controller.
//!
//! How it sends work is in [`crate::submission`]; what several people on one cluster ask is in
//! [`crate::steering`]. Addressing, waiting and presenting are Python's.

use crate::following::Following;
use crate::function::FunctionCache;
use crate::group::{Group, addresses, wait_until};
use crate::patience::{asking, interruptibly};
use crate::submission::Submission;
use crate::values::Text;
use crate::{checkpoints, failure, namespace, records, steering, terms};
use rhumba_engine::client::Client;
use rhumba_engine::client::asking::{Patience, in_messages};
use rhumba_engine::client::group::wait_all;
use rhumba_engine::client::namespaces::Notice;
use rhumba_engine::client::records::RecordsError;
use rhumba_engine::client::watching::WatchId;
use rhumba_engine::proto::id::{EngineId, QueryId, RequestId};
use rhumba_engine::proto::message::{Answer, FromClient, Policy};
use rhumba_engine::store::{Store, payload};
use rhumba_interpreter::snapshot::{Globals, Trust};
use rustpython_vm::builtins::{PyDictRef, PyListRef, PyStrRef, PyTupleRef};
use rustpython_vm::function::{ArgSequence, OptionalArg, TimeoutSeconds};
use rustpython_vm::types::Constructor;
use rustpython_vm::{
    FromArgs, Py, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the controller is given to answer a question about the cluster.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a question to the task store may take: it may have to look at a million records.
const STORE_TIMEOUT: Duration = Duration::from_secs(120);

/// A connection of a client to its controller.
#[pyclass(module = "_rhumba", name = "Connection")]
#[derive(PyPayload)]
pub struct Connection {
    pub(crate) client: Arc<Client>,
    pub(crate) functions: FunctionCache,
    carries_globals: AtomicBool,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.client.cluster_file().display())
    }
}

#[derive(FromArgs)]
pub struct ConnectionArgs {
    #[pyarg(any)]
    cluster_file: Text,
    #[pyarg(any, default = TimeoutSeconds::new(10.0))]
    timeout: TimeoutSeconds,
    /// What others see it called.
    #[pyarg(any, default)]
    name: Option<Text>,
}

impl Constructor for Connection {
    type Args = ConnectionArgs;

    fn py_new(
        _class: &Py<rustpython_vm::builtins::PyType>,
        args: Self::Args,
        vm: &VirtualMachine,
    ) -> PyResult<Self> {
        let ConnectionArgs {
            cluster_file,
            timeout,
            name,
        } = args;
        let timeout = Duration::try_from_secs_f64(timeout.to_secs_f64())
            .map_err(|_| vm.new_value_error("the timeout must be a positive number of seconds"))?;
        let name = name.map_or_else(user_name, String::from);
        let cluster_file = Path::new(&*cluster_file);
        let client = asking(vm, Some(timeout), |patience| {
            Client::connect(cluster_file, &name, patience)
        })?;
        Ok(Self {
            client: Arc::new(client),
            functions: FunctionCache::default(),
            carries_globals: AtomicBool::new(false),
        })
    }
}

impl Connection {
    /// The store that the engines use, which is beside their cluster's files. It is this user's
    /// own, unless the cluster was started with another `RHUMBA_HOME`.
    fn store(&self, vm: &VirtualMachine) -> PyResult<Store> {
        let clusters = self.client.cluster_file().ancestors().nth(2);
        match clusters.filter(|folder| folder.ends_with("clusters")) {
            Some(clusters) => Ok(Store::open(&clusters.with_file_name("store"))),
            None => namespace::store(vm),
        }
    }

    /// Where functions of this session find their globals on the engines.
    pub(crate) fn globals(&self) -> Globals {
        if self.carries_globals.load(Ordering::Relaxed) {
            Globals::Carried
        } else {
            Globals::Receiver
        }
    }

    fn query(
        &self,
        vm: &VirtualMachine,
        ask: impl FnOnce(QueryId) -> FromClient,
    ) -> PyResult<Answer> {
        asking(vm, Some(ANSWER_TIMEOUT), |patience| {
            self.client.query(ask, patience)
        })
    }

    /// Aborts what of these requests has not started, or of everything if there are none.
    fn abort_requests(
        &self,
        requests: &[RequestId],
        targets: &[EngineId],
        vm: &VirtualMachine,
    ) -> PyResult<u32> {
        let mut aborted = 0;
        for requests in in_messages(requests) {
            if let Answer::Aborted { count } = self.query(vm, |query| FromClient::Abort {
                query,
                requests,
                targets: targets.to_vec(),
            })? {
                aborted += count;
            }
        }
        Ok(aborted)
    }
}

#[pyclass(with(Constructor, Submission))]
impl Connection {
    /// Returns the engines that are there, as (id, pid) pairs ordered by id.
    #[pymethod]
    fn engines(zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        let pairs = zelf.client.engines().into_iter().map(|(engine, pid)| {
            vm.ctx
                .new_tuple(vec![
                    vm.ctx.new_int(engine.0).into(),
                    vm.ctx.new_int(pid).into(),
                ])
                .into()
        });
        vm.ctx.new_list(pairs.collect()).into()
    }

    /// Returns the engines that have left since this client connected, as (id, cause) pairs.
    #[pymethod]
    fn departures(zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        let pairs = zelf.client.departures().into_iter().map(|(engine, cause)| {
            vm.ctx
                .new_tuple(vec![
                    vm.ctx.new_int(engine.0).into(),
                    vm.ctx.new_str(cause).into(),
                ])
                .into()
        });
        vm.ctx.new_list(pairs.collect()).into()
    }

    /// The id that the next engine to join had when this client connected.
    #[pygetset]
    fn next_engine(zelf: &Py<Self>) -> u32 {
        zelf.client.engine_next().0
    }

    #[pygetset]
    fn cluster_file(zelf: &Py<Self>) -> String {
        zelf.client.cluster_file().display().to_string()
    }

    #[pygetset]
    fn cluster_id(zelf: &Py<Self>) -> String {
        zelf.client.cluster().cluster_id.clone()
    }

    #[pygetset]
    fn session(zelf: &Py<Self>) -> String {
        zelf.client.session().to_owned()
    }

    /// Returns those of these message ids that aren't of what this client has asked for.
    #[pymethod]
    fn of_others(zelf: &Py<Self>, ids: ArgSequence<PyStrRef>) -> Vec<PyObjectRef> {
        let own = zelf.client.id();
        let is_own = |id: &PyStrRef| {
            let name = id.to_str().and_then(|id| zelf.client.named_by(id));
            name.is_some_and(|name| name.client == own)
        };
        let others = ids.iter().filter(|id| !is_own(id));
        others.cloned().map(Into::into).collect()
    }

    #[pygetset]
    fn client_id(zelf: &Py<Self>) -> u32 {
        zelf.client.id().0
    }

    #[pygetset]
    fn closed(zelf: &Py<Self>) -> bool {
        zelf.client.ended().is_some()
    }

    /// Waits until n engines are there. Returns whether they are.
    #[pymethod]
    fn wait_for_engines(
        zelf: &Py<Self>,
        n: usize,
        timeout: OptionalArg<Option<TimeoutSeconds>>,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let departed = zelf.client.departures().len();
        let over = || zelf.client.ended().is_some() || zelf.client.departures().len() > departed;
        wait_until(vm, timeout.flatten(), |slice| {
            zelf.client.wait_for_engines(n, slice) || over()
        })?;
        Ok(zelf.client.engines().len() >= n)
    }

    /// Returns the names and objects of a namespace that was taken, as a dict that its functions
    /// have as their globals.
    #[pymethod]
    fn taken_names(_zelf: &Py<Self>, taken: PyRef<Group>, vm: &VirtualMachine) -> PyResult {
        let payload = taken.parts().take_payload(0).unwrap_or_default();
        let checkpoint = payload::unpack(payload).map_err(|error| failure::of_store(vm, &error))?;
        let left_out = checkpoint.left_out.iter();
        let left_out = left_out.map(|(path, reason)| {
            let pair = [path, reason].map(|text| vm.ctx.new_str(text.as_str()).into());
            vm.ctx.new_tuple(pair.to_vec()).into()
        });
        let left_out = vm.ctx.new_list(left_out.collect()).into();
        let (names, _) = namespace::names_in_dict(vm, checkpoint, Trust::Members, false)?;
        Ok(vm.ctx.new_tuple(vec![names.into(), left_out]).into())
    }

    /// Returns the parts of a checkpoint in the engines' store: what each is called there, and
    /// its engine or None.
    #[pymethod]
    fn checkpoint_parts(zelf: &Py<Self>, name: Text, vm: &VirtualMachine) -> PyResult {
        let store = zelf.store(vm)?;
        let kept = vm
            .allow_threads(|| checkpoints::find(&store, &name))
            .map_err(|error| failure::of_store(vm, &error))?;
        let parts = kept.parts.into_iter().map(|part| {
            let engine = match part.engine {
                Some(engine) => vm.ctx.new_int(engine).into(),
                None => vm.ctx.none(),
            };
            let stored = vm.ctx.new_str(part.info.name).into();
            vm.ctx.new_tuple(vec![stored, engine]).into()
        });
        Ok(vm.ctx.new_list(parts.collect()).into())
    }

    /// Removes the parts of a checkpoint in the engines' store that aren't among these engines'
    /// (None: not in parts).
    #[pymethod]
    fn keep_parts(
        zelf: &Py<Self>,
        name: Text,
        engines: Vec<Option<u32>>,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let store = zelf.store(vm)?;
        vm.allow_threads(|| checkpoints::keep_parts(&store, &name, &engines))
            .map_err(|error| failure::of_store(vm, &error))
    }

    /// Says when the cluster checkpoints engines of itself, and whether it brings namespaces back.
    #[pymethod]
    fn set_policy(
        zelf: &Py<Self>,
        every_requests: Option<u64>,
        every_seconds: Option<f64>,
        restore_on_death: bool,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let policy = policy(every_requests, every_seconds, restore_on_death);
        asking(vm, Some(ANSWER_TIMEOUT), |patience| {
            zelf.client.set_policy(policy, patience)
        })
    }

    /// Returns a new cursor, and what became of namespaces by themselves since the given one:
    /// tuples of engine (or None), replaced engine (or None), checkpoint (or None), when that was
    /// taken in microseconds, requests lost, and why it failed (or None).
    #[pymethod]
    fn notices_since(zelf: &Py<Self>, cursor: usize, vm: &VirtualMachine) -> PyObjectRef {
        let (cursor, notices) = zelf.client.notices_since(cursor);
        let notices = notices.into_iter().map(|notice| noticed(vm, notice));
        let notices = vm.ctx.new_list(notices.collect());
        let pair = vec![vm.ctx.new_int(cursor).into(), notices.into()];
        vm.ctx.new_tuple(pair).into()
    }

    /// Waits until there is a notice beyond the cursor. Returns whether there is.
    #[pymethod]
    fn wait_notice(
        zelf: &Py<Self>,
        cursor: usize,
        timeout: OptionalArg<Option<TimeoutSeconds>>,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let over = || zelf.client.ended().is_some();
        wait_until(vm, timeout.flatten(), |slice| {
            zelf.client.wait_notice(cursor, slice) || over()
        })?;
        Ok(zelf.client.notices_since(cursor).0 > cursor)
    }

    /// Gives what a thread waits at for notices and departures, and that doesn't keep the connection.
    #[pymethod]
    fn following(zelf: &Py<Self>, vm: &VirtualMachine) -> PyRef<Following> {
        Following::new(zelf.client.following()).into_ref(&vm.ctx)
    }

    /// Whether functions take along the globals that they name, from now on.
    #[pymethod]
    fn carry_globals(zelf: &Py<Self>, carry: bool) {
        zelf.carries_globals.store(carry, Ordering::Relaxed);
    }

    /// Aborts what has not started: of these groups, or everything if there are none.
    #[pymethod]
    fn abort(
        zelf: &Py<Self>,
        groups: ArgSequence<PyRef<Group>>,
        targets: ArgSequence<u32>,
        vm: &VirtualMachine,
    ) -> PyResult<u32> {
        let requests = requests_of(&groups);
        if requests.is_empty() && !groups.is_empty() {
            return Ok(0);
        }
        let targets: Vec<EngineId> = targets.iter().copied().map(EngineId).collect();
        zelf.abort_requests(&requests, &targets, vm)
    }

    /// Aborts what has not started of these parts of a group. Returns how many they were.
    #[pymethod]
    fn abort_parts(
        zelf: &Py<Self>,
        group: PyRef<Group>,
        parts: ArgSequence<usize>,
        vm: &VirtualMachine,
    ) -> PyResult<u32> {
        let mut aborted = 0;
        for (targets, requests) in addresses(&group, &parts) {
            aborted += zelf.abort_requests(&requests, &targets, vm)?;
        }
        Ok(aborted)
    }

    /// Aborts what of these parts of a group has not started, and stops what has. Returns how
    /// many were aborted, and how many are being stopped.
    #[pymethod]
    fn cancel_parts(
        zelf: &Py<Self>,
        group: PyRef<Group>,
        parts: ArgSequence<usize>,
        vm: &VirtualMachine,
    ) -> PyResult<(u32, u32)> {
        let mut cancelled = (0, 0);
        for (targets, requests) in addresses(&group, &parts) {
            for requests in in_messages(&requests) {
                if let Answer::Cancelled {
                    aborted,
                    interrupted,
                } = zelf.query(vm, |query| FromClient::Cancel {
                    query,
                    requests,
                    targets: targets.clone(),
                })? {
                    cancelled = (cancelled.0 + aborted, cancelled.1 + interrupted);
                }
            }
        }
        Ok(cancelled)
    }

    /// Says how the cluster spreads tasks over its engines, and how many each is given at most.
    #[pymethod]
    fn set_scheduling(
        zelf: &Py<Self>,
        scheme: Text,
        hwm: u32,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let scheduling = terms::scheduling(vm, &scheme, hwm)?;
        zelf.query(vm, |query| FromClient::SetScheduling { query, scheduling })
            .map(drop)
    }

    /// Waits until these engines are this client's alone. Returns the number of the lock, or the
    /// sentence that says why there is none. wait: for how many seconds, 0 not at all, None for
    /// ever; limit: how long it lasts at most.
    #[pymethod]
    fn lock(
        zelf: &Py<Self>,
        targets: ArgSequence<u32>,
        label: Text,
        wait: Option<f64>,
        limit: Option<f64>,
        vm: &VirtualMachine,
    ) -> PyResult {
        let targets = targets.iter().copied().map(EngineId).collect();
        steering::lock(vm, &zelf.client, targets, label.into(), (wait, limit))
    }

    /// Ends a lock. Returns whether it was still there.
    #[pymethod]
    fn unlock(zelf: &Py<Self>, lock: u64, vm: &VirtualMachine) -> PyResult<bool> {
        steering::unlock(vm, &zelf.client, lock)
    }

    /// Follows what others do on these engines, on all of them if there are none.
    /// Returns the number of the watch.
    #[pymethod]
    fn watch(zelf: &Py<Self>, targets: ArgSequence<u32>, vm: &VirtualMachine) -> PyResult<u64> {
        let targets = targets.iter().copied().map(EngineId).collect();
        let watch = asking(vm, Some(ANSWER_TIMEOUT), |patience| {
            zelf.client.watch(targets, patience)
        })?;
        Ok(watch.0.0)
    }

    /// Follows nobody any more.
    #[pymethod]
    fn unwatch(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<()> {
        asking(vm, Some(ANSWER_TIMEOUT), |patience| {
            zelf.client.unwatch(patience)
        })
    }

    /// Waits until others have done something that was not taken, or the watch is over. Returns
    /// whether it is so.
    #[pymethod]
    fn wait_watched(
        zelf: &Py<Self>,
        watch: u64,
        timeout: OptionalArg<Option<TimeoutSeconds>>,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let watch = WatchId(QueryId(watch));
        let over = || zelf.client.ended().is_some();
        wait_until(vm, timeout.flatten(), |slice| {
            zelf.client.wait_watched(watch, slice) || over()
        })?;
        Ok(zelf.client.wait_watched(watch, Duration::ZERO))
    }

    /// Takes what others have done since this was called last; None once the watch is over.
    #[pymethod]
    fn take_watched(zelf: &Py<Self>, watch: u64, vm: &VirtualMachine) -> PyResult {
        steering::take_watched(vm, &zelf.client, WatchId(QueryId(watch)))
    }

    /// Asks for the results of parts by their names, whoever sent them.
    #[pymethod]
    fn fetch(
        zelf: &Py<Self>,
        names: ArgSequence<Text>,
        vm: &VirtualMachine,
    ) -> PyResult<PyRef<Group>> {
        let pieces = names
            .iter()
            .map(|name| records::piece(vm, &zelf.client, name));
        let pieces = pieces.collect::<PyResult<Vec<_>>>()?;
        let parts = asking(vm, None, |patience| zelf.client.fetch(&pieces, patience))?;
        Ok(Group::new(parts, Arc::clone(&zelf.client)).into_ref(&vm.ctx))
    }

    /// Returns what is known under these keys of the records that pass a filter, a tuple each.
    #[pymethod]
    fn find_records(
        zelf: &Py<Self>,
        filter: ArgSequence<PyTupleRef>,
        keys: ArgSequence<Text>,
        vm: &VirtualMachine,
    ) -> PyResult<PyListRef> {
        let filter = records::steps(vm, filter)?;
        let keys: Vec<String> = keys.into_iter().map(String::from).collect();
        let found = ask_store(vm, |patience| {
            zelf.client.find_records(filter, keys, patience)
        })?;
        Ok(records::rows(vm, found))
    }

    /// Forgets the records that pass a filter and have ended. Returns how many that were.
    #[pymethod]
    fn purge_records(
        zelf: &Py<Self>,
        filter: ArgSequence<PyTupleRef>,
        vm: &VirtualMachine,
    ) -> PyResult<u64> {
        let filter = records::steps(vm, filter)?;
        ask_store(vm, |patience| zelf.client.purge_records(filter, patience))
    }

    /// Sends a part again, whoever sent it first.
    #[pymethod]
    fn resubmit(zelf: &Py<Self>, name: Text, vm: &VirtualMachine) -> PyResult<PyRef<Group>> {
        let piece = records::piece(vm, &zelf.client, &name)?;
        let parts = ask_store(vm, |patience| zelf.client.resubmit(&piece, patience))?;
        Ok(Group::new(parts, Arc::clone(&zelf.client)).into_ref(&vm.ctx))
    }

    /// Returns how much the task store keeps, as a dict.
    #[pymethod]
    fn task_store(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        let state = ask_store(vm, |patience| zelf.client.store_state(patience))?;
        records::state(vm, state)
    }

    /// Interrupts what runs of these groups.
    #[pymethod]
    fn interrupt(
        zelf: &Py<Self>,
        groups: ArgSequence<PyRef<Group>>,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let requests = requests_of(&groups);
        if requests.is_empty() {
            return Ok(());
        }
        for requests in in_messages(&requests) {
            zelf.query(vm, |query| FromClient::Interrupt { query, requests })?;
        }
        Ok(())
    }

    /// Delivers a signal to these engines, whatever they are doing.
    #[pymethod]
    fn signal(
        zelf: &Py<Self>,
        targets: ArgSequence<u32>,
        signum: i32,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let targets = targets.iter().copied().map(EngineId).collect();
        zelf.query(vm, |query| FromClient::Signal {
            query,
            targets,
            signal: signum,
        })
        .map(drop)
    }

    /// Returns how much each of these engines has to do, and how many tasks have no engine yet.
    #[pymethod]
    fn queue_status(
        zelf: &Py<Self>,
        targets: ArgSequence<u32>,
        verbose: OptionalArg<bool>,
        vm: &VirtualMachine,
    ) -> PyResult<PyDictRef> {
        let targets = targets.iter().copied().map(EngineId).collect();
        let verbose = verbose.unwrap_or(false);
        let status = vm.ctx.new_dict();
        let answer = zelf.query(vm, |query| FromClient::QueueStatus {
            query,
            targets,
            verbose,
        })?;
        if let Answer::Queues {
            engines,
            unassigned,
            unassigned_names,
        } = answer
        {
            for queue in engines {
                let engine: PyObjectRef = vm.ctx.new_int(queue.engine.0).into();
                let queue = steering::queue(vm, &zelf.client, queue, verbose)?;
                status.set_item(&*engine, queue.into(), vm)?;
            }
            let unassigned: PyObjectRef = match verbose {
                true => steering::names(vm, &zelf.client, unassigned_names),
                false => vm.ctx.new_int(unassigned).into(),
            };
            status.set_item("unassigned", unassigned, vm)?;
        }
        Ok(status)
    }

    /// Returns the engines, clients and hosts of the cluster.
    #[pymethod]
    fn status(zelf: &Py<Self>, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        let status = vm.ctx.new_dict();
        let answer = zelf.query(vm, |query| FromClient::ClusterStatus { query })?;
        if let Answer::Cluster {
            engines,
            clients,
            hosts,
        } = answer
        {
            let int = |value: u32| -> PyObjectRef { vm.ctx.new_int(value).into() };
            let tuple = |parts: Vec<PyObjectRef>| -> PyObjectRef { vm.ctx.new_tuple(parts).into() };
            let engines = engines
                .iter()
                .map(|info| tuple(vec![int(info.engine.0), int(info.pid)]));
            let clients = clients.into_iter().map(|info| {
                tuple(vec![
                    int(info.client.0),
                    vm.ctx.new_str(info.name).into(),
                    int(info.pid),
                ])
            });
            let hosts = hosts.into_iter().map(int);
            status.set_item("engines", vm.ctx.new_list(engines.collect()).into(), vm)?;
            status.set_item("clients", vm.ctx.new_list(clients.collect()).into(), vm)?;
            status.set_item("hosts", vm.ctx.new_list(hosts.collect()).into(), vm)?;
        }
        Ok(status)
    }

    /// Asks for n more engines; they join within the next moments.
    #[pymethod]
    fn start_engines(zelf: &Py<Self>, n: u32, vm: &VirtualMachine) -> PyResult<()> {
        zelf.query(vm, |query| FromClient::StartEngines { query, count: n })
            .map(drop)
    }

    /// Stops these engines, and the whole cluster if asked to.
    #[pymethod]
    fn shutdown(
        zelf: &Py<Self>,
        targets: ArgSequence<u32>,
        cluster: bool,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let targets = targets.iter().copied().map(EngineId).collect();
        zelf.query(vm, |query| FromClient::Shutdown {
            query,
            targets,
            cluster,
        })
        .map(drop)
    }

    /// Waits until all parts of all groups are finished. Returns whether they are.
    #[pymethod]
    fn wait(
        _zelf: &Py<Self>,
        groups: ArgSequence<PyRef<Group>>,
        timeout: OptionalArg<Option<TimeoutSeconds>>,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let parts: Vec<_> = groups
            .iter()
            .map(|group| Arc::clone(group.parts()))
            .collect();
        let mut finished = 0;
        wait_until(vm, timeout.flatten(), |slice| {
            wait_all(&parts, &mut finished, slice)
        })
    }

    /// Waits until all parts of one of these groups are finished. Returns whether they are.
    #[pymethod]
    fn wait_any(
        zelf: &Py<Self>,
        groups: ArgSequence<PyRef<Group>>,
        timeout: OptionalArg<Option<TimeoutSeconds>>,
        vm: &VirtualMachine,
    ) -> PyResult<bool> {
        let parts: Vec<_> = groups
            .iter()
            .map(|group| Arc::clone(group.parts()))
            .collect();
        wait_until(vm, timeout.flatten(), |slice| {
            zelf.client.wait_any(&parts, slice)
        })
    }

    /// Ends the connection. What is unanswered is answered with that.
    #[pymethod]
    fn close(zelf: &Py<Self>) {
        zelf.client.close();
    }
}

fn ask_store<R>(
    vm: &VirtualMachine,
    ask: impl FnOnce(Patience<'_>) -> Result<R, RecordsError>,
) -> PyResult<R> {
    interruptibly(vm, Some(STORE_TIMEOUT), ask)?.map_err(|error| records::exception(vm, &error))
}

/// Returns the policy that a caller described.
pub(crate) fn policy(
    every_requests: Option<u64>,
    every_seconds: Option<f64>,
    restore_on_death: bool,
) -> Policy {
    Policy {
        checkpoint_every_requests: every_requests,
        checkpoint_every_us: every_seconds.map(|seconds| (seconds * 1e6) as u64),
        restore_on_death,
    }
}

fn noticed(vm: &VirtualMachine, notice: Notice) -> PyObjectRef {
    let none = || vm.ctx.none();
    let engine = |engine: EngineId| -> PyObjectRef { vm.ctx.new_int(engine.0).into() };
    let int = |value: u64| -> PyObjectRef { vm.ctx.new_int(value).into() };
    let text = |text: String| -> PyObjectRef { vm.ctx.new_str(text).into() };
    let parts = match notice {
        Notice::Restored {
            engine: new,
            replaces,
            checkpoint,
            checkpoint_us,
            requests_lost,
            left_out,
        } => {
            let left_out = left_out.into_iter().map(|left| (left.path, left.reason));
            vec![
                engine(new),
                engine(replaces),
                text(checkpoint),
                int(checkpoint_us),
                int(requests_lost),
                none(),
                crate::values::pairs(vm, left_out.collect()),
            ]
        }
        Notice::NotRestored {
            replaces,
            engine: new,
            reason,
            requests_lost,
        } => vec![
            new.map_or_else(none, engine),
            engine(replaces),
            none(),
            none(),
            int(requests_lost),
            text(reason),
        ],
        Notice::NotCheckpointed {
            engine: alive,
            reason,
        } => vec![engine(alive), none(), none(), none(), int(0), text(reason)],
        Notice::Locked { engines, holder } => {
            let engines = engines.into_iter().map(engine).collect();
            let engines = vm.ctx.new_list(engines).into();
            let holder = steering::holder(vm, holder);
            vec![none(), none(), holder, engines, int(0), none()]
        }
    };
    vm.ctx.new_tuple(parts).into()
}

fn requests_of(groups: &[PyRef<Group>]) -> Vec<RequestId> {
    groups
        .iter()
        .flat_map(|group| group.parts().unanswered())
        .collect()
}

/// Returns how this client is called in the cluster's lists: `ada@machine`.
fn user_name() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| "somebody".to_owned());
    match std::fs::read_to_string("/proc/sys/kernel/hostname") {
        Ok(machine) => format!("{user}@{}", machine.trim()),
        Err(_) => user,
    }
}

//! Clusters as Python starts, lists and stops them: arguments in, dicts out.
//! What happens is [`rhumba_engine::cluster`]'s.

use crate::failure;
use parking_lot::Mutex;
use rhumba_engine::cluster::{self, StartOptions, StartedCluster};
use rhumba_engine::tasks::TaskStoreOptions;
use rhumba_proto::message::Scheduling;
use rustpython_vm::builtins::{PyDictRef, PyList, PyStr};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Names the program to run for a cluster's processes, where that isn't the
/// program that is running: a console inside another program sets it.
pub const EXECUTABLE_VARIABLE: &str = "RHUMBA_EXECUTABLE";

/// The clusters that this process has started and that end with it.
static OWNED: Mutex<BTreeMap<PathBuf, StartedCluster>> = Mutex::new(BTreeMap::new());

pub(crate) fn start(
    count: u32,
    cluster_id: Option<String>,
    working_directory: Option<String>,
    daemonize: bool,
    task_store: TaskStoreOptions,
    vm: &VirtualMachine,
) -> PyResult<PyDictRef> {
    let working_directory = match working_directory {
        Some(directory) => PathBuf::from(directory),
        None => std::env::current_dir().map_err(|error| vm.new_os_error(error.to_string()))?,
    };
    let options = StartOptions {
        count,
        cluster_id,
        working_directory,
        module_directories: script_directory(vm).into_iter().collect(),
        daemonize,
        task_store,
        scheduling: Scheduling::default(),
        executable: executable(vm)?,
    };
    let started = vm.allow_threads(|| cluster::start(&options));
    let started = started.map_err(|error| failure::of_cluster(vm, &error))?;
    let described = vm.ctx.new_dict();
    let path = |path: &Path| vm.ctx.new_str(path.display().to_string()).into();
    let host: PyObjectRef = match started.host_pid() {
        Some(pid) => vm.ctx.new_int(pid).into(),
        None => vm.ctx.none(),
    };
    let entries: [(&str, PyObjectRef); 5] = [
        ("cluster_file", path(started.cluster_file())),
        ("cluster_id", vm.ctx.new_str(started.cluster_id()).into()),
        (
            "controller_pid",
            vm.ctx.new_int(started.controller_pid()).into(),
        ),
        ("host_pid", host),
        ("log_dir", path(started.log_directory())),
    ];
    for (name, value) in entries {
        described.set_item(name, value, vm)?;
    }
    if daemonize {
        started.detach();
    } else {
        OWNED
            .lock()
            .insert(started.cluster_file().to_owned(), started);
    }
    Ok(described)
}

pub(crate) fn stop(cluster_file: &str, vm: &VirtualMachine) -> PyResult<()> {
    let path = Path::new(cluster_file);
    let owned = OWNED.lock().remove(path);
    let stopped = vm.allow_threads(|| match owned {
        Some(owned) => owned.stop(),
        None => cluster::stop(path).map(drop),
    });
    stopped.map_err(|error| failure::of_cluster(vm, &error))
}

pub(crate) fn list(vm: &VirtualMachine) -> PyResult {
    let listed = vm.allow_threads(cluster::list);
    let listed = listed.map_err(|error| failure::of_cluster(vm, &error))?;
    let mut clusters = Vec::with_capacity(listed.len());
    for cluster in listed {
        let described = vm.ctx.new_dict();
        let mut engines = Vec::with_capacity(cluster.engines.len());
        for engine in cluster.engines {
            let entry = vm.ctx.new_dict();
            entry.set_item("id", vm.ctx.new_int(engine.id).into(), vm)?;
            entry.set_item("pid", vm.ctx.new_int(engine.pid).into(), vm)?;
            entry.set_item("state", vm.ctx.new_str(engine.state).into(), vm)?;
            engines.push(entry.into());
        }
        let file = cluster.cluster_file.display().to_string();
        described.set_item("id", vm.ctx.new_str(cluster.id).into(), vm)?;
        described.set_item("state", vm.ctx.new_str(cluster.state.name()).into(), vm)?;
        let controller_pid: PyObjectRef = match cluster.controller_pid {
            Some(pid) => vm.ctx.new_int(pid).into(),
            None => vm.ctx.none(),
        };
        described.set_item("controller_pid", controller_pid, vm)?;
        described.set_item("cluster_file", vm.ctx.new_str(file).into(), vm)?;
        described.set_item("engines", vm.ctx.new_list(engines).into(), vm)?;
        clusters.push(described.into());
    }
    Ok(vm.ctx.new_list(clusters).into())
}

/// Returns the folder that the running script's imports are looked up in first,
/// so that engines find the modules beside it too.
fn script_directory(vm: &VirtualMachine) -> Option<PathBuf> {
    let path = vm.sys_module.get_attr("path", vm).ok()?;
    let first = path
        .downcast_ref::<PyList>()?
        .borrow_vec()
        .first()
        .cloned()?;
    let first = first
        .downcast_ref::<PyStr>()?
        .to_string_lossy()
        .into_owned();
    (!first.is_empty()).then(|| PathBuf::from(first))
}

fn executable(vm: &VirtualMachine) -> PyResult<PathBuf> {
    match std::env::var_os(EXECUTABLE_VARIABLE) {
        Some(path) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => std::env::current_exe().map_err(|error| {
            vm.new_runtime_error(format!(
                "the running program can't be found ({error}); set {EXECUTABLE_VARIABLE} to rhumba's path"
            ))
        }),
    }
}

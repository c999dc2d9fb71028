//! Rust errors of the client's side as Python exceptions: which class says
//! what. The sentences are the errors' own.

use crate::checkpoints::CheckpointError;
use rhumba_engine::client::ClientError;
use rhumba_engine::cluster::ClusterError;
use rhumba_engine::cluster_file::ClusterFileError;
use rhumba_engine::proto::frame::FrameError;
use rhumba_engine::socket::{ConnectionError, PAYLOAD_BYTES_MAX_VARIABLE};
use rhumba_engine::store::StoreError;
use rhumba_interpreter::snapshot::{self, FormatError};
use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyTypeRef};
use std::fmt::Display;

pub(crate) fn of_client(vm: &VirtualMachine, error: &ClientError) -> PyBaseExceptionRef {
    match error {
        ClientError::ClusterFile(error) => of_cluster_file(vm, error),
        ClientError::Connection(error) => of_connection(vm, error),
        ClientError::Settings(message) => vm.new_value_error(message.clone()),
        ClientError::Refused(reason) => vm.new_runtime_error(reason.clone()),
        ClientError::Interrupted => vm.new_runtime_error(error.to_string()),
    }
}

pub(crate) fn of_cluster(vm: &VirtualMachine, error: &ClusterError) -> PyBaseExceptionRef {
    match error {
        ClusterError::ClusterFile(error) => of_cluster_file(vm, error),
        ClusterError::Client(error) => of_client(vm, error),
        ClusterError::WorkingDirectory { .. } => {
            new(vm, vm.ctx.exceptions.file_not_found_error.to_owned(), error)
        }
        ClusterError::EnginesMissing { .. } | ClusterError::Lingers { .. } => {
            new(vm, vm.ctx.exceptions.timeout_error.to_owned(), error)
        }
        ClusterError::Running(_)
        | ClusterError::Spawn { .. }
        | ClusterError::EndedEarly { .. }
        | ClusterError::StartGoesOn { .. }
        | ClusterError::Io(_) => vm.new_runtime_error(error.to_string()),
    }
}

pub(crate) fn of_cluster_file(vm: &VirtualMachine, error: &ClusterFileError) -> PyBaseExceptionRef {
    let exceptions = &vm.ctx.exceptions;
    let class = match error {
        ClusterFileError::NoCluster { .. } | ClusterFileError::Missing { .. } => {
            exceptions.file_not_found_error
        }
        ClusterFileError::Open { .. } | ClusterFileError::Foreign { .. } => {
            exceptions.permission_error
        }
        ClusterFileError::Unreadable { .. } | ClusterFileError::Home(_) => exceptions.os_error,
        ClusterFileError::Damaged { .. }
        | ClusterFileError::OtherVersion { .. }
        | ClusterFileError::NotAFile { .. }
        | ClusterFileError::Ambiguous { .. }
        | ClusterFileError::BadId(_) => exceptions.value_error,
    };
    new(vm, class.to_owned(), error)
}

pub(crate) fn of_snapshot(vm: &VirtualMachine, error: &FormatError) -> PyBaseExceptionRef {
    let sentence = format!("the snapshot can't be read: {error}");
    new(vm, snapshot::snapshot_error_type().clone(), &sentence)
}

pub(crate) fn of_checkpoint(vm: &VirtualMachine, error: &CheckpointError) -> PyBaseExceptionRef {
    match error {
        CheckpointError::Store(error) => of_store(vm, error),
        CheckpointError::NameOfPart(_) | CheckpointError::SeveralParts { .. } => {
            new(vm, vm.ctx.exceptions.value_error.to_owned(), error)
        }
    }
}

pub(crate) fn of_store(vm: &VirtualMachine, error: &StoreError) -> PyBaseExceptionRef {
    rhumba_engine::saved::failure(vm, error)
}

fn of_connection(vm: &VirtualMachine, error: &ConnectionError) -> PyBaseExceptionRef {
    let exceptions = &vm.ctx.exceptions;
    if let ConnectionError::Frame(FrameError::PayloadTooLarge { .. }) = error {
        let sentence = format!(
            "{error}, or start the cluster and what connects to it with a larger \
             {PAYLOAD_BYTES_MAX_VARIABLE}"
        );
        return vm.new_value_error(sentence);
    }
    let class = match error {
        ConnectionError::Timeout { .. } => exceptions.timeout_error,
        ConnectionError::ForeignController { .. } => exceptions.permission_error,
        ConnectionError::Stale { .. }
        | ConnectionError::Refused { .. }
        | ConnectionError::Closed { .. }
        | ConnectionError::Frame(_)
        | ConnectionError::Io(_) => exceptions.connection_error,
    };
    new(vm, class.to_owned(), error)
}

fn new(vm: &VirtualMachine, class: PyTypeRef, error: &impl Display) -> PyBaseExceptionRef {
    vm.new_exception_msg(class, error.to_string().into())
}

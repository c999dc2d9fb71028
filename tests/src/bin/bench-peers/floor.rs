//! What the machine's sockets give at best: the lower bound for anything that passes a controller.
//!
//! Three bare processes in the places of client, controller and engine hand a message of 64 bytes
//! on and back over Unix sockets, blocking, each on one thread: two round trips for each answer. Then the
//! first streams bytes to the second. Nothing is decoded, queued or decided.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

use anyhow::{Context, Result, bail};

pub const RELAY: &str = "--floor-relay";
pub const ECHO: &str = "--floor-echo";

const MESSAGE_BYTES: usize = 64;
const WARM_UP_COUNT: usize = 2_000;
const ROUND_COUNT: usize = 20_000;
const CHUNK_BYTES: usize = 256 << 10;
const STREAM_BYTES: usize = 1 << 30;
/// The first byte of the message after which a stream begins.
const STREAM_FOLLOWS: u8 = 1;

pub struct Floor {
    pub relayed_p50_us: f64,
    pub relayed_p99_us: f64,
    pub stream_mb_per_s: f64,
}

/// Plays the client: times messages through a relay, then a stream to it.
pub fn measure() -> Result<Floor> {
    let (mut relay, mut stream) = start(RELAY, &socket_path("client"))?;
    let mut message = [7_u8; MESSAGE_BYTES];
    let mut times_us = Vec::with_capacity(ROUND_COUNT);
    for round in 0..WARM_UP_COUNT + ROUND_COUNT {
        let begin = Instant::now();
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
        if round >= WARM_UP_COUNT {
            times_us.push(begin.elapsed().as_secs_f64() * 1e6);
        }
    }
    times_us.sort_by(f64::total_cmp);

    message[0] = STREAM_FOLLOWS;
    stream.write_all(&message)?;
    let chunk = vec![7_u8; CHUNK_BYTES];
    let begin = Instant::now();
    for _ in 0..STREAM_BYTES / CHUNK_BYTES {
        stream.write_all(&chunk)?;
    }
    stream.read_exact(&mut message)?;
    let stream_s = begin.elapsed().as_secs_f64();
    drop(stream);
    let status = relay.wait()?;
    if !status.success() {
        bail!("the relaying process ended with {status}");
    }
    Ok(Floor {
        relayed_p50_us: times_us[ROUND_COUNT / 2],
        relayed_p99_us: times_us[ROUND_COUNT * 99 / 100],
        stream_mb_per_s: STREAM_BYTES as f64 / 1048576.0 / stream_s,
    })
}

/// Plays the controller: hands each message on to an echo and its answer back, then swallows a stream.
pub fn relay(socket: &Path) -> Result<()> {
    let mut client = connect(socket)?;
    let (mut echo, mut engine) = start(ECHO, &socket_path("engine"))?;
    let mut message = [0_u8; MESSAGE_BYTES];
    loop {
        client.read_exact(&mut message)?;
        if message[0] == STREAM_FOLLOWS {
            break;
        }
        engine.write_all(&message)?;
        engine.read_exact(&mut message)?;
        client.write_all(&message)?;
    }
    drop(engine);
    echo.wait()?;
    let mut chunk = vec![0_u8; CHUNK_BYTES];
    let mut left = STREAM_BYTES;
    while left > 0 {
        let bytes = client.read(&mut chunk)?;
        if bytes == 0 {
            bail!("the stream ended early");
        }
        left -= bytes;
    }
    client.write_all(&message)?;
    Ok(())
}

/// Plays the engine: answers each message with itself until there are no more.
pub fn echo(socket: &Path) -> Result<()> {
    let mut stream = connect(socket)?;
    let mut message = [0_u8; MESSAGE_BYTES];
    while stream.read_exact(&mut message).is_ok() {
        stream.write_all(&message)?;
    }
    Ok(())
}

fn socket_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("rhumba-floor-{name}-{}", std::process::id()))
}

fn connect(socket: &Path) -> Result<UnixStream> {
    UnixStream::connect(socket).with_context(|| format!("connecting to {}", socket.display()))
}

/// Starts this executable in another role and waits until it has connected.
fn start(role: &str, socket: &Path) -> Result<(Child, UnixStream)> {
    let _ = std::fs::remove_file(socket);
    let listener =
        UnixListener::bind(socket).with_context(|| format!("listening on {}", socket.display()))?;
    // Not by its path, where a newer build may be by now.
    let child = Command::new("/proc/self/exe")
        .arg(role)
        .arg(socket)
        .spawn()
        .context("starting this executable again")?;
    let (stream, _) = listener.accept()?;
    std::fs::remove_file(socket)?;
    Ok((child, stream))
}

//! What is too large: named with the limit, and nothing else is lost.

use crate::support::{TestHome, finish};

fn run(script: &str, payload_bytes_max: &str) -> String {
    let home = TestHome::new();
    let script =
        format!("import ipyparallel as ipp\nrc = ipp.Client()\nrc.wait_for_engines(1)\n{script}");
    let mut command = home.command(["-n", "1", "-c", &script]);
    command.env("RHUMBA_PAYLOAD_BYTES_MAX", payload_bytes_max);
    finish(command, "").success()
}

/// Lets a command have so much of something, and never more.
fn limit(command: &mut std::process::Command, what: libc::__rlimit_resource_t, most: u64) {
    let limit = libc::rlimit {
        rlim_cur: most,
        rlim_max: most,
    };
    // SAFETY: a system call between fork and exec, which allocates nothing.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(command, move || {
            match libc::setrlimit(what, &raw const limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        });
    }
}

#[test]
fn a_result_that_is_too_large_is_refused_and_the_engine_goes_on() {
    let script = "try: rc[0].apply_sync(lambda: bytes(2_000_000))\n\
                  except ipp.RemoteError as error: print(error)\n\
                  print(rc[0].apply_sync(lambda: 5))\n";
    let out = run(script, "1000000");
    assert!(out.contains("the result can't be sent"), "{out}");
    assert!(out.contains("RHUMBA_PAYLOAD_BYTES_MAX"), "{out}");
    assert!(out.ends_with("\n5\n"), "{out}");
}

#[test]
fn what_is_too_large_to_send_is_refused_before_anything_is_sent() {
    let script = "try: rc[0].push({'a': bytes(2_000_000)}, block=True)\n\
                  except ValueError as error: print(error)\n\
                  print(rc[0].apply_sync(lambda: 'a' in globals()))\n";
    let out = run(script, "1000000");
    assert!(out.contains("more than the 1000000 bytes"), "{out}");
    assert!(out.ends_with("\nFalse\n"), "{out}");
}

#[test]
fn output_of_any_length_arrives_whole_and_long_errors_are_cut() {
    let script = "done = rc[0].execute(\"print('x' * 3_000_000)\", block=True)\n\
                  print(len(done.stdout))\n\
                  try: rc[0].execute(\"raise ValueError('y' * 30_000_000)\", block=True)\n\
                  except ipp.RemoteError as error: print(error.evalue[-35:])\n";
    let out = run(script, "1000000000");
    assert_eq!(out, "3000001\ny\n… cut here: 30000000 bytes in all\n");
}

#[test]
fn a_cell_of_nearly_the_limit_reaches_all_engines() {
    let home = TestHome::new();
    let script = "import ipyparallel as ipp\n\
                  rc = ipp.Client()\n\
                  rc.wait_for_engines(2)\n\
                  for view in rc[:], rc.broadcast_view():\n    \
                      view.execute('#' * (16 * 2**20 - 60), block=True)\n\
                  print(rc.ids)\n";
    let out = finish(home.command(["-n", "2", "-c", script]), "").success();
    assert_eq!(out, "[0, 1]\n");
}

#[test]
fn large_values_arrive_where_no_file_can_be_opened() {
    let script = "def fill():\n    \
                      import resource\n    \
                      most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n    \
                      resource.setrlimit(resource.RLIMIT_NOFILE, (200, most))\n    \
                      global files\n    \
                      files = []\n    \
                      try:\n        \
                          while True: files.append(open('/dev/null'))\n    \
                      except OSError as error: return error.strerror\n\
                  rc[0].execute('kept = 5', block=True)\n\
                  print(rc[0].apply_sync(fill))\n\
                  for size in range(2_000_000, 2_000_030):\n    \
                      rc[0].push({'sent': bytes(size)}, block=True)\n\
                  print(rc[0].apply_sync(lambda: (kept, len(sent))))\n\
                  rc[0].execute('files.clear()', block=True)\n\
                  print(fill())\n\
                  sizes = [len(rc[0].apply_sync(bytes, 2_000_000)) for _ in range(30)]\n\
                  files.clear()\n\
                  print(set(sizes))\n";
    let out = run(script, "");
    assert_eq!(
        out,
        "Too many open files\n(5, 2000029)\nToo many open files\n{2000000}\n"
    );
}

#[test]
fn every_engine_that_joins_can_be_killed_however_few_files_its_host_may_open() {
    let home = TestHome::new();
    let mut start = home.command(["cluster", "start", "-n", "0", "--daemonize"]);
    limit(&mut start, libc::RLIMIT_NOFILE, 60);
    finish(start, "").success();
    // What the host is told behind the start it does when all that it can start are there.
    let script = "import ipyparallel as ipp, signal, time\n\
                  rc = ipp.Client()\n\
                  rc._connection.start_engines(20)\n\
                  rc.wait_for_engines(6, timeout=60)\n\
                  until = time.monotonic() + 60\n\
                  while rc.ids and time.monotonic() < until:\n    \
                      for engine in rc.ids:\n        \
                          try: rc.send_signal(signal.SIGKILL, targets=engine, block=True)\n        \
                          except Exception: pass\n    \
                      time.sleep(0.05)\n\
                  print(rc.ids)\n";
    let out = finish(home.command(["-c", script]), "").success();
    assert_eq!(out, "[]\n");
    finish(home.command(["cluster", "stop"]), "").success();
}

#[test]
fn a_limit_that_is_no_number_is_named() {
    let home = TestHome::new();
    let mut command = home.command(["-n", "1", "-c", "import ipyparallel; ipyparallel.Client()"]);
    command.env("RHUMBA_PAYLOAD_BYTES_MAX", "1 GiB");
    let said = finish(command, "").failure(1);
    assert!(
        said.contains("RHUMBA_PAYLOAD_BYTES_MAX must be a number of bytes"),
        "{said}"
    );
}

#[test]
fn the_limit_of_the_cluster_holds_for_all_who_connect() {
    let home = TestHome::new();
    let mut start = home.command(["cluster", "start", "-n", "1", "--daemonize"]);
    start.env("RHUMBA_PAYLOAD_BYTES_MAX", "1000000");
    finish(start, "").success();
    let script = "import ipyparallel as ipp\n\
                  rc = ipp.Client()\n\
                  rc.wait_for_engines(1)\n\
                  try: rc[0].push({'a': bytes(2_000_000)}, block=True)\n\
                  except ValueError as error: print(error)\n\
                  print(len(rc[0].apply_sync(lambda: bytes(500_000))))\n";
    // Nothing is the same as no limit of one's own, and a smaller one is for what is sent.
    for limit in ["", "100000"] {
        let mut command = home.command(["-c", script]);
        command.env("RHUMBA_PAYLOAD_BYTES_MAX", limit);
        let out = finish(command, "").success();
        let named = if limit.is_empty() { "1000000" } else { limit };
        assert!(
            out.contains(&format!("more than the {named} bytes")),
            "{out}"
        );
        assert!(out.contains("RHUMBA_PAYLOAD_BYTES_MAX"), "{out}");
        assert!(out.ends_with("\n500000\n"), "{out}");
    }
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_large_snapshots_are_copied() {
    let home = TestHome::new();
    let script = "from rhumba import namespace\n\
                  raw = bytes(70 << 20)\n\
                  print(namespace.loads(namespace.dumps(raw)) == raw)\n\
                  try: open('f', 'wb').write(raw)\n\
                  except OSError as error: print(error.strerror)\n\
                  print('x' * 100)\n";
    let mut command = home.command(["-c", script]);
    limit(&mut command, libc::RLIMIT_FSIZE, 100 << 10);
    let out = finish(command, "").success();
    assert_eq!(out, format!("True\nFile too large\n{}\n", "x".repeat(100)));
}

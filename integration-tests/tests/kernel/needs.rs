//! What tests need of the machine, found out by trying, once.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use tapline_integration_tests::{Scratch, tapline};
use tokio::runtime::Runtime;

use tapline_integration_tests::Program;

use crate::harness::Missing;

const TAP_ONLY: &str = "
receivers:
  ebpf:
    capture: ${env:TAPLINE_TEST_CAPTURE:-auto}
exporters:
  debug: {}
service:
  pipelines:
    traces: {receivers: [ebpf], exporters: [debug]}
";

/// A machine that can be tapped.
pub(crate) fn tap() -> Result<(), Missing> {
    tried_tap().clone().map(drop).map_err(Missing::Machine)
}

/// A way to notice bytes that sees more than packets.
pub(crate) fn unix_sockets() -> Result<(), Missing> {
    unless_by_packets("bytes are noticed by packets here, and AF_UNIX has none")
}

/// A way to notice bytes that sees datagrams.
pub(crate) fn udp() -> Result<(), Missing> {
    unless_by_packets("bytes are noticed by packets here, and those of UDP are not looked at")?;
    unless_by_calls("bytes are noticed as calls end here, and those of UDP are not looked at")
}

/// A way to notice bytes that finds them in every call that receives.
pub(crate) fn every_call() -> Result<(), Missing> {
    unless_by_packets(
        "bytes are noticed by packets here: what recvmmsg, splice, io_uring and 32-bit programs \
         receive is counted without being read",
    )?;
    unless_by_calls(
        "bytes are noticed as calls end here: 32-bit programs and io_uring are not seen, and what \
         recvmmsg and splice receive is counted without being read",
    )
}

/// A way to notice bytes that reads them in every call that sends.
pub(crate) fn every_sending_call() -> Result<(), Missing> {
    unless_by_calls(
        "bytes are noticed as calls end here: 32-bit programs are not seen, and what sendmmsg, \
         sendfile and vectors of more than 32 pieces send is counted without being read",
    )
}

/// Bytes that are noticed as calls end.
pub(crate) fn noticed_as_calls_end() -> Result<(), Missing> {
    if unless_by_calls("").is_err() {
        return Ok(());
    }
    let why = "bytes are not noticed as calls end here, and other tests are stricter";
    Err(Missing::Capture(why.to_owned()))
}

/// A way to notice bytes that says which library encrypted them, and a kernel that probes it. That
/// the probes were refused is no reason to skip anything.
pub(crate) fn tls() -> Result<(), Missing> {
    unless_by_packets("bytes are noticed by packets here, which do not say who encrypted them")?;
    unless_by_calls("bytes are noticed as calls end here, which is too late to say who encrypted")?;
    match tried_tap() {
        Ok(log) if log.contains("this kernel has no uprobe.multi") => {
            let why = "this kernel has no uprobe.multi, which came with 6.6";
            Err(Missing::Capture(why.to_owned()))
        }
        _ => Ok(()),
    }
}

fn unless_by_packets(why: &str) -> Result<(), Missing> {
    unless_noticed_by("packet", why)
}

fn unless_by_calls(why: &str) -> Result<(), Missing> {
    unless_noticed_by("syscall", why)
}

fn unless_noticed_by(capture: &str, why: &str) -> Result<(), Missing> {
    let said = format!("\"capture\": \"{capture}\"");
    match tried_tap() {
        Ok(log) if log.contains(&said) => Err(Missing::Capture(why.to_owned())),
        _ => Ok(()),
    }
}

/// What a daemon said that could tap this machine, or why it could not.
fn tried_tap() -> &'static Result<String, String> {
    static TRIED: OnceLock<Result<String, String>> = OnceLock::new();
    TRIED.get_or_init(try_tap)
}

/// Root, who may run programs as somebody else.
pub(crate) fn root() -> Result<(), Missing> {
    let id = Command::new("id").arg("-u").output();
    let id = id.map_err(|error| Missing::Machine(format!("no id: {error}")))?;
    if id.stdout.trim_ascii() == b"0" {
        Ok(())
    } else {
        Err(Missing::Machine("not root".to_owned()))
    }
}

/// A loopback address of IPv6.
pub(crate) fn ipv6() -> Result<(), Missing> {
    let bound = std::net::TcpListener::bind("[::1]:0");
    bound
        .map(drop)
        .map_err(|error| Missing::Machine(format!("no IPv6 on loopback: {error}")))
}

/// A Python to run servers and clients with.
pub(crate) fn python() -> Result<(), Missing> {
    found_python().clone().map(drop).map_err(Missing::Program)
}

/// `curl`.
pub(crate) fn curl() -> Result<(), Missing> {
    answers("curl", "--version")
}

/// unbound, dig, and the right to give a program a resolver of its own.
pub(crate) fn dns() -> Result<(), Missing> {
    root()?;
    answers("unbound", "-V")?;
    answers("dig", "-v")?;
    answers("unshare", "--version")
}

/// A C compiler.
pub(crate) fn gcc() -> Result<(), Missing> {
    answers("gcc", "--version")
}

/// A kernel that lets programs use io_uring.
pub(crate) fn io_uring() -> Result<(), Missing> {
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    match disabled.as_deref().map(str::trim) {
        Ok("0") => Ok(()),
        _ => Err(Missing::Machine(
            "no io_uring, or it is disabled".to_owned(),
        )),
    }
}

/// `nginx`.
pub(crate) fn nginx() -> Result<(), Missing> {
    answers("nginx", "-v")
}

/// PHP-FPM, whose name has a version.
pub(crate) fn php_fpm() -> Result<(), Missing> {
    let path = php_fpm_path().ok_or_else(|| Missing::Program("no php-fpm".to_owned()))?;
    answers(&path.to_string_lossy(), "--version")
}

/// Returns where it is.
pub(crate) fn php_fpm_path() -> Option<PathBuf> {
    let entries = std::fs::read_dir("/usr/sbin").ok()?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("php-fpm"))
        })
        .max()
}

/// `h2load`, of nghttp2.
pub(crate) fn h2load() -> Result<(), Missing> {
    answers("h2load", "--version")
}

/// `openssl`, which makes certificates.
pub(crate) fn openssl() -> Result<(), Missing> {
    answers("openssl", "version")
}

/// `wget`, with GnuTLS as Debian builds it.
pub(crate) fn wget() -> Result<(), Missing> {
    let told = Command::new("wget").arg("--version").output();
    let told = told.map_err(|error| Missing::Program(format!("no wget: {error}")))?;
    if String::from_utf8_lossy(&told.stdout).contains("+ssl/gnutls") {
        Ok(())
    } else {
        Err(Missing::Program("a wget without GnuTLS".to_owned()))
    }
}

/// `node`.
pub(crate) fn node() -> Result<(), Missing> {
    answers("node", "--version")
}

/// `busybox`, with a web server among its applets.
pub(crate) fn busybox() -> Result<(), Missing> {
    let listed = Command::new("busybox").arg("--list").output();
    let listed = listed.map_err(|error| Missing::Program(format!("no busybox: {error}")))?;
    if listed
        .stdout
        .split(|byte| *byte == b'\n')
        .any(|applet| applet == b"httpd")
    {
        Ok(())
    } else {
        Err(Missing::Program("busybox has no httpd".to_owned()))
    }
}

/// Control groups that can be made.
pub(crate) fn control_groups() -> Result<(), Missing> {
    let found = cgroups().map(drop);
    found.ok_or_else(|| Missing::Machine("no control groups can be made".to_owned()))
}

/// Returns where control groups are made that every kind of process may be in.
pub(crate) fn cgroups() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (at, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let is_plain = kind == "cgroup2" || (kind == "cgroup" && options.contains("freezer"));
        is_plain.then(|| PathBuf::from(at))
    });
    let can_make = |at: &PathBuf| {
        let probe = at.join(format!("tapline-probe-{}", std::process::id()));
        std::fs::create_dir(&probe).is_ok() && std::fs::remove_dir(&probe).is_ok()
    };
    mounted.into_iter().find(can_make)
}

/// Redis with its clients.
pub(crate) fn redis() -> Result<(), Missing> {
    ["redis-server", "redis-cli", "redis-benchmark"]
        .into_iter()
        .try_for_each(|program| answers(program, "--version"))
}

/// Memcached.
pub(crate) fn memcached() -> Result<(), Missing> {
    answers("memcached", "--version")
}

/// MariaDB with its client.
pub(crate) fn mariadb() -> Result<(), Missing> {
    ["mariadbd", "mariadb"]
        .into_iter()
        .try_for_each(|program| answers(program, "--version"))
}

/// NATS.
pub(crate) fn nats() -> Result<(), Missing> {
    answers("nats-server", "--version")
}

/// `RabbitMQ`, as Debian installs it.
pub(crate) fn rabbitmq() -> Result<(), Missing> {
    let server = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    if server.exists() {
        Ok(())
    } else {
        Err(Missing::Program(format!("no {}", server.display())))
    }
}

/// A broker of MQTT.
pub(crate) fn mosquitto() -> Result<(), Missing> {
    if Path::new("/usr/sbin/mosquitto").exists() {
        Ok(())
    } else {
        Err(Missing::Program("no /usr/sbin/mosquitto".to_owned()))
    }
}

/// PostgreSQL with its clients, and a user that it runs as.
pub(crate) fn postgres() -> Result<(), Missing> {
    let directory = postgres_directory()
        .ok_or_else(|| Missing::Program("no PostgreSQL in /usr/lib/postgresql".to_owned()))?;
    for program in ["initdb", "postgres", "psql", "pgbench"] {
        answers(&directory.join(program).to_string_lossy(), "--version")?;
    }
    if root().is_ok() {
        answers("setpriv", "--version")?;
    }
    Ok(())
}

/// Returns where the newest PostgreSQL has its programs: Debian's are not in the path.
pub(crate) fn postgres_directory() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    programs
        .filter(|directory| directory.join("postgres").exists())
        .max()
}

/// Returns the interpreter itself: `python3` may be a script that looks for one.
pub(crate) fn python_path() -> &'static Path {
    found_python()
        .as_deref()
        .expect("a test that uses Python needs `python`")
}

fn found_python() -> &'static Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let tell = "import os, sys; print(os.path.realpath(sys.executable))";
        let told = Command::new("python3").args(["-c", tell]).output();
        let told = told.map_err(|error| format!("no python3: {error}"))?;
        let path = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        if path.is_empty() {
            Err("python3 does not run".to_owned())
        } else {
            Ok(path.into())
        }
    })
}

fn answers(program: &str, flag: &str) -> Result<(), Missing> {
    let mut command = Command::new(program);
    command
        .arg(flag)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Missing::Program(format!(
            "{program} does not run: {status}"
        ))),
        Err(error) => Err(Missing::Program(format!("no {program}: {error}"))),
    }
}

fn try_tap() -> Result<String, String> {
    let scratch = Scratch::new();
    let config = scratch.file("tap.yaml", TAP_ONLY);
    let runtime = Runtime::new().expect("a runtime can be started");
    runtime.block_on(async {
        let mut command = tokio::process::Command::new(tapline());
        command.arg("--config").arg(config);
        let mut daemon = Program::start(command);
        if daemon.says_before_it_ends("Everything is ready").await {
            return Ok(daemon.said());
        }
        let said = daemon.end().await.stderr;
        Err(said.lines().map(str::trim).collect::<Vec<_>>().join("; "))
    })
}

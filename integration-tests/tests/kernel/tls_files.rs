//! Libraries that are not where they seem to be: replaced under a running program, private to a
//! container, or inside a file with another name.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tapline_integration_tests::{Program, Scratch};
use tokio::process::Command;

use crate::{
    actors::{Server, script, script_of},
    daemon::Daemon,
    harness::Missing,
    needs::python_path,
    packages::Packages,
    spans,
    tls::run,
    tls_actors::{Plan, assert_encrypted, certificate, python_client, python_server},
};

const CURL_CFFI: Packages = Packages {
    name: "curl-cffi",
    wanted: &["curl_cffi==0.17.0"],
};
const PLAN: Plan = Plan {
    connections: 3,
    requests: 2,
    prefix: "",
};

/// A client with `BoringSSL` inside, whose symbols were left.
pub(crate) fn curl_cffi() -> Result<(), Missing> {
    CURL_CFFI.python().map(drop)
}

pub(crate) async fn one_that_was_replaced_since_its_program_began_is_read() {
    let scratch = Scratch::new();
    let copy = copied(&openssl_of_python().await, &scratch);
    let mut command = python_server(&scratch, "threads");
    command.env("LD_LIBRARY_PATH", copy.parent().expect("it is in a folder"));
    let server = Server::start(command).await;
    let folder = copy.parent().expect("it is in a folder").display();
    let maps = format!("/proc/{}/maps", server.program.pid());
    let maps = fs::read_to_string(maps).expect("it runs");
    assert!(
        maps.contains(&format!("{folder}/libssl")),
        "not ours: {maps}"
    );
    // As a package manager does it: another file takes the name.
    let next = scratch.file("next", "not a library");
    fs::rename(next, &copy).expect("our own directory");
    asked(&server, "b6d1-replaced").await;
}

pub(crate) async fn one_that_only_a_container_has_is_read() {
    let scratch = Scratch::new();
    let library = openssl_of_python().await;
    let copy = copied(&library, &scratch);
    let mut command = Command::new("unshare");
    let inside = "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"";
    command.args(["--mount", "sh", "-c", inside, "sh"]);
    command.arg(&copy).arg(&library);
    command
        .arg(python_path())
        .arg("-u")
        .arg(script_of("tls_app.py"));
    command.arg(certificate(&scratch)).arg("threads");
    let server = Server::start(command).await;
    asked(&server, "c7e2-container").await;
}

/// The system's library is probed in any case; the server's must be, too.
async fn asked(server: &Server, prefix: &'static str) {
    let daemon = Daemon::start().await;
    let plan = Plan { prefix, ..PLAN };
    run(python_client(server.port, "many", &plan)).await;
    let told = daemon.stop_when(|seen| plan.is_told(seen)).await;
    plan.assert_told(&told.seen);
}

pub(crate) async fn boringssl_in_a_file_with_another_name_is_found_when_it_speaks() {
    let scratch = Scratch::new();
    let server = Server::start(python_server(&scratch, "threads")).await;
    let mut command = Command::new(CURL_CFFI.python().expect("a need"));
    command.arg(script_of("curl_cffi_ask.py"));
    command.arg(server.port.to_string());
    let mut client = Program::start(command);
    let daemon = Daemon::start().await;
    // Each line is one connection; the first one says that there is something to be looked for.
    let mut round = 0;
    loop {
        let path = format!("/d8f3-boring/{round}");
        assert_eq!(client.ask(&path).await, format!("told {path}"));
        round += 1;
        let heard = |seen: &_| !spans::clients(seen, "/d8f3-boring/").is_empty();
        if daemon.hears(heard).await {
            break;
        }
    }
    assert_eq!(client.ask("/e9a4-boring").await, "told /e9a4-boring");
    let told = daemon
        .stop_when(|seen| spans::count(seen, "/e9a4-boring") >= 2)
        .await;
    assert_encrypted(&spans::client(&told.seen, "/e9a4-boring"));
    assert_encrypted(&spans::server(&told.seen, "/e9a4-boring"));
}

/// Returns where the library is that Python uses.
async fn openssl_of_python() -> PathBuf {
    let mut command = script("tls_library");
    command.env_remove("LD_LIBRARY_PATH");
    let told = Program::run(command).await;
    let path = told.stdout.trim().to_owned();
    assert!(!path.is_empty(), "{}", told.stderr);
    path.into()
}

fn copied(library: &Path, scratch: &Scratch) -> PathBuf {
    let folder = scratch.path().join("lib");
    fs::create_dir(&folder).expect("our own directory");
    let name = library.file_name().expect("a file");
    let copy = folder.join(name);
    fs::copy(library, &copy).expect("it can be read");
    copy
}

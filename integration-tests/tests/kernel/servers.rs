//! Servers of Python out of PyPI: each runs an application of another name, and is told by that.

use tapline_integration_tests::{Program, Scratch};
use tokio::process::Command;

use crate::{
    actors::{curl, free_port},
    daemon::Daemon,
    harness::Missing,
    packages::Packages,
    spans,
};

const SERVERS: Packages = Packages {
    name: "servers",
    wanted: &["gunicorn==23.0.0", "uvicorn==0.34.0", "setproctitle==1.3.4"],
};
const APPLICATION: &str = r#"
def wsgi(environ, start):
    start("200 OK", [("Content-Length", "5")])
    return [b"hello"]


async def asgi(scope, receive, send):
    headers = [(b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})
"#;

/// A Python with all of them.
pub(crate) fn packages() -> Result<(), Missing> {
    SERVERS.python().map(drop)
}

/// By the launcher in its environment's folder, by a module, and by a title that workers take.
pub(crate) async fn are_named_by_what_they_run() {
    let scratch = Scratch::new();
    scratch.file("shop_a1c2.py", APPLICATION);
    scratch.file("till_a1c2.py", APPLICATION);
    let python = SERVERS.python().expect("a need");
    let (first, second) = (free_port(), free_port());
    let mut gunicorn = Command::new(python.with_file_name("gunicorn"));
    gunicorn.args(["--bind", &format!("127.0.0.1:{first}"), "shop_a1c2:wsgi"]);
    let mut uvicorn = Command::new(&python);
    let port = second.to_string();
    uvicorn.args([
        "-m",
        "uvicorn",
        "--lifespan",
        "off",
        "--port",
        &port,
        "till_a1c2:asgi",
    ]);
    let (gunicorn, uvicorn) = (
        Program::start(in_folder(gunicorn, &scratch)),
        Program::start(in_folder(uvicorn, &scratch)),
    );
    gunicorn
        .error_line(|line| line.contains("Booting worker"))
        .await;
    uvicorn.error_line(|line| line.contains("running on")).await;
    let daemon = Daemon::start().await;
    for port in [first, second] {
        let url = format!("http://127.0.0.1:{port}/a1c2-server/{port}");
        assert_eq!(curl(&[], &url).await.stdout, "200 5");
    }
    let told = daemon
        .stop_when(|seen| spans::servers(seen, "/a1c2-server").len() >= 2)
        .await;
    for (port, service) in [(first, "shop_a1c2"), (second, "till_a1c2")] {
        let answered = spans::server(&told.seen, &format!("/a1c2-server/{port}"));
        assert_eq!(
            spans::service(&answered),
            service,
            "{}",
            spans::describe(&answered)
        );
    }
    gunicorn.terminate();
    uvicorn.terminate();
}

fn in_folder(mut command: Command, scratch: &Scratch) -> Command {
    command.current_dir(scratch.path());
    command
}

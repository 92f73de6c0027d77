//! A real nginx with a configuration of the test's.

use std::path::Path;

use tapline_integration_tests::{Program, Scratch, terminate};
use tokio::process::Command;

use crate::{actors::free_port, needs};

/// A running nginx. Killing its master would leave its worker behind, so both are asked to end.
pub(crate) struct Nginx {
    program: Program,
    worker: u32,
    /// Where it listens, on loopback.
    pub(crate) port: u16,
    /// Its files.
    pub(crate) scratch: Scratch,
}

impl Nginx {
    /// Starts one with lines for its `http` block, words for its `listen`, and lines for its
    /// `server` block; `$directory` in them is that of its files.
    pub(crate) async fn start(http: &str, listen: &str, server: &str) -> Self {
        let scratch = Scratch::new();
        let port = free_port();
        let text = config(scratch.path(), port, [http, listen, server]);
        let config = scratch.file("nginx.conf", &text);
        let mut command = Command::new("nginx");
        command
            .args(["-e", "stderr", "-g", "daemon off;", "-p"])
            .arg(scratch.path())
            .arg("-c")
            .arg(config);
        let program = Program::start(command);
        // It listens before it starts its worker, and says at this level that it did.
        let worker = program.error_line(|line| worker_in(line).is_some()).await;
        let worker = worker_in(&worker).expect("was found");
        Self {
            program,
            worker,
            port,
            scratch,
        }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master first, so that it does not replace its worker.
        self.program.terminate();
        terminate(self.worker);
    }
}

/// Finds the process id in nginx's notice that it started a worker.
fn worker_in(line: &str) -> Option<u32> {
    let (_, pid) = line.split_once("start worker process ")?;
    pid.trim().parse().ok()
}

fn config(directory: &Path, port: u16, [http, listen, server]: [&str; 3]) -> String {
    // Only root may name a user, and has to, for a worker that may write our directory.
    let user = if needs::root().is_ok() {
        "user root;"
    } else {
        ""
    };
    let text = format!(
        "
{user}
worker_processes 1;
pid $directory/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path $directory/body;
    proxy_temp_path $directory/proxy;
    fastcgi_temp_path $directory/fastcgi;
    uwsgi_temp_path $directory/uwsgi;
    scgi_temp_path $directory/scgi;
    {http}
    server {{
        listen 127.0.0.1:{port} {listen};
        {server}
    }}
}}
"
    );
    text.replace("$directory", &directory.display().to_string())
}

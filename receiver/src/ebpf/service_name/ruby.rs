//! Ruby: servers name themselves after the folder of the application.

use super::{
    Program,
    command::{Found, option},
    project_of, stem,
};

/// Tools that run the application in the folder they are started in.
const SERVERS: [&str; 10] = [
    "puma",
    "rails",
    "rackup",
    "unicorn",
    "thin",
    "falcon",
    "passenger",
    "sidekiq",
    "rake",
    "spring",
];

/// Names the application that a Ruby server runs.
pub(super) fn name(program: &Program<'_>, found: &Found<'_>) -> Option<String> {
    let mut tool = stem(found.program);
    if matches!(tool, "bundle" | "bundler") {
        let exec = found.rest.iter().position(|arg| *arg == "exec")?;
        tool = stem(found.rest.get(exec + 1)?);
    }
    if !SERVERS.contains(&tool) {
        return None;
    }
    let folder = option(found.rest, &["--dir", "-C"]).filter(|folder| folder.starts_with('/'));
    folder.and_then(project_of).or_else(|| program.project())
}

/// `puma 6.4.2 (tcp://0.0.0.0:3000) [shop]`, `sidekiq 7.2.1 shop [0 of 5 busy]`.
pub(super) fn titled(title: &str) -> Option<String> {
    if title.starts_with("puma ") || title.starts_with("puma: ") {
        let (_, name) = title.rsplit_once('[')?;
        return name
            .strip_suffix(']')
            .filter(|name| !name.is_empty())
            .map(ToOwned::to_owned);
    }
    let mut words = title.strip_prefix("sidekiq ")?.split(' ');
    words.next()?;
    let name = words.next().filter(|name| !name.starts_with('['))?;
    Some(name.to_owned())
}

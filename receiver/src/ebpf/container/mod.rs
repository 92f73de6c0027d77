//! Finds the container that a process is in: by its cgroup path, else by what is mounted into it.
//!
//! Two rules hold for every runtime and cgroup driver: the last id in the path is the container,
//! because what follows are subgroups of its own making, and what comes before are containers
//! around it; and an id is 64 hex digits that no other hex digit touches. What a runtime would have
//! to be asked for is not known here. Naming the pod is a processor's job.

mod name;
#[cfg(test)]
mod tests;

pub(crate) use name::docker_name;

/// A container, as far as the kernel's files tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Container {
    /// `container.id`; empty for those that have only a name (LXC, systemd-nspawn).
    pub(crate) id: String,
    /// Its name, where the cgroup or a file of the runtime has it.
    pub(crate) name: Option<String>,
    /// The host name inside: what runtimes that keep the name to themselves were told, or made of
    /// the id.
    pub(crate) host_name: Option<String>,
}

/// Digits of an id.
const ID_DIGITS: usize = 64;
/// Digits of a task of ECS on Fargate, which a number of ten digits or so follows.
const TASK_DIGITS: usize = 32;

/// Reads `/proc/PID/cgroup`: every hierarchy is looked at, because of hybrids only one may know.
pub(crate) fn from_cgroups(file: &str) -> Option<Container> {
    let paths = || file.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths()
        .find_map(id_in_path)
        .map(with_id)
        .or_else(|| paths().find_map(named_in_path))
}

/// Says whether the paths stop at a border of namespaces, so that what is above is not seen.
pub(crate) fn is_cut(file: &str) -> bool {
    let mut paths = file.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.all(|path| path == "/" || path.starts_with("/.."))
}

/// Reads `/proc/PID/mountinfo`: runtimes mount files into a container from a folder named after it.
pub(crate) fn from_mounts(file: &str) -> Option<Container> {
    file.lines().find_map(mounted).map(with_id)
}

/// Takes the id from a line of `mountinfo`.
fn mounted(line: &str) -> Option<&str> {
    let mut fields = line.split(' ').skip(3);
    let (root, at) = (fields.next()?, fields.next()?);
    let folder = match at {
        // Without `docker`, because its folder may be a file system of its own.
        "/etc/hostname" | "/etc/resolv.conf" | "/etc/hosts" => "containers",
        // Podman's own mark. Its other files may belong to the container that holds the pod.
        "/run/.containerenv" => "overlay-containers",
        _ => return None,
    };
    let mut parts = root.split('/').skip_while(|part| *part != folder).skip(1);
    let id = parts.next()?;
    is_id(id).then_some(id)
}

fn with_id(id: &str) -> Container {
    Container {
        id: id.to_owned(),
        ..Container::default()
    }
}

/// Parts are tried from the end; the monitor beside a container is in none.
fn id_in_path(path: &str) -> Option<&str> {
    for part in path.rsplit('/') {
        if part.contains("-conmon-") {
            return None;
        }
        if let Some(id) = id_in_part(part) {
            return Some(id);
        }
    }
    None
}

/// `<id>`, `docker-<id>.scope`, `kubepods-...:cri-containerd:<id>`, `<task>-<number>`.
fn id_in_part(part: &str) -> Option<&str> {
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let tokens = part.split(|c: char| !c.is_ascii_alphanumeric());
    if let Some(id) = tokens.rev().find(|token| is_id(token)) {
        return Some(id);
    }
    let (task, number) = part.split_once('-')?;
    let is_task = task.len() == TASK_DIGITS && task.as_bytes().iter().all(is_hex);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_task && is_number).then_some(part)
}

fn is_id(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == ID_DIGITS && text.bytes().all(is_hex)
}

/// `/lxc/<name>`, `/lxc.payload.<name>`, `machine-<name>.scope`, and `/docker/buildkit/<id>`.
fn named_in_path(path: &str) -> Option<Container> {
    let named = |name: &str| {
        (!name.is_empty()).then(|| Container {
            name: Some(name.to_owned()),
            ..Container::default()
        })
    };
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        let following = parts.peek().copied().unwrap_or_default();
        if part == "lxc" && following != "monitor" {
            return named(following);
        }
        if let Some(name) = part.strip_prefix("lxc.payload.") {
            return named(name);
        }
        if part == "buildkit" && !following.is_empty() {
            return Some(with_id(following));
        }
        let machine = part.strip_prefix("machine-");
        if let Some(name) = machine.and_then(|rest| rest.strip_suffix(".scope")) {
            return named(&name.replace("\\x2d", "-"));
        }
    }
    None
}

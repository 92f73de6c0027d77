//! Finds the container id in a cgroup path.
//!
//! Runtimes and cgroup drivers write it in many forms, all of which have 64 hex digits in the last
//! part of the path that is not a subgroup of the container's own making. Naming the container or
//! its pod is a processor's job.

/// Returns the container id from the text of `/proc/PID/cgroup`, if the process is in one.
pub(crate) fn container_id(cgroup_file: &str) -> Option<&str> {
    let mut paths = cgroup_file
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2));
    paths.find_map(from_path)
}

/// The id may be followed by the container's own subgroups, so parts are tried from the end.
fn from_path(path: &str) -> Option<&str> {
    path.rsplit('/').find_map(from_part)
}

/// `<id>`, `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>`, `libpod-<id>.scope`,
/// `kubepods-...:cri-containerd:<id>`.
fn from_part(part: &str) -> Option<&str> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    if part.starts_with("crio-conmon-") || part.starts_with("libpod-conmon-") {
        return None; // the monitor beside the container, not the container
    }
    let id = part.rsplit(['-', ':']).next()?;
    let hex = id
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (id.len() == 64 && hex).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f1e9d0c2b4a58677685941a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e";

    #[test]
    fn finds_the_id_in_every_known_form() {
        for form in [
            "0::/docker/ID",
            "0::/system.slice/docker-ID.scope",
            "0::/kubepods.slice/kubepods-pod12.slice/cri-containerd-ID.scope",
            "0::/kubepods/burstable/pod1234/ID",
            "0::/kubepods-besteffort-pod12.slice:cri-containerd:ID",
            "0::/machine.slice/libpod-ID.scope/container",
            "0::/../crio-ID.scope",
            "12:cpu:/\n5:memory:/docker/ID\n",
        ] {
            let text = form.replace("ID", ID);
            assert_eq!(container_id(&text), Some(ID), "{form}");
        }
    }

    #[test]
    fn finds_none_where_there_is_none() {
        for text in [
            "",
            "0::/",
            "0::/user.slice/user-0.slice/session-1.scope",
            "0::/init.scope",
        ] {
            assert_eq!(container_id(text), None, "{text}");
        }
        let monitor = format!("0::/machine.slice/libpod-conmon-{ID}.scope");
        assert_eq!(container_id(&monitor), None);
    }
}

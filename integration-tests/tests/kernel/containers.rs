//! Containers, as far as the kernel knows of them: a control group with a telling path.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    actors::{Server, curl, script},
    daemon::Daemon,
    needs::cgroups,
    spans,
};

/// A group with a path as Docker makes it; the kernel and `/proc` do the rest.
pub(crate) async fn a_group_of_a_container_names_it_and_can_be_chosen() {
    let id = format!("f7a8{:060x}", std::process::id());
    let group = Group::new(&format!("docker-{id}.scope"));
    let (boxed, other) = (
        Server::start(script("app")).await,
        Server::start(script("app")).await,
    );
    group.take(boxed.program.pid());
    let daemon = Daemon::start_with("targets: {include: [{containers_only: true}]}").await;
    for (number, server) in [&boxed, &other].into_iter().enumerate() {
        let url = server.url(&format!("/f7a8-group/{number}"));
        assert_eq!(curl(&[], &url).await.stdout, "200 3");
    }
    let told = daemon.stop().await;
    let answered = spans::server(&told.seen, "/f7a8-group/0");
    assert_eq!(answered.resource_str("container.id"), Some(id.as_str()));
    assert_eq!(
        spans::count(&told.seen, "/f7a8-group/1"),
        0,
        "{}",
        spans::all(&told.seen)
    );
}

/// A control group of our own.
struct Group(PathBuf);

impl Group {
    fn new(name: &str) -> Self {
        let path = cgroups().expect("the test needs them").join(name);
        fs::create_dir(&path).expect("root may make groups");
        Self(path)
    }

    fn take(&self, pid: u32) {
        join(&self.0, &pid.to_string());
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let members = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        let parent = self.0.parent().expect("it is below a root");
        members.lines().for_each(|pid| join(parent, pid));
        // What cannot be removed is empty.
        let _left = fs::remove_dir(&self.0);
    }
}

fn join(group: &Path, pid: &str) {
    fs::write(group.join("cgroup.procs"), pid).expect("root may move processes");
}

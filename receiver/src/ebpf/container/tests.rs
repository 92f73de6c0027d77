//! Paths and mounts in, containers out.

use super::*;

const ID: &str = "3f1e9d0c2b4a58677685941a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e";
const OUTER: &str = "aaaaaaaac2b4a58677685941a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5";
const POD: &str = "8f0b9d2e-4c4e-4a0b-9d8e-1f2a3b4c5d6e";
const POD_: &str = "8f0b9d2e_4c4e_4a0b_9d8e_1f2a3b4c5d6e";

fn fill(form: &str) -> String {
    form.replace("OUTER", OUTER)
        .replace("ID", ID)
        .replace("POD_", POD_)
        .replace("POD", POD)
}

#[test]
fn finds_the_id_in_every_known_form() {
    for form in [
        // Docker with either cgroup driver, version 2 and 1, and in a slice of one's own.
        "0::/docker/ID",
        "0::/system.slice/docker-ID.scope",
        "0::/my.slice/my-web.slice/docker-ID.scope",
        "12:cpu,cpuacct:/docker/ID\n5:memory:/docker/ID\n1:name=systemd:/docker/ID\n",
        // Hybrid: only one hierarchy knows.
        "1:name=systemd:/docker/ID\n0::/system.slice/containerd.service\n",
        "2:memory:/\n1:name=systemd:/docker/ID\n0::/\n",
        // Kubernetes, cgroupfs driver, each quality of service; static pods have a hash.
        "0::/kubepods/burstable/podPOD/ID",
        "0::/kubepods/besteffort/podPOD/ID",
        "0::/kubepods/podPOD/ID",
        "0::/kubepods/pod0123456789abcdef0123456789abcdef/ID",
        "4:memory:/kubepods/burstable/podPOD/ID",
        // Kubernetes, systemd driver, each runtime.
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podPOD_.slice/cri-containerd-ID.scope",
        "0::/kubepods.slice/kubepods-podPOD_.slice/docker-ID.scope",
        "0::/kubepods.slice/kubepods-podPOD_.slice/crio-ID.scope",
        "0::/kubepods.slice/kubepods-podPOD_.slice/crio-ID.scope/container",
        "0::/kubepods.slice/kubepods-podPOD_.slice/crio-ID",
        "0::/system.slice/containerd.service/kubepods-burstable-podPOD_.slice:cri-containerd:ID",
        // Containers in containers: the innermost one.
        "0::/docker/OUTER/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podPOD_.slice/cri-containerd-ID.scope",
        "0::/docker/OUTER/docker/ID",
        "0::/docker/OUTER/kubepods/besteffort/podPOD/ID",
        // Seen from another cgroup namespace.
        "0::/../../podPOD/ID",
        "0::/../crio-ID.scope",
        "0::/../cri-containerd-ID.scope",
        // Podman, as root and not.
        "0::/machine.slice/libpod-ID.scope",
        "0::/machine.slice/libpod-ID.scope/container",
        "0::/libpod_parent/libpod-ID",
        "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
        "0::/user.slice/user-1000.slice/user@1000.service/user.slice/user-libpod_pod_OUTER.slice/libpod-ID.scope",
        // nerdctl and plain containerd.
        "0::/default/ID",
        "0::/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-ID.scope",
        // Amazon ECS on EC2, AWS Batch.
        "0::/ecs/0123456789abcdef0123456789abcdef/ID",
        "9:perf_event:/ecs/shop/0123456789abcdef0123456789abcdef/ID",
        // A group that the container made itself, such as a systemd inside.
        "0::/docker/ID/system.slice/nginx.service",
        "0::/docker/ID/init.scope",
        // Garden, Mesos.
        "0::/garden/ID",
        "7:cpu:/mesos/ID",
    ] {
        let text = fill(form);
        let found = from_cgroups(&text).unwrap_or_default();
        assert_eq!(found.id, ID, "{form}");
    }
}

#[test]
fn takes_the_task_of_fargate_and_the_step_of_a_build() {
    let task = "0123456789abcdef0123456789abcdef-1234567890";
    let text = format!("0::/ecs/0123456789abcdef0123456789abcdef/{task}");
    assert_eq!(from_cgroups(&text).unwrap_or_default().id, task);
    let text = "0::/docker/buildkit/zf9d0c2b4a58677685941a2b3";
    assert_eq!(
        from_cgroups(text).unwrap_or_default().id,
        "zf9d0c2b4a58677685941a2b3"
    );
}

#[test]
fn names_containers_that_have_no_id() {
    for (text, name) in [
        ("0::/lxc.payload.web", "web"),
        ("0::/lxc.payload.web/system.slice/nginx.service", "web"),
        ("0::/lxc/web", "web"),
        ("4:memory:/lxc/web/init.scope", "web"),
        (
            "0::/machine.slice/machine-build\\x2dbox.scope/payload",
            "build-box",
        ),
    ] {
        let found = from_cgroups(text).unwrap_or_default();
        assert_eq!(
            (found.id.as_str(), found.name.as_deref()),
            ("", Some(name)),
            "{text}"
        );
    }
}

#[test]
fn finds_none_where_there_is_none() {
    for form in [
        "",
        "0::/",
        "nonsense",
        "0::/user.slice/user-0.slice/session-1.scope",
        "0::/init.scope",
        "0::/system.slice/nginx.service",
        "0::/system.slice/system-getty.slice/getty@tty1.service",
        "0::/podruntime/kubelet",
        "0::/system/apid",
        "0::/lxc.monitor.web",
        "0::/lxc/monitor/web",
        "0::/kubepods.slice/kubepods-podPOD_.slice",
        // One digit too many, and not hexadecimal.
        "0::/docker/IDf",
        "0::/docker/g1e9d0c2b4a58677685941a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5ee",
        // The monitor beside a container.
        "0::/machine.slice/libpod-conmon-ID.scope",
        "0::/kubepods.slice/kubepods-podPOD_.slice/crio-conmon-ID.scope",
    ] {
        assert_eq!(from_cgroups(&fill(form)), None, "{form}");
    }
}

#[test]
fn reads_mounts_where_the_cgroup_says_nothing() {
    assert!(is_cut("0::/") && is_cut("0::/../..") && is_cut("1:name=systemd:/\n0::/\n"));
    assert!(!is_cut("0::/system.slice/nginx.service"));
    for (root, at, found) in [
        (
            "/var/lib/docker/containers/ID/hostname",
            "/etc/hostname",
            true,
        ),
        ("/docker/containers/ID/hosts", "/etc/hosts", true),
        ("/containers/ID/resolv.conf", "/etc/resolv.conf", true),
        (
            "/containers/storage/overlay-containers/ID/userdata/.containerenv",
            "/run/.containerenv",
            true,
        ),
        // The sandbox of a pod, not the container.
        (
            "/containerd/io.containerd.grpc.v1.cri/sandboxes/ID/hostname",
            "/etc/hostname",
            false,
        ),
        (
            "/containers/storage/overlay-containers/ID/userdata/hostname",
            "/etc/hostname",
            false,
        ),
        ("/home/containers/ID/notes", "/srv", false),
    ] {
        let line = fill(&format!(
            "736 724 259:1 {root} {at} rw,relatime - ext4 /dev/sda1 rw"
        ));
        let mounts = format!("1 0 0:1 / / rw - overlay overlay rw\n{line}\n");
        let id = from_mounts(&mounts).map(|found| found.id);
        assert_eq!(id.as_deref(), found.then_some(ID), "{root} at {at}");
    }
}

#[test]
fn reads_the_name_that_docker_keeps() {
    let config = br#"{"State":{"Running":true},"ID":"3f","Name":"/web","Config":{}}"#;
    assert_eq!(docker_name(config).as_deref(), Some("web"));
    assert_eq!(docker_name(br#"{"Name":"/"}"#), None);
    assert_eq!(docker_name(b"{"), None);
}

//! Machines made up, and what follows for them.

use std::path::PathBuf;

use super::*;
use crate::{Capabilities, Cgroup2, Types};

const NEW: [&str; 10] = [
    "btf_trace_sock_recv_length",
    "btf_trace_sock_send_length",
    "btf_trace_tcp_rcv_space_adjust",
    "bpf_sk_storage_get_tracing",
    "bpf_get_socket_ptr_cookie",
    "bpf_sock_from_file",
    "bpf_iter__task_file",
    "bpf_loop",
    "bpf_task_pt_regs",
    "bpf_uprobe_multi_link",
];
const ROOT: Capabilities = Capabilities(0x1ff_ffff_ffff);

/// A kernel with ring buffers, and with these.
fn machine(types: &[&str]) -> Facts {
    let types = types.iter().copied().chain(["bpf_ringbuf_output"]);
    Facts {
        release: "5.10.0-1-amd64".to_owned(),
        types: Some(Types::of(types)),
        capabilities: ROOT,
        cgroup2: Some(Cgroup2 {
            path: PathBuf::from("/sys/fs/cgroup"),
            whole: true,
        }),
        ..Facts::default()
    }
}

fn said(facts: &Facts, capture: Capture) -> String {
    Plan::of(facts, capture)
        .expect_err("something is missing")
        .to_string()
}

#[test]
fn socket_tracepoints_are_preferred_where_there_are_any() {
    let plan = Plan::of(&machine(&NEW), Capture::Auto).expect("nothing is missing");
    assert_eq!(plan.source, Source::Socket);
    assert!(plan.lists_existing && plan.has_socket_storage());
    let forced = Plan::of(&machine(&NEW), Capture::By(Source::Packet)).expect("as well");
    assert_eq!(forced.source, Source::Packet);
    assert_eq!(forced.kernel_has, plan.kernel_has | SENDS_ARE_PACKETS);
}

#[test]
fn tls_is_read_where_sockets_and_probes_are_seen_and_is_never_a_reason_not_to_start() {
    let of = |types: &[&str], capture| Plan::of(&machine(types), capture).expect("it starts");
    assert_eq!(of(&NEW, Capture::Auto).tls, Ok(()));
    for (without, capture, reason) in [
        ("bpf_uprobe_multi_link", Capture::Auto, "uprobe.multi"),
        ("bpf_sk_storage_get_tracing", Capture::Auto, "in tasks"),
        ("", Capture::By(Source::Packet), "packets"),
    ] {
        let types: Vec<&str> = NEW.into_iter().filter(|name| *name != without).collect();
        let said = of(&types, capture).tls.expect_err("something is missing");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn the_oldest_kernel_notices_by_packets_and_does_without_helpers() {
    let old = machine(&["btf_trace_tcp_rcv_space_adjust", "bpf_iter__task_file"]);
    let plan = Plan::of(&old, Capture::Auto).expect("enough is there");
    assert_eq!(plan.source, Source::Packet);
    assert_eq!(plan.kernel_has, SENDS_ARE_PACKETS);
    assert!(!plan.lists_existing);
}

#[test]
fn calls_are_watched_only_when_asked_for_and_their_sockets_are_numbers() {
    let calls = machine(&[
        "btf_trace_sys_exit",
        "bpf_sock_from_file",
        "bpf_iter__task_file",
    ]);
    assert!(Plan::of(&calls, Capture::Auto).is_err());
    let plan = Plan::of(&calls, Capture::By(Source::Syscall)).expect("enough is there");
    assert_eq!(plan.kernel_has, SOCKETS_ARE_NUMBERS);
    assert!(plan.lists_existing && !plan.has_socket_storage());
    let said = said(&machine(&NEW), Capture::By(Source::Syscall));
    assert!(said.contains("sys_exit"), "{said}");
}

#[test]
fn hooks_that_may_lose_their_cpu_are_followed_by_others() {
    let programs = |facts: &Facts, capture| -> Vec<&str> {
        let plan = Plan::of(facts, capture).expect("nothing is missing");
        plan.hooks().map(|hook| hook.program).collect()
    };
    let mut names = NEW.to_vec();
    names.push("class_srcu_fast_notrace_t");
    let may_wait = programs(&machine(&names), Capture::Auto);
    assert_eq!(
        may_wait[may_wait.len() - 4..],
        [
            "sock_recv_length",
            "sock_send_length",
            "received_again",
            "sent_again"
        ]
    );
    assert!(!programs(&machine(&NEW), Capture::Auto).contains(&"sent_again"));
    let packets = programs(&machine(&names), Capture::By(Source::Packet));
    assert!(!packets.contains(&"sent_again"));
}

#[test]
fn what_was_asked_for_is_not_replaced_by_something_else() {
    let old = machine(&["btf_trace_tcp_rcv_space_adjust"]);
    let said = said(&old, Capture::By(Source::Socket));
    assert!(
        said.contains("sock_send_length") && said.contains("kernel 6.3"),
        "{said}"
    );
    assert!(!said.contains("cgroup2"), "{said}");
}

#[test]
fn says_what_each_source_lacks_when_none_is_possible() {
    let mut bare = machine(&["btf_trace_tcp_rcv_space_adjust"]);
    bare.cgroup2 = None;
    let said = said(&bare, Capture::Auto);
    assert!(
        said.contains("sock_send_length") && said.contains("mount -t cgroup2"),
        "{said}"
    );
}

#[test]
fn packets_need_a_capability_more() {
    let mut facts = machine(&NEW);
    facts.capabilities = Capabilities(1 << BPF | 1 << PERFMON);
    assert!(Plan::of(&facts, Capture::Auto).is_ok());
    let said = said(&facts, Capture::By(Source::Packet));
    assert!(said.contains("no CAP_NET_ADMIN"), "{said}");
}

#[test]
fn names_what_a_plain_user_lacks() {
    let mut facts = machine(&NEW);
    facts.capabilities = Capabilities(0);
    let text = said(&facts, Capture::Auto);
    assert!(
        text.contains("neither") && text.contains("setcap"),
        "{text}"
    );
    facts.capabilities = Capabilities(1 << BPF);
    let text = said(&facts, Capture::Auto);
    assert!(text.contains("CAP_BPF without CAP_PERFMON"), "{text}");
}

#[test]
fn names_the_ring_buffer_that_an_old_kernel_lacks() {
    let mut facts = machine(&[]);
    facts.release = "5.4.0-200-generic".to_owned();
    facts.types = Some(Types::of(["btf_trace_tcp_rcv_space_adjust"]));
    let text = said(&facts, Capture::Auto);
    let wanted = "kernel 5.4.0-200-generic without ring buffers";
    assert!(
        text.contains(wanted) && text.contains("kernel 5.8"),
        "{text}"
    );
}

#[test]
fn names_the_kernel_without_type_information_and_nothing_else() {
    let mut facts = machine(&NEW);
    facts.types = None;
    let text = said(&facts, Capture::Auto);
    assert!(text.contains("kernel 5.10.0-1-amd64 without"), "{text}");
    assert_eq!(text.matches("needs").count(), 1, "{text}");
}

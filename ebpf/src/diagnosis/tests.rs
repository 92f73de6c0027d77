//! Machines made up, and what is said of them.

use super::*;
use crate::{Cgroup2, Types};

fn machine(types: &[&str]) -> Facts {
    let types = types.iter().copied().chain(["bpf_ringbuf_output"]);
    Facts {
        release: "6.1.0".to_owned(),
        types: Some(Types::of(types)),
        capabilities: EVERYTHING,
        cgroup2: Some(Cgroup2 {
            path: "/sys/fs/cgroup".into(),
            whole: true,
        }),
        uprobes: true,
        ..Facts::default()
    }
}

const NEW: [&str; 6] = [
    "btf_trace_sock_recv_length",
    "btf_trace_sock_send_length",
    "btf_trace_tcp_rcv_space_adjust",
    "bpf_sk_storage_get_tracing",
    "bpf_get_socket_ptr_cookie",
    "bpf_sock_from_file",
];

fn feature(diagnosis: &Diagnosis, name: &str) -> Feature {
    let found = diagnosis.features.iter().find(|it| it.name == name);
    found
        .cloned()
        .unwrap_or_else(|| panic!("no {name} in {diagnosis:#?}"))
}

#[test]
fn whatever_is_off_says_what_it_needs() {
    for facts in [machine(&NEW), machine(&[]), Facts::default()] {
        let diagnosis = Diagnosis::of(&facts, Capture::Auto, None);
        for feature in &diagnosis.features {
            assert_eq!(feature.on, feature.needs.is_none(), "{feature:?}");
            assert!(!feature.why.is_empty(), "{feature:?}");
        }
    }
}

#[test]
fn agrees_with_the_plan_and_with_the_trial() {
    let facts = machine(&NEW);
    assert!(Diagnosis::of(&facts, Capture::Auto, Some(&Ok(9))).works);
    let refused = Err("no".to_owned());
    let diagnosis = Diagnosis::of(&facts, Capture::Auto, Some(&refused));
    assert!(!diagnosis.works && !feature(&diagnosis, "programs").on);
    let packets = Diagnosis::of(&facts, Capture::By(Source::Packet), Some(&Ok(8)));
    assert!(packets.works && !feature(&packets, "AF_UNIX").on);
}

#[test]
fn a_part_of_the_cgroup_tree_is_not_called_all_of_it() {
    let mut facts = machine(&NEW);
    facts.cgroup2 = facts.cgroup2.map(|tree| Cgroup2 {
        whole: false,
        ..tree
    });
    let cgroups = feature(&Diagnosis::of(&facts, Capture::Auto, None), "cgroup2");
    assert!(
        !cgroups.on && cgroups.why.contains("of others"),
        "{cgroups:?}"
    );
}

#[test]
fn lockdown_stops_everything_only_when_it_is_confidentiality() {
    let mut facts = machine(&NEW);
    facts.lockdown = Some("integrity".to_owned());
    assert!(Diagnosis::of(&facts, Capture::Auto, None).works);
    facts.lockdown = Some("confidentiality".to_owned());
    let diagnosis = Diagnosis::of(&facts, Capture::Auto, None);
    assert!(!diagnosis.works && !feature(&diagnosis, "lockdown").on);
}

#[test]
fn a_low_limit_matters_only_where_it_counts_and_cannot_be_lifted() {
    let limited = |types: &[&str], capabilities| Facts {
        memlock_bytes: Some(65_536),
        capabilities,
        ..machine(types)
    };
    let of = |facts: &Facts| feature(&Diagnosis::of(facts, Capture::Auto, None), "locked memory");
    assert!(of(&limited(&NEW, Capabilities(0))).on);
    assert!(of(&limited(&[], EVERYTHING)).on);
    assert!(!of(&limited(&[], Capabilities(0))).on);
}

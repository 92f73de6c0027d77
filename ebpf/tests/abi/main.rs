//! Both halves agree on every shared struct: `src/abi.rs` against the BTF of the compiled objects.

mod btf;

use std::mem::{offset_of, size_of};

use tapline_ebpf::abi::{
    Control, EventClose, EventConnectFailed, EventData, EventDatagram, EventExchange, EventExec,
    EventExit, EventFork, EventHeader, EventOpen, EventSum, ExistingRecord, LossCounters, Tuple,
    Verdict,
};
use tapline_ebpf::tls::abi::{EventTlsData, EventTlsEnd, EventTlsIo};

const OBJECTS: [(&str, &[u8]); 2] = [
    ("x86_64", include_bytes!("../../objects/tapline.x86_64.o")),
    ("aarch64", include_bytes!("../../objects/tapline.aarch64.o")),
];

/// Compares one Rust struct with its C twin in both objects, member by member.
macro_rules! agrees {
    ($c:literal, $rust:ident { $($field:ident),+ $(,)? }) => {
        for (arch, object) in OBJECTS {
            let structs = btf::structs(object);
            let theirs = structs.get($c).unwrap_or_else(|| panic!("{arch}: no struct {}", $c));
            let ours = [$((stringify!($field), offset_of!($rust, $field))),+];
            let mut names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            let c_names: Vec<&str> = theirs.members.keys().map(String::as_str).collect();
            assert_eq!(names, c_names, "{arch}: members of {}", $c);
            for (name, offset) in ours {
                assert_eq!(offset, theirs.members[name], "{arch}: {}.{name}", $c);
            }
            assert_eq!(size_of::<$rust>(), theirs.size, "{arch}: size of {}", $c);
        }
    };
}

#[test]
fn records_of_sockets_have_the_layout_of_their_c_twins() {
    #[rustfmt::skip]
    agrees!("event_data", EventData {
        header, cookie, offset, tgid, tid, tcp_end_seq, len, copied, direction, flags, tail_len,
        mode, shed_share, tail,
    });
    #[rustfmt::skip]
    agrees!("event_datagram", EventDatagram {
        header, cookie, tuple, tgid, tid, len, copied, direction, pad,
    });
    #[rustfmt::skip]
    agrees!("event_open", EventOpen {
        header, cookie, connect_ns, established_ns, tuple, tgid, tid, role, pad,
    });
    #[rustfmt::skip]
    agrees!("event_exchange", EventExchange {
        header, cookie, started_ns, answered_ns, ended_ns, request_bytes, response_bytes, sent,
        received, tgid, tid, role, mode, shed_share, pad,
    });
    #[rustfmt::skip]
    agrees!("event_sum", EventSum {
        header, cookie, lasted_ns, sent, received, buckets, shortest_ns, longest_ns, tgid, tid,
        role, mode, pad,
    });
    #[rustfmt::skip]
    agrees!("event_close", EventClose {
        header, cookie, sent_bytes, received_bytes, srtt_us, retransmits, error, flags,
    });
    #[rustfmt::skip]
    agrees!("event_connect_failed", EventConnectFailed {
        header, cookie, connect_ns, tuple, tgid, tid, error, pad,
    });
}

#[test]
fn records_of_processes_have_the_layout_of_their_c_twins() {
    #[rustfmt::skip]
    agrees!("event_header", EventHeader { kind, version, size, at_ns });
    #[rustfmt::skip]
    agrees!("event_exec", EventExec {
        header, start_boottime_ns, tgid, parent_tgid, args_len, env_len, pad, filename, args,
    });
    #[rustfmt::skip]
    agrees!("event_fork", EventFork { header, start_boottime_ns, tgid, parent_tgid });
    #[rustfmt::skip]
    agrees!("event_exit", EventExit { header, tgid, pad });
}

#[test]
fn records_of_tls_have_the_layout_of_their_c_twins() {
    #[rustfmt::skip]
    agrees!("event_tls_data", EventTlsData {
        header, stream, cookie, offset, tgid, tid, len, copied, direction, flags, tail_len, pad,
        tail,
    });
    #[rustfmt::skip]
    agrees!("event_tls_io", EventTlsIo {
        header, cookie, tgid, tid, len, direction, count, begun, pad, records,
    });
    agrees!(
        "event_tls_end",
        EventTlsEnd {
            header,
            stream,
            tgid,
            pad
        }
    );
    let data = 16 + 8 * 3 + 4 * 3 + 2 + 1 + 1 + 1 + 7 + 8;
    assert_eq!(size_of::<EventTlsData>(), data);
    assert_eq!(size_of::<EventTlsIo>(), 16 + 8 + 4 * 3 + 1 + 1 + 1 + 1 + 8);
    assert_eq!(size_of::<EventTlsEnd>(), 16 + 8 + 4 * 2);
}

#[test]
fn shared_map_values_have_the_layout_of_their_c_twins() {
    agrees!(
        "tuple",
        Tuple {
            local,
            remote,
            local_port,
            remote_port,
            family,
            pad,
            netns,
        }
    );
    agrees!(
        "existing_socket",
        ExistingRecord {
            cookie,
            tuple,
            tgid,
            state
        }
    );
    agrees!(
        "control",
        Control {
            generation,
            self_tgid,
            capture_max,
            announcement,
            verdict_generation,
            shed_from,
            data_until,
            shed_share,
            slot
        }
    );
    #[rustfmt::skip]
    agrees!("loss", LossCounters {
        events, bytes, busy, unreadable, no_state, exchanges, shed, governed, shed_connections,
    });
    agrees!(
        "verdict",
        Verdict {
            capture_bytes,
            mode,
            role,
            flags,
            pad
        }
    );
}

#[test]
fn records_have_no_hidden_padding() {
    // `abi::as_bytes` relies on it: the sum of all members is the size of the struct.
    assert_eq!(size_of::<EventHeader>(), 2 + 2 + 4 + 8);
    assert_eq!(size_of::<Tuple>(), 16 + 16 + 2 + 2 + 4 + 2 + 6);
    assert_eq!(
        size_of::<EventData>(),
        16 + 8 * 2 + 4 * 4 + 2 + 1 + 1 + 1 + 1 + 2 + 8
    );
    assert_eq!(size_of::<EventOpen>(), 16 + 8 * 3 + 48 + 4 * 2 + 1 + 7);
    assert_eq!(size_of::<EventExchange>(), 16 + 8 * 8 + 4 * 2 + 1 + 1 + 6);
    assert_eq!(
        size_of::<EventSum>(),
        16 + 8 * 4 + 4 * 7 + 4 * 4 + 1 + 1 + 2
    );
    assert_eq!(size_of::<EventClose>(), 16 + 8 * 3 + 4 * 4);
    assert_eq!(size_of::<EventConnectFailed>(), 16 + 8 * 2 + 48 + 4 * 4);
    assert_eq!(
        size_of::<EventExec>(),
        16 + 8 + 4 * 2 + 2 * 2 + 4 + 256 + 1024
    );
    assert_eq!(size_of::<EventFork>(), 16 + 8 + 4 * 2);
    assert_eq!(size_of::<EventExit>(), 16 + 4 * 2);
    assert_eq!(size_of::<ExistingRecord>(), 8 + 48 + 4 * 2);
    assert_eq!(size_of::<LossCounters>(), 9 * 8);
    assert_eq!(size_of::<Verdict>(), 4 + 4);
}

/// The kernel half hands out a head and its bytes as one piece of memory.
#[test]
fn bytes_stand_right_behind_their_head() {
    for (arch, object) in OBJECTS {
        let structs = btf::structs(object);
        for (scratch, bytes, head) in [
            ("scratch", "data", size_of::<EventData>()),
            ("exec_scratch", "env", size_of::<EventExec>()),
            ("tls_scratch", "data", size_of::<EventTlsData>()),
        ] {
            let members = &structs[scratch].members;
            assert_eq!(members[bytes], members["event"] + head, "{arch}: {scratch}");
        }
    }
}

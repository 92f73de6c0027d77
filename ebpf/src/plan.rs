//! What follows from the facts: how bytes are noticed here, and which programs are loaded for it.
//!
//! The loader does what the plan says, and `tapline doctor` shows it, so they cannot disagree. It
//! must not read anything of the machine itself.

use crate::{
    Facts, Finding, Unavailable,
    facts::capability::{BPF, NET_ADMIN, PERFMON},
};

/// How bytes that move on sockets shall be noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capture {
    /// By sockets if the kernel says them, else by packets.
    #[default]
    Auto,
    /// By one kind only.
    By(Source),
}

/// How bytes that move on sockets are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the socket call, by its own tracepoints: everything, at no cost for others. Kernel 6.3.
    Socket,
    /// In the receiving call, and in packets that leave: TCP only, at no cost for others.
    Packet,
    /// As system calls end: TCP and `AF_UNIX`, at a cost for every call of everybody.
    Syscall,
}

/// What is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How bytes are noticed.
    pub source: Source,
    /// What the kernel half may use; bits of `enum kernel_has`.
    pub(crate) kernel_has: u32,
    /// Whether open sockets are listed at the start.
    pub lists_existing: bool,
    /// Programs that are not loaded because this kernel has no place for them.
    pub without: Vec<&'static str>,
    /// Whether TLS libraries can be probed, or why not.
    pub tls: Result<(), &'static str>,
    /// Programs that may be refused without much ado.
    pub(crate) beside: Vec<Hook>,
}

/// Bits of `enum kernel_has` in `include/kernel.h`.
const SOCKET_STORAGE: u32 = 1;
const SOCKET_COOKIE: u32 = 2;
const STACK_PADDING: u32 = 4;
const SENDS_ARE_PACKETS: u32 = 8;
const SOCKETS_ARE_NUMBERS: u32 = 16;
const HOOKS_MAY_WAIT: u32 = 32;

/// A program on a tracepoint: their names, which are mostly the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hook {
    pub(crate) program: &'static str,
    pub(crate) tracepoint: &'static str,
}

/// A program called like its tracepoint.
const fn on(tracepoint: &'static str) -> Hook {
    Hook {
        program: tracepoint,
        tracepoint,
    }
}

/// Programs for every source, in the order they are attached: connections before bytes, so that no
/// connection moves bytes before its role could be remembered.
const ALWAYS: [Hook; 5] = [
    on("sched_process_fork"),
    on("sched_process_exec"),
    on("sched_process_exit"),
    on("inet_sock_set_state"),
    on("tcp_destroy_sock"),
];

const SOCKET: [Hook; 2] = [on("sock_recv_length"), on("sock_send_length")];
/// What socket hooks can do without: bytes that splice() takes, and the bytes of io_uring.
const BESIDE_SOCKET: [Hook; 4] = [
    on("io_uring_submit_req"),
    on("io_uring_poll_arm"),
    on("io_uring_queue_async_work"),
    on("tcp_rcv_space_adjust"),
];
/// Behind the others, where a kernel may leave these out: see `include/again.h`.
const SOCKET_AGAIN: [Hook; 2] = [
    Hook {
        program: "received_again",
        tracepoint: "sock_recv_length",
    },
    Hook {
        program: "sent_again",
        tracepoint: "sock_send_length",
    },
];
const PACKET: [Hook; 1] = [Hook {
    program: "bytes_received",
    tracepoint: "tcp_rcv_space_adjust",
}];

const SYSCALL: [Hook; 1] = [Hook {
    program: "call_ends",
    tracepoint: "sys_exit",
}];

impl Source {
    /// Its name in settings and in what we say.
    pub fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Packet => "packet",
            Self::Syscall => "syscall",
        }
    }

    /// Its programs on tracepoints.
    pub(crate) fn hooks(self) -> &'static [Hook] {
        match self {
            Self::Socket => &SOCKET,
            Self::Packet => &PACKET,
            Self::Syscall => &SYSCALL,
        }
    }

    /// Programs on tracepoints that it can do without, each for itself.
    fn hooks_beside(self) -> &'static [Hook] {
        match self {
            Self::Socket => &BESIDE_SOCKET,
            Self::Packet | Self::Syscall => &[],
        }
    }

    /// The tracepoints it needs, for people.
    pub(crate) fn tracepoints(self) -> String {
        let names: Vec<&str> = self.hooks().iter().map(|hook| hook.tracepoint).collect();
        names.join(", ")
    }

    /// Says what keeps a machine from this source.
    pub(crate) fn missing(self, facts: &Facts) -> Vec<Finding> {
        let mut missing = Vec::new();
        if !self.hooks().iter().all(|hook| is_known(facts, *hook)) {
            missing.push(self.without_tracepoints(facts));
        }
        if self == Self::Packet {
            missing.extend(without_cgroup(facts));
        }
        missing
    }

    fn without_tracepoints(self, facts: &Facts) -> Finding {
        let since = match self {
            Self::Socket => "6.3",
            Self::Packet => "4.17",
            Self::Syscall => "5.5",
        };
        Finding {
            needs: format!("the tracepoints {} (kernel {since})", self.tracepoints()),
            found: format!("kernel {} without them", facts.release),
            remedy: format!("use a kernel {since} or newer"),
        }
    }
}

fn without_cgroup(facts: &Facts) -> Option<Finding> {
    let (found, remedy) = if facts.cgroup2.is_none() {
        ("no cgroup2", "mount -t cgroup2 none /sys/fs/cgroup/unified")
    } else if facts.capabilities.has_or_admin(NET_ADMIN) {
        return None;
    } else {
        (
            "no CAP_NET_ADMIN",
            "run as root, or add cap_net_admin to the capabilities",
        )
    };
    Some(Finding {
        needs: "a mounted cgroup2 tree and CAP_NET_ADMIN, to see what is sent".to_owned(),
        found: found.to_owned(),
        remedy: remedy.to_owned(),
    })
}

fn is_known(facts: &Facts, hook: Hook) -> bool {
    facts.knows(&format!("btf_trace_{}", hook.tracepoint))
}

impl Plan {
    /// Decides.
    pub fn of(facts: &Facts, capture: Capture) -> Result<Self, Unavailable> {
        let mut findings: Vec<Finding> = [
            privilege(facts),
            types(facts),
            ring_buffer(facts),
            lockdown(facts),
        ]
        .into_iter()
        .flatten()
        .collect();
        let sources = match capture {
            Capture::Auto => &[Source::Socket, Source::Packet][..],
            Capture::By(Source::Socket) => &[Source::Socket],
            Capture::By(Source::Packet) => &[Source::Packet],
            Capture::By(Source::Syscall) => &[Source::Syscall],
        };
        let source = sources
            .iter()
            .find(|source| source.missing(facts).is_empty());
        match source {
            Some(source) if findings.is_empty() => Ok(Self::with(facts, *source)),
            Some(_) => Err(Unavailable(findings)),
            None => {
                // Without types nothing is known of hooks, and saying so once is enough.
                if facts.types.is_some() {
                    findings.extend(sources.iter().flat_map(|source| source.missing(facts)));
                }
                Err(Unavailable(findings))
            }
        }
    }

    fn with(facts: &Facts, source: Source) -> Self {
        // A socket that is found by its number has neither storage nor cookie on any kernel.
        let is_number = source == Source::Syscall;
        let has_storage = !is_number && facts.knows("bpf_sk_storage_get_tracing");
        let has_cookie = !is_number && facts.knows("bpf_get_socket_ptr_cookie");
        let mut kernel_has = 0;
        for (bit, is_there) in [
            (SOCKET_STORAGE, has_storage),
            (SOCKET_COOKIE, has_cookie),
            (STACK_PADDING, facts.knows("cpu_init_fred_exceptions")),
            (SENDS_ARE_PACKETS, source == Source::Packet),
            (SOCKETS_ARE_NUMBERS, is_number),
            (HOOKS_MAY_WAIT, hooks_may_wait(facts, source)),
        ] {
            kernel_has |= if is_there { bit } else { 0 };
        }
        let beside = source.hooks_beside().iter().copied();
        let (beside, missing): (Vec<Hook>, Vec<Hook>) =
            beside.partition(|hook| is_known(facts, *hook));
        Self {
            source,
            kernel_has,
            tls: tls(facts, source),
            without: missing.iter().map(|hook| hook.program).collect(),
            beside,
            lists_existing: (has_cookie || is_number)
                && facts.knows("bpf_sock_from_file")
                && facts.knows("bpf_iter__task_file"),
        }
    }

    /// Programs that do what the kernel left out, attached behind those that it may leave out.
    fn hooks_again(&self) -> &'static [Hook] {
        if self.kernel_has & HOOKS_MAY_WAIT != 0 {
            &SOCKET_AGAIN
        } else {
            &[]
        }
    }

    /// Whether tracing programs have storage in sockets.
    pub(crate) fn has_socket_storage(&self) -> bool {
        self.kernel_has & SOCKET_STORAGE != 0
    }

    /// Whether tasks have storage; it came with the same kernel.
    pub(crate) fn has_task_storage(&self) -> bool {
        self.has_socket_storage()
    }

    /// Returns where among the needed programs those begin that notice bytes.
    pub(crate) fn bytes_from() -> usize {
        ALWAYS.len()
    }

    /// All programs on tracepoints that are needed.
    pub(crate) fn hooks(&self) -> impl Iterator<Item = Hook> {
        ALWAYS
            .into_iter()
            .chain(self.source.hooks().iter().copied())
            .chain(self.hooks_again().iter().copied())
    }
}

/// Whether a thread may lose its CPU inside a hook, and others be left out there: since tracepoints
/// are guarded by this instead of by keeping the CPU.
fn hooks_may_wait(facts: &Facts, source: Source) -> bool {
    source == Source::Socket && facts.knows("class_srcu_fast_notrace_t")
}

/// Which socket a library uses is seen in its socket calls, and by what a thread is in.
fn tls(facts: &Facts, source: Source) -> Result<(), &'static str> {
    if source == Source::Packet {
        Err("packets do not say which library encrypted them; socket tracepoints do (kernel 6.3)")
    } else if source == Source::Syscall {
        Err(
            "calls that have ended are not matched with libraries; socket tracepoints are \
             (kernel 6.3)",
        )
    } else if !facts.knows("bpf_sk_storage_get_tracing") {
        Err("this kernel has no storage in tasks (kernel 5.11)")
    } else if !facts.knows("bpf_uprobe_multi_link") {
        Err("this kernel has no uprobe.multi (kernel 6.6 with CONFIG_UPROBES=y)")
    } else {
        Ok(())
    }
}

fn privilege(facts: &Facts) -> Option<Finding> {
    let capabilities = facts.capabilities;
    let found = match (
        capabilities.has_or_admin(BPF),
        capabilities.has_or_admin(PERFMON),
    ) {
        (true, true) => return None,
        (true, false) => "CAP_BPF without CAP_PERFMON".to_owned(),
        (false, true) => "CAP_PERFMON without CAP_BPF".to_owned(),
        (false, false) => format!("neither (effective capabilities {:016x})", capabilities.0),
    };
    let remedy = "run as root, or: \
                  setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep";
    Some(Finding {
        needs: "the capabilities CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN)".to_owned(),
        found,
        remedy: remedy.to_owned(),
    })
}

fn lockdown(facts: &Facts) -> Option<Finding> {
    facts.is_locked_down().then(|| Finding {
        needs: "to read the kernel's memory".to_owned(),
        found: "kernel lockdown set to confidentiality".to_owned(),
        remedy: "boot with lockdown=integrity or less".to_owned(),
    })
}

fn types(facts: &Facts) -> Option<Finding> {
    facts.types.is_none().then(|| Finding {
        needs: "the kernel's type information (BTF)".to_owned(),
        found: format!("kernel {} without /sys/kernel/btf/vmlinux", facts.release),
        remedy: "use a kernel 5.10 or newer that was built with CONFIG_DEBUG_INFO_BTF=y".to_owned(),
    })
}

/// Without types it is not known, and too much else is missing.
fn ring_buffer(facts: &Facts) -> Option<Finding> {
    let is_missing = facts.types.is_some() && !facts.knows("bpf_ringbuf_output");
    is_missing.then(|| Finding {
        needs: "a ring buffer, to hand over what is seen (kernel 5.8)".to_owned(),
        found: format!("kernel {} without ring buffers", facts.release),
        remedy: "use a kernel 5.8 or newer".to_owned(),
    })
}

#[cfg(test)]
mod tests;

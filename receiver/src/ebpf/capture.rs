//! How bytes are noticed, as a user may choose it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_ebpf::{Capture, Source};

/// How the bytes that move on sockets are noticed.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureConfig {
    /// `socket` where the kernel can, else `packet`.
    #[default]
    Auto,
    /// In the socket call itself; TCP and AF_UNIX. Kernel 6.3 or newer.
    Socket,
    /// In the receiving call, and in packets as they leave; TCP only. Any kernel, with cgroup2.
    Packet,
    /// As system calls end; TCP and AF_UNIX. Any kernel, but every system call of the machine gets
    /// slower: for kernels older than 6.3 where AF_UNIX is wanted.
    Syscall,
}

impl From<CaptureConfig> for Capture {
    fn from(config: CaptureConfig) -> Self {
        match config {
            CaptureConfig::Auto => Self::Auto,
            CaptureConfig::Socket => Self::By(Source::Socket),
            CaptureConfig::Packet => Self::By(Source::Packet),
            CaptureConfig::Syscall => Self::By(Source::Syscall),
        }
    }
}

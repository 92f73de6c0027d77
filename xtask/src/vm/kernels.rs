//! The kernels we promise to run on, and where Debian has them.

/// A kernel as Debian builds it.
pub(super) struct Kernel {
    /// What it is called on our command line.
    pub(super) name: &'static str,
    /// The suite of Debian that has it.
    pub(super) suite: &'static str,
    /// The package that always depends on the newest build of it.
    pub(super) package: &'static str,
    /// Whether the suite has a security archive beside it.
    pub(super) security: bool,
}

/// Full images, not those for clouds: these have no 9p.
pub(super) const KERNELS: &[Kernel] = &[
    Kernel {
        name: "5.10",
        suite: "bullseye",
        package: "linux-image-amd64",
        security: true,
    },
    Kernel {
        name: "6.1",
        suite: "bookworm",
        package: "linux-image-amd64",
        security: true,
    },
    Kernel {
        name: "6.1-rt",
        suite: "bookworm",
        package: "linux-image-rt-amd64",
        security: true,
    },
    Kernel {
        name: "6.12",
        suite: "trixie",
        package: "linux-image-amd64",
        security: true,
    },
    Kernel {
        name: "newest",
        suite: "trixie-backports",
        package: "linux-image-amd64",
        security: false,
    },
];

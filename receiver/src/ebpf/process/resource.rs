//! The OTLP resource of a process: its service, itself, its container and its host.

use tapline_pdata::write;

use super::Identity;
use crate::ebpf::container::Container;

/// What is the same for every process of this machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostFacts {
    /// `host.name`.
    pub(crate) name: String,
    /// `host.id`: the machine id, where there is one.
    pub(crate) id: Option<String>,
    /// `host.arch`, as the conventions spell it.
    pub(crate) arch: &'static str,
    /// `os.description`, such as `Debian GNU/Linux 12 (bookworm)`.
    pub(crate) os_description: Option<String>,
}

impl HostFacts {
    /// Asks the machine.
    pub(crate) fn read() -> Self {
        let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
            .iter()
            .find_map(|path| std::fs::read_to_string(path).ok())
            .map(|id| id.trim().to_owned())
            .filter(|id| !id.is_empty());
        Self {
            name: sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned()),
            id,
            arch: match std::env::consts::ARCH {
                "x86_64" => "amd64",
                "aarch64" => "arm64",
                other => other,
            },
            os_description: sysinfo::System::long_os_version().ok(),
        }
    }
}

/// Facts of one process that its identity does not hold.
pub(super) struct Instance<'a> {
    pub(super) pid: u32,
    /// `service.name`, and `service.namespace` if the configuration names one.
    pub(super) service: &'a str,
    pub(super) namespace: Option<&'a str>,
    /// `telemetry.sdk.language`.
    pub(super) language: Option<&'a str>,
    pub(super) container: Option<&'a Container>,
    /// `process.creation.time`, nanoseconds since 1970.
    pub(super) created_wall_ns: Option<u64>,
}

/// Encodes the resource message. What the process says of itself in `OTEL_RESOURCE_ATTRIBUTES`
/// wins over what we would say of its service; facts the kernel knows better are ours.
pub(super) fn encode(identity: &Identity, instance: &Instance<'_>, host: &HostFacts) -> Vec<u8> {
    let said = |key: &str| identity.attributes.iter().any(|(said, _)| said == key);
    write::resource(|attributes| {
        attributes.str("service.name", instance.service);
        if let Some(namespace) = instance.namespace {
            attributes.str("service.namespace", namespace);
        }
        if !said("service.instance.id") {
            let id = format!("{}:{}", host.name, instance.pid);
            attributes.str("service.instance.id", &id);
        }
        for (key, value) in &identity.attributes {
            let is_ours = OURS.contains(&key.as_str())
                || (key == "service.namespace" && instance.namespace.is_some());
            if !is_ours {
                attributes.str(key, value);
            }
        }
        let base = identity.executable.rsplit('/').next().unwrap_or_default();
        attributes.int("process.pid", i64::from(instance.pid));
        if identity.parent_pid != 0 {
            attributes.int("process.parent_pid", i64::from(identity.parent_pid));
        }
        attributes.str("process.executable.name", base);
        attributes.str("process.executable.path", &identity.executable);
        if let Some(created_ns) = instance.created_wall_ns {
            attributes.str("process.creation.time", &rfc3339_ms(created_ns));
        }
        if let Some(container) = instance.container {
            if !container.id.is_empty() {
                attributes.str("container.id", &container.id);
            }
            if let Some(name) = &container.name {
                attributes.str("container.name", name);
            }
        }
        attributes.str("host.name", &host.name);
        if let Some(id) = &host.id {
            attributes.str("host.id", id);
        }
        attributes.str("host.arch", host.arch);
        attributes.str("os.type", "linux");
        if let Some(description) = &host.os_description {
            attributes.str("os.description", description);
        }
        if let Some(language) = instance
            .language
            .filter(|_| !said("telemetry.sdk.language"))
        {
            attributes.str("telemetry.sdk.language", language);
        }
        attributes.str("telemetry.sdk.name", "tapline");
        attributes.str("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    })
}

/// Attributes that the process cannot speak for.
const OURS: [&str; 14] = [
    "process.pid",
    "process.parent_pid",
    "process.executable.name",
    "process.executable.path",
    "process.creation.time",
    "container.id",
    "container.name",
    "host.name",
    "host.id",
    "host.arch",
    "os.type",
    "os.description",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
];

/// `2026-11-21T10:20:30.123Z`, by Howard Hinnant's days-to-civil algorithm.
fn rfc3339_ms(wall_ns: u64) -> String {
    let (seconds, ms) = (wall_ns / 1_000_000_000, wall_ns / 1_000_000 % 1000);
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_as_others_do() {
        assert_eq!(rfc3339_ms(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            rfc3339_ms(951_782_400_000_000_000),
            "2000-02-29T00:00:00.000Z"
        );
        assert_eq!(
            rfc3339_ms(1_795_260_000_123_456_789),
            "2026-11-21T11:20:00.123Z"
        );
    }
}

//! What a process runs and what it says about itself in its environment.

use tapline_ebpf::abi::Exec;

use crate::ebpf::service_name::{self, Files};

/// At most this many attributes are taken from `OTEL_RESOURCE_ATTRIBUTES`.
const ATTRIBUTES_MAX: usize = 64;
/// Longest value taken from there, in bytes.
const VALUE_MAX: usize = 1024;
/// What is kept of arguments: those of Java may be as long as this before they name a class.
const ARGUMENTS_BYTES: usize = 8 * 1024;
const ARGUMENTS_MAX: usize = 256;

/// What a process runs, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Path of the executable.
    pub(crate) executable: String,
    /// Arguments with `argv[0]`, or the title that it gave itself in their place.
    pub(crate) args: Vec<String>,
    /// Parent process.
    pub(crate) parent_pid: u32,
    /// When the process was created, `CLOCK_BOOTTIME` nanoseconds; 0 when unknown.
    pub(crate) start_boottime_ns: u64,
    /// `service.name`, if somebody set it.
    pub(crate) service: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`, without `service.name`.
    pub(crate) attributes: Vec<(String, String)>,
    /// `HOSTNAME`, which container runtimes set.
    pub(crate) host_name: Option<String>,
}

impl Identity {
    /// Puts an identity together from NUL-separated argument and environment blocks.
    pub(crate) fn new(executable: &str, args: &[u8], env: &[u8]) -> Self {
        let mut attributes = variable(env, "OTEL_RESOURCE_ATTRIBUTES")
            .map(|text| resource_attributes(&text))
            .unwrap_or_default();
        let listed = attributes.iter().position(|(key, _)| key == "service.name");
        let listed = listed.map(|index| attributes.remove(index).1);
        let service = variable(env, "OTEL_SERVICE_NAME")
            .and_then(|name| service_name::accepted(&name))
            .or_else(|| listed.and_then(|name| service_name::accepted(&name)));
        Self {
            executable: executable.to_owned(),
            args: arguments(args),
            service,
            attributes,
            host_name: variable(env, "HOSTNAME"),
            ..Self::default()
        }
    }

    /// Returns the service's name: the one that was set, else that of the program.
    pub(crate) fn service(&self, files: &dyn Files) -> String {
        self.service.clone().unwrap_or_else(|| {
            let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
            service_name::from_program(&self.executable, &args, files)
        })
    }

    /// Takes an exec record, which names a script rather than its interpreter.
    pub(crate) fn from_exec(exec: &Exec<'_>) -> Self {
        let executable = String::from_utf8_lossy(exec.filename);
        Self {
            parent_pid: exec.parent_tgid,
            start_boottime_ns: exec.start_boottime_ns,
            ..Self::new(&executable, exec.args, exec.env)
        }
    }
}

/// Splits an argument block; what is beyond the bounds is left out.
pub(super) fn arguments(block: &[u8]) -> Vec<String> {
    let block = &block[..block.len().min(ARGUMENTS_BYTES)];
    let end = block
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    block[..end]
        .split(|byte| *byte == 0)
        .take(ARGUMENTS_MAX)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect()
}

/// Only the variables asked for are ever looked at; the rest of the environment is not kept.
fn variable(env: &[u8], name: &str) -> Option<String> {
    env.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

/// Parses `key=value,key=value` with percent-encoded values (OpenTelemetry's resource SDK).
fn resource_attributes(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let mut attributes: Vec<(String, String)> = Vec::new();
    for (key, value) in pairs {
        let (key, value) = (key.trim(), percent_decoded(value.trim()));
        if key.is_empty() || value.len() > VALUE_MAX || value.starts_with('$') {
            continue;
        }
        // Keys are unique in OTLP; as in the SDKs the last one wins.
        attributes.retain(|(known, _)| known != key);
        if attributes.len() < ATTRIBUTES_MAX {
            attributes.push((key.to_owned(), value));
        }
    }
    attributes
}

fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = (*first == b'%').then(|| hex_pair(after)).flatten();
        decoded.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(bytes.get(..2)?).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ebpf::service_name::NoFiles;

    fn identity(env: &str) -> Identity {
        let env = env.replace(' ', "\0");
        Identity::new(
            "/usr/bin/python3",
            b"python3\0/srv/app.py\0",
            env.as_bytes(),
        )
    }

    fn service(env: &str) -> String {
        identity(env).service(&NoFiles)
    }

    #[test]
    fn prefers_the_name_that_somebody_set() {
        let env = "A=1 OTEL_RESOURCE_ATTRIBUTES=service.name=b,x=1 OTEL_SERVICE_NAME=a";
        assert_eq!(service(env), "a");
        assert_eq!(identity(env).attributes, [("x".to_owned(), "1".to_owned())]);
        assert_eq!(service("OTEL_RESOURCE_ATTRIBUTES=service.name=b"), "b");
        assert_eq!(service("OTEL_SERVICE_NAME=$(NAME)"), "app");
        assert_eq!(service(""), "app");
    }

    #[test]
    fn is_not_fooled_by_a_longer_variable() {
        assert_eq!(service("XOTEL_SERVICE_NAME=x OTEL_SERVICE_NAMES=y"), "app");
    }

    #[test]
    fn keeps_as_many_arguments_as_it_may() {
        assert_eq!(arguments(b"a\0\0b\0\0\0"), ["a", "", "b"]);
        assert_eq!(arguments(b""), [""; 1]);
        assert_eq!(arguments(&b"x\0".repeat(5000)).len(), ARGUMENTS_MAX);
    }

    #[test]
    fn decodes_percent_encoded_values() {
        let attributes = resource_attributes("a=x%2Cy%20z, b = 100%,c=%zz,=no,d");
        let shown: Vec<String> = attributes.iter().map(|(k, v)| format!("{k}:{v}")).collect();
        assert_eq!(shown, ["a:x,y z", "b:100%", "c:%zz"]);
        assert_eq!(
            resource_attributes("a=1,a=2"),
            [("a".to_owned(), "2".to_owned())]
        );
    }
}

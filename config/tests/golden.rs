//! Every file in `testdata` is loaded, read and decoded; what is said about it stands beside it.
//!
//! `name.yaml` and the lines of `name.set`, each a `--set`, give `name.txt`. To write the `.txt`
//! files anew, run with `TAPLINE_BLESS=1` and read the difference.

use std::{fs, path::Path};

use serde::Deserialize;
use tapline_config::{
    Duration, Environment, Headers, Input, Invalid, KnownTypes, Layout, Lists, LoadOptions,
    Optional, Problems, QueueConfig, Retrieve, RetryConfig, Secrets, Standing, TlsClientConfig,
    Validate, decode_valid, gather, print, read_file, read_text,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Receiver {
    protocols: Protocols,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Protocols {
    grpc: Optional<Server>,
    http: Optional<Server>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Server {
    endpoint: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Exporter {
    endpoint: String,
    timeout: Duration,
    max_size_mib: u32,
    compression: Compression,
    headers: Headers,
    tls: TlsClientConfig,
    sending_queue: QueueConfig,
    retry_on_failure: RetryConfig,
    rules: Vec<Rule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "decoded only for its mistakes")]
struct Rule {
    name: String,
    #[serde(default)]
    wait: Duration,
}

impl Validate for Receiver {
    fn validate(&self) -> Vec<Invalid> {
        let used = [&self.protocols.grpc, &self.protocols.http];
        if used.iter().any(|protocol| protocol.is_on()) {
            return Vec::new();
        }
        vec![Invalid::at("protocols", "must hold at least one protocol")]
    }
}

impl Validate for Exporter {
    fn validate(&self) -> Vec<Invalid> {
        let parts = [
            ("tls", self.tls.validate()),
            ("sending_queue", self.sending_queue.validate()),
            ("retry_on_failure", self.retry_on_failure.validate()),
        ];
        let under = |(key, part): (&'static str, Vec<Invalid>)| {
            part.into_iter().map(move |each| each.under(key))
        };
        parts.into_iter().flat_map(under).collect()
    }
}

const KNOWN: KnownTypes<'_> = KnownTypes {
    receivers: &["otlp", "host_metrics"],
    processors: &["batch", "memory_limiter"],
    exporters: &["debug", "otlp_grpc", "otlp_http"],
    connectors: &["forward"],
    extensions: &["health_check"],
    judge,
};

fn judge(section: &str, kind: &str) -> Standing {
    match (section, kind) {
        ("exporters", "otlp") => Standing::Older("otlp_grpc"),
        ("processors", "memorylimiter") => Standing::Spelled("memory_limiter"),
        ("receivers", "jaeger") => Standing::Missing(Some("send OTLP to the `otlp` receiver")),
        ("exporters", "kafka") => Standing::Missing(None),
        ("exporters", "logging") => Standing::Removed(Some("use `debug`")),
        ("receivers", "kafak") => Standing::Unknown(Some("kafka")),
        ("receivers", "oltp") => Standing::Unknown(Some("otlp")),
        _ => Standing::Unknown(None),
    }
}

/// Variables, and files beside the samples.
struct Beside(Environment);

impl Retrieve for Beside {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.variable(name)
    }

    fn file(&self, path: &str) -> Result<String, String> {
        read_text(
            &Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("testdata")
                .join(path),
        )
    }

    fn page(&self, _url: &str) -> Result<String, String> {
        Err("there is no network in tests".to_owned())
    }
}

/// Returns what is said about a configuration; with a good one, how it was understood.
fn said_about(inputs: &[Input]) -> String {
    let environment = Environment::from_iter([("HOST", "0.0.0.0"), ("TOKEN", "s3cr3t")]);
    let options = LoadOptions {
        retrieve: &Beside(environment),
        lists: Lists::Replace,
    };
    let document = gather(inputs, &options);
    let mut problems: Problems = document.problems().clone();
    let layout = Layout::read(&document, &KNOWN, &mut problems);
    for (_, node) in layout
        .receivers
        .iter()
        .filter(|(id, _)| id.value.kind == "otlp")
    {
        decode_valid::<Receiver>(node, &mut problems);
    }
    for (_, node) in layout
        .exporters
        .iter()
        .filter(|(id, _)| id.value.kind == "otlp_grpc")
    {
        decode_valid::<Exporter>(node, &mut problems);
    }
    if !document.is_whole() {
        problems.forget_absences();
    }
    if problems.has_errors() {
        return format!("{problems}\n");
    }
    let said = if problems.is_empty() {
        String::new()
    } else {
        format!("{problems}\n\n")
    };
    said + &print(&document, Secrets::Hidden)
}

/// Names the inputs by file only, so that the expected text is the same everywhere.
fn inputs(path: &Path) -> Vec<Input> {
    let name = path.file_name().expect("a file").to_string_lossy();
    let text = fs::read_to_string(path).expect("readable");
    let sets = fs::read_to_string(path.with_extension("set")).unwrap_or_default();
    let sets = sets.lines().map(Input::set);
    std::iter::once(Input::text(name, text))
        .chain(sets)
        .collect()
}

fn samples() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let paths = fs::read_dir(folder)
        .expect("testdata")
        .map(|entry| entry.expect("entry").path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    paths.sort();
    assert!(paths.len() > 10, "testdata is there");
    paths
}

#[test]
fn says_what_stands_beside_the_file() {
    let mut wrong = Vec::new();
    for path in samples() {
        let said = said_about(&inputs(&path));
        let beside = path.with_extension("txt");
        if std::env::var_os("TAPLINE_BLESS").is_some() {
            fs::write(&beside, &said).expect("writable");
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if said != expected {
            wrong.push(format!(
                "{}\n--- expected\n{expected}--- said\n{said}",
                path.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn never_shows_a_secret() {
    for path in samples() {
        let said = said_about(&inputs(&path));
        assert!(!said.contains("s3cr3t"), "{}\n{said}", path.display());
        assert!(!said.contains("hunter2"), "{}\n{said}", path.display());
    }
}

#[test]
fn survives_being_cut_anywhere() {
    for path in samples() {
        let text = fs::read_to_string(&path).expect("readable");
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let said = said_about(&[Input::text("cut.yaml", &text[..end])]);
            assert!(!said.is_empty() && !said.contains("s3cr3t"), "{said}");
        }
    }
}

#[test]
fn survives_any_byte_anywhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let text = fs::read_to_string(folder.join("good-gateway.yaml")).expect("readable");
    let hostile = [
        "\t", "\"", "{", "]", ":", "*x", "&x", "!", "%", "|", "\0", "\r", "é", "${", "}",
    ];
    for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        // Every piece meets every kind of place, not every place: there are many.
        for piece in hostile.iter().skip(at % 5).step_by(5) {
            let (before, after) = text.split_at(at);
            let broken = format!("{before}{piece}{after}");
            assert!(!said_about(&[Input::text("broken.yaml", broken)]).is_empty());
        }
    }
}

#[test]
fn says_which_file_cannot_be_read() {
    let missing = read_file(Path::new("/nowhere/tapline.yaml")).expect_err("it is not there");
    let expected = "error: cannot read /nowhere/tapline.yaml: No such file or directory";
    assert!(missing.to_string().starts_with(expected), "{missing}");
}

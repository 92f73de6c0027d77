//! Java: what the command line, the manifest of an archive or the main class says.

use super::{
    Program,
    command::Found,
    jar::{self, Manifest},
    stem,
};

/// Properties that name the service, the most exact first.
const PROPERTIES: [&str; 2] = ["-Dotel.service.name=", "-Dspring.application.name="];
/// Main classes that say less than the name of their program.
const KNOWN: [(&str, &str); 8] = [
    ("org.apache.catalina.startup.Bootstrap", "tomcat"),
    ("kafka.Kafka", "kafka"),
    (
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        "zookeeper",
    ),
    ("org.apache.cassandra.service.CassandraDaemon", "cassandra"),
    ("org.elasticsearch.bootstrap.Elasticsearch", "elasticsearch"),
    (
        "org.elasticsearch.server/org.elasticsearch.bootstrap.Elasticsearch",
        "elasticsearch",
    ),
    ("org.opensearch.bootstrap.OpenSearch", "opensearch"),
    ("org.jboss.modules.Main", "wildfly"),
];
/// Where Spring Boot begins, of an archive or of an unpacked one.
const SPRING_LOADER: &str = "org.springframework.boot.loader.";
/// Titles that build tools put in when nobody gave one.
const NO_TITLES: [&str; 3] = ["", "unspecified", "${project.name}"];

/// Takes the name from a property of the command line.
pub(super) fn by_property(args: &[&str]) -> Option<String> {
    let find = |property: &&str| {
        args.iter()
            .filter_map(|arg| arg.strip_prefix(*property))
            .find_map(super::accepted)
    };
    PROPERTIES.iter().find_map(find)
}

/// Names an archive by its manifest, else by its file less the version; and a main class.
pub(super) fn name(program: &Program<'_>, found: &Found<'_>) -> Option<String> {
    if found.flag == Some("-jar") {
        let manifest = program.files.open(found.program).and_then(jar::manifest);
        let titled = manifest.as_ref().and_then(title);
        return Some(titled.unwrap_or_else(|| without_version(stem(found.program)).to_owned()));
    }
    let known = KNOWN.iter().find(|(class, _)| *class == found.program);
    if let Some((_, name)) = known {
        return Some((*name).to_owned());
    }
    if found.program.starts_with(SPRING_LOADER) {
        let manifest = program.files.open("META-INF/MANIFEST.MF");
        let manifest = manifest.and_then(jar::plain_manifest);
        return manifest
            .as_ref()
            .and_then(title)
            .or_else(|| program.project());
    }
    // `module/class`, or a class.
    let class = found.program.rsplit('/').next()?;
    Some(class.to_owned())
}

fn title(manifest: &Manifest) -> Option<String> {
    let title = manifest.get("Implementation-Title");
    let title = title.filter(|title| !NO_TITLES.contains(title));
    // Spring Boot's own class: the last part names the application.
    let start = || {
        manifest
            .get("Start-Class")
            .and_then(|class| class.rsplit('.').next())
    };
    super::accepted(title.or_else(start)?)
}

/// `orders` of `orders-1.2.3-SNAPSHOT-exec`.
fn without_version(name: &str) -> &str {
    const WORDS: [&str; 15] = [
        "snapshot", "release", "final", "ga", "alpha", "beta", "rc", "m", "all", "exec", "shaded",
        "runner", "fat", "boot", "jre",
    ];
    let is_part = |part: &str| {
        let word = part
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .to_ascii_lowercase();
        word.is_empty() || WORDS.contains(&word.as_str()) || word == "v"
    };
    let begins = |(at, _): &(usize, &str)| {
        let version = &name[at + 1..];
        let digit = version
            .trim_start_matches('v')
            .starts_with(|c: char| c.is_ascii_digit());
        *at > 0 && digit && version.split(['.', '-', '_', '+']).all(is_part)
    };
    let mut starts = name.match_indices(['-', '_']);
    starts.find(begins).map_or(name, |(at, _)| &name[..at])
}

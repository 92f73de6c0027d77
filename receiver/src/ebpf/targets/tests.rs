//! Entries and processes in, verdicts out.

use super::*;
use crate::ebpf::{container::Container, glob::Glob};

fn nginx() -> Process {
    Process {
        pid: 7,
        executable: "/usr/sbin/nginx".to_owned(),
        command: "nginx: worker process".to_owned(),
        service: "edge".to_owned(),
        ..Process::default()
    }
}

/// `exe=nginx,port=80 service=x` is two entries.
fn entries(text: &str) -> Vec<TargetEntry> {
    text.split_whitespace().map(entry).collect()
}

fn entry(text: &str) -> TargetEntry {
    let mut entry = TargetEntry::default();
    let globs = |text: &str| Some(Several(text.split('|').map(Glob::new).collect()));
    for pair in text.split(',') {
        let (key, value) = pair.split_once('=').expect("key=value");
        let ports = || Ports::try_from(value.replace('+', ",").as_str()).ok();
        match key {
            "pid" => entry.pid = value.parse().ok().map(|pid| Several(vec![pid])),
            "port" => entry.port = ports(),
            "open" => entry.open_ports = ports(),
            "exe" => entry.exe = globs(value),
            "lang" => entry.languages = globs(value),
            "args" => entry.cmd_args = globs(value),
            "box" => entry.container_name = globs(value),
            "boxed" => entry.containers_only = true,
            _ => entry.service = globs(value),
        }
    }
    entry
}

fn targets(include: &str, exclude: &str) -> TargetsConfig {
    TargetsConfig {
        include: entries(include),
        exclude: entries(exclude),
        ..TargetsConfig::default()
    }
}

#[test]
fn decides_by_process_where_it_can() {
    for (include, exclude, verdict) in [
        ("", "", Verdict::Tap(None)),
        ("exe=nginx", "", Verdict::Tap(Some(0))),
        ("exe=curl exe=*/sbin/*", "", Verdict::Tap(Some(1))),
        ("exe=curl|ng*", "", Verdict::Tap(Some(0))),
        ("service=cart", "", Verdict::Ignore),
        ("pid=7", "service=ed*", Verdict::Ignore),
        ("exe=nginx,port=80", "", Verdict::ByPort),
        ("exe=nginx,open=80", "", Verdict::ByPort),
        ("", "port=9090", Verdict::ByPort),
        ("", "exe=curl,port=9090", Verdict::Tap(None)),
        ("args=*worker*", "", Verdict::Tap(Some(0))),
        ("args=*master*", "", Verdict::Ignore),
        ("lang=generic", "", Verdict::Tap(Some(0))),
        ("lang=go|rust", "", Verdict::Ignore),
        ("boxed=1", "", Verdict::Ignore),
        ("box=web", "", Verdict::Ignore),
    ] {
        let verdict_given = targets(include, exclude).process(&nginx());
        assert_eq!(verdict_given, verdict, "{include} / {exclude}");
    }
}

#[test]
fn decides_by_container_and_by_language() {
    let boxed = Process {
        language: Some("go"),
        container: Some(Container {
            id: "3f1e9d".to_owned(),
            name: Some("web".to_owned()),
            host_name: Some("web-1".to_owned()),
        }),
        ..nginx()
    };
    for (include, taps) in [
        ("boxed=1", true),
        ("box=we*", true),
        ("box=3f1e*", true),
        ("box=*-1", true),
        ("box=db", false),
        ("lang=go", true),
        ("lang=go,boxed=1,box=db", false),
    ] {
        let verdict = targets(include, "").process(&boxed);
        assert_eq!(verdict != Verdict::Ignore, taps, "{include}");
    }
}

#[test]
fn decides_by_port_where_it_must() {
    for (include, exclude, port, taps) in [
        ("exe=nginx,port=80", "", 80, Verdict::Tap(Some(0))),
        ("exe=nginx,port=80", "", 81, Verdict::Ignore),
        ("", "port=9090", 9090, Verdict::Ignore),
        ("", "port=9090", 80, Verdict::Tap(None)),
        ("port=80 port=81", "pid=8", 81, Verdict::Tap(Some(1))),
        ("port=80+8000-8999", "", 8500, Verdict::Tap(Some(0))),
        ("port=80+8000-8999", "", 9000, Verdict::Ignore),
    ] {
        let taken = targets(include, exclude).taps(&nginx(), Side::Client, port);
        assert_eq!(taken, taps, "{include} / {exclude} at {port}");
    }
}

#[test]
fn a_process_that_listens_is_chosen_with_all_it_does() {
    let (targets, process) = (targets("open=8080", ""), nginx());
    assert_eq!(targets.process(&process), Verdict::ByPort);
    assert_eq!(targets.taps(&process, Side::Client, 5432), Verdict::Ignore);
    assert_eq!(
        targets.taps(&process, Side::Server, 8080),
        Verdict::Tap(Some(0))
    );
    assert_eq!(
        targets.taps(&process, Side::Client, 5432),
        Verdict::Tap(Some(0))
    );
    assert_eq!(targets.process(&process), Verdict::Tap(Some(0)));
}

#[test]
fn a_child_of_a_chosen_process_is_chosen_unless_it_is_excluded() {
    let child = Process {
        inherited: Some(1),
        ..nginx()
    };
    let include = "exe=bash exe=sh";
    assert_eq!(targets(include, "").process(&child), Verdict::Tap(Some(1)));
    assert_eq!(
        targets(include, "exe=nginx").process(&child),
        Verdict::Ignore
    );
    assert_eq!(targets(include, "").process(&nginx()), Verdict::Ignore);
}

#[test]
fn leaves_out_agents_and_what_hides_unless_told_otherwise() {
    for (executable, is_agent) in [
        ("/usr/bin/otelcol-contrib", true),
        ("/opt/datadog-agent/bin/agent/agent", true),
        ("/usr/bin/vector", true),
        ("/usr/bin/vectorize", false),
        ("/usr/bin/agent", false),
    ] {
        let agent = Process {
            executable: executable.to_owned(),
            ..nginx()
        };
        let mut targets = targets("", "");
        assert_eq!(
            targets.process(&agent) == Verdict::Ignore,
            is_agent,
            "{executable}"
        );
        targets.default_exclusions = false;
        assert_eq!(targets.process(&agent), Verdict::Tap(None));
    }
    let hides = Process {
        is_private: true,
        ..nginx()
    };
    let mut targets = targets("exe=nginx", "");
    assert_eq!(targets.process(&hides), Verdict::Ignore);
    targets.undumpable = true;
    assert_eq!(targets.process(&hides), Verdict::Tap(Some(0)));
}

#[test]
fn reads_ports_as_people_write_them() {
    for (text, shown) in [
        ("8080", Ok("8080")),
        ("\"80,8000-8999\"", Ok("80,8000-8999")),
        ("[80, \"8000-8999\"]", Ok("80,8000-8999")),
        ("\" 80 , 90 - 99\"", Ok("80,90-99")),
        ("0", Err("neither a port")),
        ("70000", Err("neither a port")),
        ("\"9-8\"", Err("ends before it begins")),
        ("\"http\"", Err("neither a port")),
    ] {
        let read = serde_json::from_str::<Ports>(text);
        match (read, shown) {
            (Ok(ports), Ok(shown)) => assert_eq!(ports.to_string(), shown),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (read, shown) => panic!("{text}: {read:?}, not {shown:?}"),
        }
    }
}

#[test]
fn takes_one_value_or_several_and_older_names() {
    let text = r#"{"pid": 1, "exe_path": ["a", "b"], "language": "go", "port": 80}"#;
    let entry: TargetEntry = serde_json::from_str(text).expect("an entry");
    assert_eq!(entry.pid, Some(Several(vec![1])));
    assert_eq!(
        entry.exe,
        Some(Several(vec![Glob::new("a"), Glob::new("b")]))
    );
    assert_eq!(entry.languages, Some(Several(vec![Glob::new("go")])));
    assert!(entry.port.is_some_and(|ports| ports.contains(80)));
}

#[test]
fn the_documentation_lists_whom_nobody_wants_to_hear_of() {
    let documentation = include_str!("../../../../docs/targets.md");
    for pattern in defaults::EXCLUDED {
        assert!(
            documentation.contains(&format!("- `{pattern}`\n")),
            "{pattern}"
        );
    }
}

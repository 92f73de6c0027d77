//! The table without a `/proc`, or with one that says what a test wants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tapline_ebpf::abi::{EventFork, Exec};

use super::{
    table::{KEEP_EXITED_NS, PROCESSES_MAX},
    *,
};
use crate::ebpf::targets::{TargetEntry, TargetsConfig};

fn exec(tgid: u32) -> Exec<'static> {
    runs(tgid, b"/bin/app", b"app\0")
}

fn runs(tgid: u32, filename: &'static [u8], args: &'static [u8]) -> Exec<'static> {
    Exec {
        tgid,
        parent_tgid: 1,
        start_boottime_ns: 0,
        filename,
        args,
        env: b"",
    }
}

fn fork(tgid: u32, parent_tgid: u32) -> EventFork {
    EventFork {
        tgid,
        parent_tgid,
        ..EventFork::default()
    }
}

fn targets(json: &str) -> Arc<TargetsConfig> {
    let include: Vec<TargetEntry> = serde_json::from_str(json).expect("entries");
    Arc::new(TargetsConfig {
        include,
        ..TargetsConfig::default()
    })
}

/// A `/proc` that changes while it is looked at.
#[derive(Clone, Default)]
struct Changing(Arc<Mutex<HashMap<u32, Looks>>>);

/// Arguments and container.
type Looks = (Vec<String>, Option<Container>);

impl Changing {
    fn set(&self, pid: u32, title: &str, container: Option<&str>) {
        let container = container.map(|id| Container {
            id: id.to_owned(),
            ..Container::default()
        });
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(pid, (vec![title.to_owned()], container));
    }

    fn get(&self, pid: u32) -> Option<Looks> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&pid).cloned()
    }
}

impl ProcessSource for Changing {
    fn args(&self, pid: u32) -> Option<Vec<String>> {
        self.get(pid).map(|(args, _)| args)
    }

    fn executable(&self, pid: u32) -> Option<String> {
        self.get(pid).map(|_| "/usr/sbin/php-fpm8.2".to_owned())
    }

    fn container(&self, pid: u32) -> Option<Container> {
        self.get(pid)?.1
    }
}

#[test]
fn a_replaced_program_is_gone() {
    let mut table = ProcessTable::default();
    table.on_exec(&exec(7));
    let first = table.process(7);
    assert!(!first.is_gone());
    table.on_exec(&exec(7));
    let second = table.process(7);
    assert!(first.is_gone() && !second.is_gone());
    assert_ne!(first.serial, second.serial);
}

#[test]
fn another_program_in_a_process_has_another_name() {
    let mut table = ProcessTable::default();
    table.on_exec(&runs(7, b"/bin/sh", b"sh\0"));
    assert_eq!(table.process(7).service, "sh");
    table.on_exec(&runs(7, b"/srv/cart", b"/srv/cart\0"));
    assert_eq!(table.process(7).service, "cart");
}

#[test]
fn a_process_is_remembered_for_a_while_after_its_end() {
    let mut table = ProcessTable::default();
    table.on_exec(&exec(7));
    table.on_exit(7, 1);
    table.sweep(KEEP_EXITED_NS);
    assert_eq!(table.process(7).service, "app");
    table.sweep(KEEP_EXITED_NS + 1);
    assert_eq!(table.len(), 0);
}

#[test]
fn a_child_is_what_its_parent_is() {
    let mut table = ProcessTable::default();
    table.on_exec(&exec(7));
    table.on_fork(&fork(8, 7));
    let child = table.process(8);
    assert_eq!((child.service.as_str(), child.pid), ("app", 8));
}

#[test]
fn stays_within_its_bound() {
    let mut table = ProcessTable::default();
    for pid in 0..u32::try_from(PROCESSES_MAX).expect("small") + 10 {
        table.on_exec(&exec(pid));
    }
    assert!(table.len() <= PROCESSES_MAX);
}

#[test]
fn a_choice_is_handed_on_by_fork_and_by_exec() {
    let mut table = ProcessTable::default();
    table.set_targets(targets(r#"[{"exe": "launch"}]"#));
    table.on_exec(&runs(7, b"/bin/launch", b"launch\0"));
    table.on_fork(&fork(8, 7));
    table.on_exec(&runs(8, b"/srv/cart", b"/srv/cart\0"));
    table.on_fork(&fork(9, 8));
    table.on_exec(&runs(7, b"/srv/shop", b"/srv/shop\0"));
    for pid in [7, 8, 9] {
        assert_eq!(table.process(pid).inherited, Some(0), "{pid}");
    }
    table.on_exec(&exec(20));
    assert_eq!(table.process(20).inherited, None);
}

#[test]
fn a_choice_survives_the_end_of_the_parent() {
    let mut table = ProcessTable::default();
    table.set_targets(targets(r#"[{"exe": "launch"}]"#));
    table.on_exec(&runs(7, b"/bin/launch", b"launch\0"));
    table.on_fork(&fork(8, 7));
    table.on_exit(7, 1);
    table.sweep(KEEP_EXITED_NS + 1);
    table.on_exec(&runs(8, b"/srv/cart", b"/srv/cart\0"));
    assert_eq!(table.process(8).inherited, Some(0));
}

#[test]
fn an_entry_names_what_it_chose_but_not_what_that_starts() {
    let mut table = ProcessTable::default();
    let entry = r#"[{"exe": "app", "name": "shop", "namespace": "eu", "exports": ["traces"]}]"#;
    table.set_targets(targets(entry));
    table.on_exec(&exec(7));
    table.on_fork(&fork(8, 7));
    table.on_fork(&fork(9, 7));
    table.on_exec(&runs(9, b"/bin/other", b"other\0"));
    let told = |table: &mut ProcessTable, pid| {
        let process = table.process(pid);
        table.as_chosen(&process, Some(0))
    };
    for (pid, service) in [(7, "shop"), (8, "shop"), (9, "other")] {
        let process = told(&mut table, pid);
        assert_eq!(process.service, service, "{pid}");
        let text = String::from_utf8_lossy(&process.resource).into_owned();
        assert!(
            text.contains("service.namespace") && text.contains("eu"),
            "{text}"
        );
    }
    let again = told(&mut table, 7);
    assert_eq!(again.serial, told(&mut table, 7).serial);
    table.on_exit(7, 1);
    assert!(again.is_gone());
}

#[test]
fn other_targets_leave_a_process_what_it_is() {
    let mut table = ProcessTable::default();
    table.on_exec(&exec(7));
    let before = table.process(7);
    table.set_targets(targets(r#"[{"exe": "app"}]"#));
    let after = table.process(7);
    assert_eq!(before.serial, after.serial);
    table.on_exit(7, 1);
    assert!(before.is_gone() && after.is_gone());
}

#[test]
fn a_title_and_a_container_that_come_late_are_taken() {
    let proc = Changing::default();
    let mut table = ProcessTable::new(Box::new(proc.clone()), HostFacts::default(), 0);
    table.on_exec(&runs(7, b"/usr/sbin/php-fpm8.2", b"php-fpm\0"));
    proc.set(7, "php-fpm", None);
    let first = table.process(7);
    assert_eq!(first.service, "php-fpm8.2");
    proc.set(7, "php-fpm: pool shop", Some("3f1e9d"));
    table.sweep(1);
    let second = table.process(7);
    assert_eq!(second.service, "shop");
    assert_eq!(
        second.container.as_ref().map(|it| it.id.as_str()),
        Some("3f1e9d")
    );
    assert!(first.is_gone() && !second.is_gone());
}

#[test]
fn a_program_whose_successor_runs_already_is_not_taken_for_it() {
    let proc = Changing::default();
    let mut table = ProcessTable::new(Box::new(proc.clone()), HostFacts::default(), 0);
    table.on_exec(&runs(7, b"/srv/cart", b"/srv/cart\0"));
    proc.set(7, "php-fpm: pool shop", None);
    assert_eq!(table.process(7).service, "cart");
    table.on_exec(&runs(7, b"/usr/sbin/php-fpm8.2", b"php-fpm\0"));
    assert_eq!(table.process(7).service, "shop");
}

#[test]
fn a_process_is_looked_at_again_a_few_times_only() {
    let proc = Changing::default();
    let mut table = ProcessTable::new(Box::new(proc.clone()), HostFacts::default(), 0);
    table.on_exec(&runs(7, b"/usr/sbin/php-fpm8.2", b"php-fpm\0"));
    proc.set(7, "php-fpm", None);
    table.process(7);
    for now in 0..20 {
        table.sweep(now);
    }
    proc.set(7, "php-fpm: pool shop", None);
    table.sweep(21);
    assert_eq!(table.process(7).service, "php-fpm8.2");
}

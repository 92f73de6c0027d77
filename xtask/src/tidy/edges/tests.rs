//! Edges that the table must refuse, and the sanity of the table itself.

use super::*;

fn complaints(package: &str) -> Vec<String> {
    let manifest = "[package]\n[dev-dependencies]\ntapline-net.workspace = true\n[dependencies]\n\
                    tapline-pdata.workspace = true\ntapline-net.workspace = true\n";
    let package: Package = serde_json::from_str(package).expect("a package");
    check_package(&package, "a/Cargo.toml", manifest)
        .iter()
        .map(Problem::to_string)
        .collect()
}

/// Writes a package as `cargo metadata` does, with edges `name` or `name:kind`.
fn package(name: &str, edges: &[&str]) -> String {
    let dependency = |edge: &&str| {
        let (name, kind) = edge.split_once(':').unwrap_or((edge, ""));
        let kind = if kind.is_empty() {
            "null".to_owned()
        } else {
            format!("\"{kind}\"")
        };
        format!(r#"{{"name": "{name}", "kind": {kind}, "path": "/x", "optional": false}}"#)
    };
    let dependencies: Vec<String> = edges.iter().map(dependency).collect();
    let dependencies = dependencies.join(",");
    format!(r#"{{"name": "{name}", "manifest_path": "/x", "dependencies": [{dependencies}]}}"#)
}

const NONE: [&str; 0] = [];

#[test]
fn accepts_what_the_table_allows() {
    let edges = [
        "tapline-pdata",
        "tapline-net",
        "tapline-pdata:dev",
        "tapline-testkit:dev",
    ];
    assert_eq!(complaints(&package("tapline-exporters", &edges)), NONE);
    let edges = ["tapline-testkit:dev", "tapline-pdata:dev"];
    assert_eq!(
        complaints(&package("tapline-integration-tests", &edges)),
        NONE
    );
}

#[test]
fn refuses_an_edge_that_the_table_lacks_and_shows_its_line() {
    let found = complaints(&package(
        "tapline-pipeline",
        &["tapline-pdata", "tapline-net"],
    ));
    assert_eq!(found, ["a/Cargo.toml:6: pipeline may not import net"]);
}

#[test]
fn refuses_a_test_edge_that_the_table_lacks_and_shows_its_line() {
    let found = complaints(&package("tapline-pipeline", &["tapline-net:dev"]));
    assert_eq!(
        found,
        ["a/Cargo.toml:3: the tests of pipeline may not import net"]
    );
}

#[test]
fn refuses_to_build_with_what_it_may_not_import() {
    let found = complaints(&package("tapline-ebpf", &["tapline-pdata:build"]));
    assert_eq!(found, ["a/Cargo.toml:1: ebpf may not import pdata"]);
}

#[test]
fn keeps_the_testkit_out_of_what_ships() {
    for room in HOUSE.iter().filter(|room| room.name != "integration-tests") {
        assert!(!room.imports.contains(&"testkit"), "{}", room.name);
    }
    assert_eq!(
        complaints(&package("tapline", &["tapline-testkit"])).len(),
        1
    );
    assert_eq!(
        complaints(&package("tapline", &["tapline-testkit:dev"])),
        NONE
    );
}

#[test]
fn keeps_xtask_alone_and_the_daemon_unimported() {
    assert_eq!(
        complaints(&package("xtask", &["tapline-testkit:dev"])).len(),
        1
    );
    assert_eq!(
        complaints(&package("tapline-integration-tests", &["tapline"])).len(),
        1
    );
    assert!(HOUSE.iter().all(|room| !room.imports.contains(&"daemon")));
}

#[test]
fn refuses_a_crate_that_is_not_in_the_table() {
    let found = complaints(&package("tapline-lounge", &[]));
    let expected = "a/Cargo.toml:1: lounge is not in the table of rooms, xtask/src/tidy/edges.rs";
    assert_eq!(found, [expected]);
}

#[test]
fn leaves_foreign_crates_alone() {
    let foreign = r#"{"name": "tapline-pdata", "manifest_path": "/x", "dependencies":
        [{"name": "tokio", "kind": null, "source": "registry"}]}"#;
    assert_eq!(complaints(foreign), NONE);
}

#[test]
fn the_table_names_only_rooms_and_has_no_cycle() {
    let mut above: Vec<&str> = Vec::new();
    for room in HOUSE {
        above.push(room.name);
        // A table whose rows import only earlier rows has no cycle.
        assert!(
            room.imports.iter().all(|name| above.contains(name)),
            "{}",
            room.name
        );
        assert!(!room.imports.contains(&room.name), "{}", room.name);
    }
    assert!(
        HOUSE
            .iter()
            .all(|room| room.tests.iter().all(|name| above.contains(name)))
    );
}

#[test]
fn the_architecture_page_shows_this_table() {
    let page = include_str!("../../../../docs/architecture.md");
    for room in HOUSE {
        let imports: Vec<String> = room
            .imports
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let imports = if imports.is_empty() {
            "nothing".to_owned()
        } else {
            imports.join(", ")
        };
        let row = format!("| `{}` | {imports} |", room.name);
        assert!(
            page.lines().any(|line| line.starts_with(&row)),
            "no row {row}"
        );
    }
    let section = page
        .split("\n## ")
        .find(|text| text.starts_with("Who may import whom"));
    let rows = section
        .expect("the page has the section")
        .matches("\n| `")
        .count();
    assert_eq!(rows, HOUSE.len());
}

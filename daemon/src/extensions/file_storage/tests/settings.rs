//! The configuration, and what does not start.

use std::os::unix::fs::PermissionsExt;

use tapline_config::ComponentId;
use tapline_pipeline::{Extension, ServiceTable, Stop};

use super::*;
use crate::extensions::file_storage::{build, directory::sanitized};

#[test]
fn takes_every_key_of_the_collector() {
    let all = "
directory: /var/lib/otelcol/file_storage
create_directory: true
directory_permissions: \"0750\"
timeout: 1s
fsync: false
recreate: false
compaction:
  on_start: false
  on_rebound: false
  directory: ''
  max_transaction_size: 65536
  rebound_needed_threshold_mib: 100
  rebound_trigger_threshold_mib: 10
  check_interval: 5s
  cleanup_on_start: false
max_size_mib: 0
";
    assert_eq!(read(all), Ok(Config::default()));
    assert_eq!(read("{}"), Ok(Config::default()));
}

#[test]
fn says_where_a_setting_is_wrong() {
    let text = "
directory: ''
directory_permissions: '0950'
compaction: {on_rebound: true, check_interval: 0s}
";
    let said = read(text).expect_err("it is refused");
    for expected in [
        "c.yaml:2:12",
        "must not be empty",
        "c.yaml:3:24",
        "must be octal and from 0700 to 0777, not \"0950\"",
        "c.yaml:4:48",
        "must be positive when `on_rebound` is set",
    ] {
        assert!(said.contains(expected), "no {expected} in:\n{said}");
    }
    let said = read("max_size: 1").expect_err("it is refused");
    assert!(said.contains("max_size"), "{said}");
}

#[test]
fn an_owner_is_named_as_the_collector_names_it() {
    let name = |owner: &str| sanitized(owner).expect("it has a name");
    assert_eq!(name(OWNER), OWNER);
    assert_eq!(
        name("exporter_otlp_a/b~c ü_"),
        "exporter_otlp_a~002Fb~007Ec~0020~00FC_"
    );
    assert_eq!(name("../x"), "..~002Fx");
    assert_eq!(name(".."), "~002E~002E");
    assert!(sanitized("").is_err());
}

fn extension(text: &str) -> Arc<dyn Extension> {
    build(&read(text).expect("good"), &Meters::new()).expect("it is valid")
}

async fn start(extension: Arc<dyn Extension>) -> Result<(), String> {
    let started = extension.start(Stop::new()).await;
    started.map(|_| ()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn creates_its_directory_and_offers_storage() {
    let scratch = Scratch::new();
    let directory = scratch.0.join("a/b");
    let path = directory.display();
    let built = extension(&format!("directory: {path}\ndirectory_permissions: '0700'"));
    assert!(!directory.exists(), "building touches nothing");
    start(Arc::clone(&built)).await.expect("it starts");
    let mode = fs::metadata(&directory)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);

    let id = ComponentId::parse("file_storage").expect("an id");
    let table = ServiceTable::new([(id.clone(), built.offers())]);
    let log = table
        .storage(&id)
        .expect("it is storage")
        .open(OWNER)
        .await
        .expect("it opens");
    append(&*log, "a").await;
    let found = fs::read_dir(directory.join(OWNER))
        .expect("it is there")
        .next();
    let mode = found
        .expect("a file")
        .expect("readable")
        .metadata()
        .expect("there")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[tokio::test]
async fn says_which_directory_it_cannot_use() {
    let scratch = Scratch::new();
    let (missing, file) = (scratch.0.join("missing"), scratch.0.join("file"));
    fs::write(&file, "").expect("writable");
    let (missing, file) = (missing.display(), file.display());
    for (text, message) in [
        (
            format!("directory: {missing}\ncreate_directory: false"),
            "`directory` does not exist: create it, or set `create_directory: true`",
        ),
        (
            format!("directory: {file}"),
            "`directory` is not a directory",
        ),
        (
            format!("directory: {file}/x"),
            "`directory` is below a file",
        ),
    ] {
        let said = read(&text).expect_err("it is refused");
        assert!(said.contains(message), "{said}");
        assert!(said.contains("c.yaml:1:12"), "{said}");
    }
    // What was there when the configuration was checked may be gone when it is started.
    let extension = |directory: String, create_directory| {
        let config = Config {
            directory,
            create_directory,
            ..Config::default()
        };
        build(&config, &Meters::new()).expect("it is valid")
    };
    let said = start(extension(missing.to_string(), false)).await;
    let expected = format!(
        "storage directory {missing} does not exist: create it, or set create_directory: true"
    );
    assert_eq!(said, Err(expected));
    let said = start(extension(file.to_string(), true)).await;
    assert_eq!(
        said,
        Err(format!("storage directory {file} is not a directory"))
    );
    let said = start(extension(format!("{file}/x"), true))
        .await
        .expect_err("it is refused");
    assert!(
        said.starts_with(&format!("cannot use storage directory {file}/x: ")),
        "{said}"
    );
}

#[tokio::test]
async fn the_collectors_own_file_is_refused_or_set_aside() {
    let scratch = Scratch::new();
    let path = scratch.0.join(OWNER);
    for number in 1..=2 {
        fs::write(&path, format!("bbolt {number}")).expect("writable");
        let error = scratch
            .store("")
            .store
            .open(OWNER)
            .await
            .err()
            .expect("it is refused");
        assert!(
            error.starts_with(&format!("storage {} is a file", path.display())),
            "{error}"
        );
        let log = scratch.store("recreate: true").open().await;
        assert_eq!(texts(&*log).await, "");
        append(&*log, "a").await;
        scratch.close(log).await;
        fs::remove_dir_all(&path).expect("it is a directory now");
    }
    let backup = |name: &str| fs::read_to_string(scratch.0.join(format!("{OWNER}{name}"))).ok();
    assert_eq!(backup(".backup").as_deref(), Some("bbolt 1"));
    assert_eq!(backup(".backup.2").as_deref(), Some("bbolt 2"));
}

#[test]
fn one_directory_is_one_location_however_it_is_spelt() {
    let location = |directory: &str| {
        let disk = Disk::new(&format!("directory: {directory}"));
        disk.store.location()
    };
    assert_eq!(location("/a/b"), "/a/b");
    assert_eq!(location("/a//b/./"), "/a/b");
}

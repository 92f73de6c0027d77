//! What users write about processors, as YAML.

use tapline_config::{Environment, Input, Problems, Validate, decode_valid, load};
use tapline_processors::{batch, memory_limiter};

fn read<T: serde::de::DeserializeOwned + Validate>(yaml: &str) -> Result<T, String> {
    let environment: Environment = std::iter::empty::<(String, String)>().collect();
    let document = load(&[Input::text("test", yaml)], &environment).expect("valid YAML");
    let mut problems = Problems::new();
    decode_valid(document.root(), &mut problems).ok_or_else(|| problems.to_string())
}

#[test]
fn reads_batch_settings_over_the_defaults_of_the_collector() {
    let written: batch::Config = read("timeout: 1s\nsend_batch_max_size: 10000").expect("valid");
    let expected = batch::Config {
        timeout: tapline_config::Duration::from_secs(1),
        send_batch_max_size: 10_000,
        ..batch::Config::default()
    };
    assert_eq!(written, expected);
    assert_eq!(written.send_batch_size, 8192);
}

#[test]
fn accepts_what_it_ignores_about_garbage_collection() {
    let yaml = "check_interval: 1s
limit_percentage: 80
spike_limit_percentage: 25
min_gc_interval_when_soft_limited: 10s
min_gc_interval_when_hard_limited: 0s
max_gc_interval_when_soft_limited: 30s
max_gc_interval_when_hard_limited: 30s";
    let written: memory_limiter::Config = read(yaml).expect("valid");
    assert_eq!(
        (written.limit_percentage, written.spike_limit_percentage),
        (80, 25)
    );
}

#[test]
fn points_at_what_is_wrong() {
    let unknown = read::<batch::Config>("timeout: 1s\nsend_batch_sise: 1").expect_err("unknown");
    assert!(unknown.contains("send_batch_sise"), "{unknown}");
    let broken = read::<memory_limiter::Config>("limit_mib: 10\nspike_limit_mib: 20");
    let broken = broken.expect_err("two rules are broken");
    assert!(
        broken.contains("`check_interval` must be greater than zero"),
        "{broken}"
    );
    assert!(
        broken.contains("`spike_limit_mib` must be smaller than 'limit_mib'"),
        "{broken}"
    );
}

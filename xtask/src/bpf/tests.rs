//! What `--check` must notice, on directories of our own and without a compiler.

use super::*;

/// A directory of its own per test: a complete set of outputs in `built`, and again in `kept`.
struct Pair(PathBuf);

impl Pair {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("tapline-bpf-test-{}-{name}", process::id()));
        let pair = Self(path);
        for side in ["built", "kept"] {
            fs::create_dir_all(pair.0.join(side)).expect("a fresh directory");
            for output in outputs() {
                fs::write(pair.0.join(side).join(&output), &output).expect("a fresh file");
            }
        }
        pair
    }

    fn differences(&self) -> Vec<String> {
        differences(&self.0.join("built"), &self.0.join("kept")).expect("both sides are readable")
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn accepts_identical_outputs() {
    assert_eq!(Pair::new("same").differences(), Vec::<String>::new());
}

#[test]
fn notices_one_changed_byte_in_any_output() {
    for output in outputs() {
        let pair = Pair::new("byte");
        let mut bytes = output.clone().into_bytes();
        bytes[0] ^= 1;
        fs::write(pair.0.join("kept").join(&output), bytes).expect("writable");
        let found = pair.differences();
        assert_eq!(
            found,
            [format!(
                "ebpf/objects/{output} differs from what its sources give"
            )]
        );
    }
}

#[test]
fn notices_a_missing_object() {
    let pair = Pair::new("missing");
    fs::remove_file(pair.0.join("kept/tapline.x86_64.o")).expect("it was there");
    assert!(pair.differences()[0].starts_with("ebpf/objects/tapline.x86_64.o cannot be read"));
}

#[test]
fn notices_an_object_that_nothing_builds() {
    let pair = Pair::new("orphan");
    fs::write(pair.0.join("kept/old.x86_64.o"), "").expect("writable");
    assert_eq!(
        pair.differences(),
        ["ebpf/objects/old.x86_64.o is built by nothing"]
    );
}

//! Builds the kernel objects, and proves that the committed ones come from the sources beside them.
//!
//! The objects are kept in the repository so that `cargo build` needs no clang. That is only
//! trustworthy if anybody can rebuild them bit for bit, so one pinned compiler builds them, from
//! relative paths, with an empty environment. Knows nothing about what the programs do.

mod clang;
mod manifest;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) use clang::{EXIT_TOOL_MISSING, ToolMissing};

/// The one translation unit; it includes every other program.
const SOURCE: &str = "ebpf/programs/tapline.bpf.c";
/// Where the committed objects and their manifest live.
const OBJECTS: &str = "ebpf/objects";
const MANIFEST: &str = "MANIFEST";

/// A kernel object: our name for the processor, as in its file name, and the kernel's.
struct Target {
    processor: &'static str,
    define: &'static str,
}

const TARGETS: &[Target] = &[
    Target {
        processor: "aarch64",
        define: "__TARGET_ARCH_arm64",
    },
    Target {
        processor: "x86_64",
        define: "__TARGET_ARCH_x86",
    },
];

impl Target {
    fn object(&self) -> String {
        format!("tapline.{}.o", self.processor)
    }
}

/// Runs `cargo xtask bpf [--check]`.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("bpf takes nothing or --check, not {arguments:?}"),
    };
    let compiler = clang::version()?;
    let scratch = Scratch::new()?;
    build(root, &compiler, &scratch.0)?;
    if check {
        let stale = differences(&scratch.0, &root.join(OBJECTS))?;
        ensure!(
            stale.is_empty(),
            "{}\nrun: cargo xtask bpf",
            stale.join("\n")
        );
        println!("{OBJECTS}: built from exactly these sources");
        return Ok(());
    }
    install(&scratch.0, &root.join(OBJECTS))
}

/// Compiles every object into `out` and writes the manifest beside them.
fn build(root: &Path, compiler: &str, out: &Path) -> Result<()> {
    let mut sources = BTreeSet::new();
    for target in TARGETS {
        sources.extend(clang::compile(
            root,
            SOURCE,
            target.define,
            &out.join(target.object()),
        )?);
    }
    let mut files = Vec::new();
    for target in TARGETS {
        let name = target.object();
        files.push((format!("{OBJECTS}/{name}"), out.join(name)));
    }
    for source in sources {
        let path = root.join(&source);
        files.push((source, path));
    }
    let text = manifest::write(compiler, files)?;
    fs::write(out.join(MANIFEST), text).context("cannot write the manifest")
}

/// Copies what was built over what is committed. The manifest goes last: it vouches for the rest.
fn install(built: &Path, committed: &Path) -> Result<()> {
    fs::create_dir_all(committed)?;
    for name in outputs() {
        let path = committed.join(&name);
        let size = fs::copy(built.join(&name), &path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("{OBJECTS}/{name}: {size} bytes");
    }
    Ok(())
}

/// Says which committed files are not what was just built, and which nobody builds any more.
fn differences(built: &Path, committed: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in outputs() {
        let fresh = fs::read(built.join(&name)).with_context(|| format!("{name} was not built"))?;
        match fs::read(committed.join(&name)) {
            Ok(bytes) if bytes == fresh => {}
            Ok(_) => found.push(format!(
                "{OBJECTS}/{name} differs from what its sources give"
            )),
            Err(error) => found.push(format!("{OBJECTS}/{name} cannot be read: {error}")),
        }
    }
    for entry in fs::read_dir(committed).into_iter().flatten() {
        let name = entry?.file_name();
        let object = Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "o");
        let name = name.to_string_lossy().into_owned();
        if object && !outputs().contains(&name) {
            found.push(format!("{OBJECTS}/{name} is built by nothing"));
        }
    }
    Ok(found)
}

/// Names every file under [`OBJECTS`] that a build makes, the manifest last.
fn outputs() -> Vec<String> {
    TARGETS
        .iter()
        .map(Target::object)
        .chain([MANIFEST.to_owned()])
        .collect()
}

/// A directory of our own that goes away with us.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = env::temp_dir().join(format!("tapline-bpf-{}", process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A leftover in the temporary directory is not worth failing a build for.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests;

//! Kernel modules that the guest needs before it can see any file, in the order they are loaded.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// A disk that is a directory of this machine, and one in memory laid over it.
const WANTED: [&str; 4] = ["virtio_pci", "9pnet_virtio", "9p", "overlay"];

/// A module: its name, and its bytes as the kernel takes them.
pub(super) type Module = (String, Vec<u8>);

/// Reads the wanted modules and all they depend on, the deepest first.
pub(super) fn wanted(modules: &Path) -> Result<Vec<Module>> {
    let mut files = Vec::new();
    walk(&modules.join("kernel"), &mut files)?;
    let mut found = Vec::new();
    for name in WANTED {
        add(name, &files, &mut found)?;
    }
    Ok(found)
}

/// What is not a file is built into the kernel.
fn add(name: &str, files: &[PathBuf], found: &mut Vec<Module>) -> Result<()> {
    if found.iter().any(|(known, _)| known == name) {
        return Ok(());
    }
    let Some(file) = files.iter().find(|file| name_of(file) == name) else {
        return Ok(());
    };
    let bytes = unpacked(file)?;
    for dependency in dependencies(&bytes) {
        add(&dependency, files, found)?;
    }
    found.push((name.to_owned(), bytes));
    Ok(())
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns the module's name: dashes are underscores to the kernel.
fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.split(".ko")
        .next()
        .unwrap_or_default()
        .replace('-', "_")
}

fn unpacked(file: &Path) -> Result<Vec<u8>> {
    let program = match file.extension().and_then(|it| it.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => return fs::read(file).with_context(|| format!("cannot read {}", file.display())),
    };
    let output = Command::new(program).arg("-dc").arg(file).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program}: {}", output.status);
    Ok(output.stdout)
}

/// Reads `depends=one,two` out of the module's own description.
fn dependencies(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let list = &module[at + KEY.len()..];
    let end = list.iter().position(|byte| *byte == 0).unwrap_or(0);
    let list = String::from_utf8_lossy(&list[..end]);
    let names = list.split(',').filter(|name| !name.is_empty());
    names.map(|name| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_module_depends_on() {
        let module = b"ELF\0license=GPL\0depends=virtio,virtio-ring\0name=x\0";
        assert_eq!(dependencies(module), ["virtio", "virtio_ring"]);
        assert!(dependencies(b"\0depends=\0").is_empty());
        assert!(dependencies(b"nothing").is_empty());
    }

    #[test]
    fn names_a_module_as_the_kernel_does() {
        assert_eq!(name_of(Path::new("a/virtio-rng.ko.xz")), "virtio_rng");
        assert_eq!(name_of(Path::new("a/9p.ko")), "9p");
    }
}

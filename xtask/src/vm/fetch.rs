//! Fetches a kernel through apt, with state of its own: nothing is installed, and the machine's
//! lists and sources stay as they are. The mirror is the one that this machine's apt uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::kernels::Kernel;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Packages of a kernel: newer suites keep the image and its modules apart.
const PARTS: [&str; 3] = ["linux-image-", "linux-binary-", "linux-modules-"];

/// A kernel as files.
pub(super) struct Unpacked {
    /// As in `uname -r`.
    pub(super) release: String,
    pub(super) image: PathBuf,
    /// The directory with `kernel/` in it.
    pub(super) modules: PathBuf,
}

/// Fetches the newest build of a kernel, or takes the one that was fetched before.
pub(super) fn kernel(kernel: &Kernel, cache: &Path) -> Result<Unpacked> {
    let home = cache.join(kernel.name);
    let tree = home.join("tree");
    if !tree.join("complete").exists() {
        eprintln!("vm: {}: fetched from {}", kernel.name, kernel.suite);
        let apt = Apt::new(&home.join("apt"), kernel)?;
        let packages = apt.parts(kernel.package)?;
        for file in apt.download(&packages)? {
            succeed(Command::new("dpkg-deb").arg("-x").arg(file).arg(&tree))?;
        }
        fs::remove_dir_all(home.join("apt"))?;
        fs::write(tree.join("complete"), "")?;
    }
    found(&tree)
}

fn found(tree: &Path) -> Result<Unpacked> {
    let under = |place: &str| tree.join(place);
    let modules = [under("lib/modules"), under("usr/lib/modules")]
        .iter()
        .find_map(|place| fs::read_dir(place).ok()?.next()?.ok())
        .context("the packages hold no modules")?
        .path();
    let release = modules
        .file_name()
        .context("a release is a name")?
        .to_string_lossy()
        .into_owned();
    let image = [
        under("boot").join(format!("vmlinuz-{release}")),
        modules.join("vmlinuz"),
    ]
    .into_iter()
    .find(|path| path.exists())
    .context("the packages hold no kernel")?;
    Ok(Unpacked {
        release,
        image,
        modules,
    })
}

/// An apt that knows one suite.
struct Apt(PathBuf);

impl Apt {
    fn new(home: &Path, kernel: &Kernel) -> Result<Self> {
        for directory in ["lists/partial", "archives/partial", "debs"] {
            fs::create_dir_all(home.join(directory))?;
        }
        let Kernel { suite, .. } = kernel;
        let mut sources = format!(
            "deb [signed-by={KEYRING}] {} {suite} main\n",
            mirror("Debian")?
        );
        if kernel.security {
            let security = mirror("Debian-Security")?;
            let line = format!("deb [signed-by={KEYRING}] {security} {suite}-security main\n");
            sources.push_str(&line);
        }
        fs::write(home.join("sources.list"), sources)?;
        fs::write(home.join("status"), "")?;
        let apt = Self(home.to_owned());
        succeed(apt.command("apt-get").arg("update"))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let at = |name: &str| self.0.join(name).display().to_string();
        let mut command = Command::new(program);
        for option in [
            format!("Dir::State={}", at("")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", at("")),
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command.current_dir(self.0.join("debs"));
        command
    }

    /// Returns the versioned packages that a package of the kernel stands for.
    fn parts(&self, package: &str) -> Result<Vec<String>> {
        let tree = succeed(self.command("apt-cache").args([
            "depends",
            "--recurse",
            "--important",
            package,
        ]))?;
        let parts: Vec<String> = tree
            .lines()
            .filter(|line| is_part(line))
            .map(Into::into)
            .collect();
        ensure!(!parts.is_empty(), "{package} depends on no kernel");
        Ok(parts)
    }

    fn download(&self, packages: &[String]) -> Result<Vec<PathBuf>> {
        succeed(self.command("apt-get").arg("download").args(packages))?;
        let files = fs::read_dir(self.0.join("debs"))?;
        Ok(files
            .map(|file| Ok(file?.path()))
            .collect::<std::io::Result<_>>()?)
    }
}

/// A line that names a versioned part of a kernel, as in `linux-image-6.1.0-57-amd64`.
fn is_part(line: &str) -> bool {
    PARTS.iter().any(|part| {
        let rest = line.strip_prefix(part);
        rest.is_some_and(|rest| rest.contains('.') && rest.starts_with(|c: char| c.is_numeric()))
    })
}

/// Returns the address of an archive by its label, from the machine's own sources.
fn mirror(label: &str) -> Result<String> {
    let targets = succeed(Command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(LABEL) $(REPO_URI)",
        "Created-By: Packages",
    ]))?;
    let found = targets
        .lines()
        .find_map(|line| line.strip_prefix(label)?.strip_prefix(' '));
    let found = found.with_context(|| format!("apt knows no archive labelled {label}"))?;
    Ok(found.to_owned())
}

fn succeed(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{name}: {}\n{}",
        output.status,
        complaint.trim_end()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::is_part;

    #[test]
    fn takes_the_versioned_parts_and_no_others() {
        for part in [
            "linux-image-6.1.0-57-rt-amd64",
            "linux-binary-7.3.4+deb13-amd64",
            "linux-modules-7.3.4+deb13-amd64",
        ] {
            assert!(is_part(part), "{part}");
        }
        for other in [
            "linux-image-amd64",
            "linux-base-7.3.4+deb13-amd64",
            "  Depends: linux-image-6.1.0-57-amd64",
            "linux-modules-amd64",
        ] {
            assert!(!is_part(other), "{other}");
        }
    }
}

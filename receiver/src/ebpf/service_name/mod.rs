//! Names the service that a process is, when nobody named it.
//!
//! `OTEL_SERVICE_NAME`, then `service.name` in `OTEL_RESOURCE_ATTRIBUTES`, then what the program
//! says of itself: the manifest of what an interpreter runs, the script, module or archive, the
//! title a process gave itself, or else the executable. Only names are taken from files, and files
//! are reached through [`Files`], so that this can be told from a table.

mod command;
mod jar;
mod java;
mod language;
mod node;
mod php;
mod python;
mod ruby;
#[cfg(test)]
mod tests;

use std::fs::File;

pub(crate) use language::{by_name as language, of_binary as language_of_binary};

/// Longest name we make or take, in bytes.
const NAME_MAX: usize = 128;
/// Longest first word that can be the name of a program.
const WORD_MAX: usize = 64;

/// Programs that are many, by the name they are called by.
const MULTI_CALL: [&str; 4] = ["busybox", "toybox", "coreutils", "gcompat"];

/// What can be looked up in the root of a process.
pub(crate) trait Files {
    /// Opens a regular file; a relative path begins where the process works.
    fn open(&self, path: &str) -> Option<File>;

    /// Returns the folder that the process works in.
    fn folder(&self) -> Option<String>;

    /// Returns whether a path leads to what the process runs.
    fn is_executable(&self, path: &str) -> bool;
}

/// Nothing can be looked up: the process is gone, or was only recorded.
pub(crate) struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str) -> Option<File> {
        None
    }

    fn folder(&self) -> Option<String> {
        None
    }

    fn is_executable(&self, _: &str) -> bool {
        false
    }
}

/// A program as it was started, or as it calls itself now.
#[derive(Clone, Copy)]
pub(super) struct Program<'a> {
    /// Path of the executable.
    pub(super) executable: &'a str,
    /// Arguments with `argv[0]`.
    pub(super) args: &'a [&'a str],
    /// Its surroundings.
    pub(super) files: &'a dyn Files,
}

/// Returns the service name of a program.
///
/// `executable` is its path, `args` its arguments with `argv[0]`.
pub(crate) fn from_program(executable: &str, args: &[&str], files: &dyn Files) -> String {
    let program = Program {
        executable,
        args,
        files,
    };
    let name = program
        .name()
        .unwrap_or_else(|| "unknown_service".to_owned());
    shorten(&name).to_owned()
}

/// Takes a name that somebody set, unless it is empty or an unexpanded variable.
pub(crate) fn accepted(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty() && !name.starts_with('$')).then(|| shorten(name).to_owned())
}

impl Program<'_> {
    fn name(&self) -> Option<String> {
        let base = base_name(self.executable);
        if let Some(titled) = self.titled(base) {
            return Some(titled);
        }
        let runs = self.interpreter();
        let name = runs.and_then(|interpreter| command::name(interpreter, self));
        let name = name.or_else(|| self.called(base));
        name.or_else(|| Some(plain(base).to_owned()))
            .filter(|name| !name.is_empty())
    }

    /// The interpreter that runs, by the executable, or by the first argument where the record
    /// names a script.
    fn interpreter(&self) -> Option<&'static command::Interpreter> {
        let by_file = command::interpreter(base_name(self.executable));
        by_file.or_else(|| {
            let (first, script) = (self.args.first()?, self.args.get(1..)?);
            let is_script = script.iter().take(3).any(|arg| *arg == self.executable);
            command::interpreter(base_name(first)).filter(|_| is_script)
        })
    }

    /// A title that names an application inside the program: `php-fpm: pool www`.
    fn titled(&self, base: &str) -> Option<String> {
        let title = *self.args.first()?;
        if base.starts_with("php-fpm") || title.starts_with("php-fpm: ") {
            return php::pool(title);
        }
        ruby::titled(title).or_else(|| python::titled(title))
    }

    /// The name it was called by, if that leads to the same file: a symbolic link, or one of the
    /// programs that are many.
    fn called(&self, base: &str) -> Option<String> {
        let first = self.args.first()?;
        // A title replaces the arguments: `/usr/bin/redis-server 127.0.0.1:6379`.
        let path = first.split(' ').next()?.trim_end_matches(':');
        let called = base_name(path);
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
        let is_name = !called.is_empty() && called.len() <= WORD_MAX && called.bytes().all(is_word);
        if !is_name || called.starts_with('-') || called == base {
            return self.applet(base);
        }
        if MULTI_CALL.contains(&base) || self.leads_here(path) {
            return Some(called.to_owned());
        }
        None
    }

    /// `busybox httpd -f`.
    fn applet(&self, base: &str) -> Option<String> {
        let applet = self.args.get(1).filter(|applet| !applet.starts_with('-'))?;
        MULTI_CALL
            .contains(&base)
            .then(|| base_name(applet).to_owned())
    }

    fn leads_here(&self, path: &str) -> bool {
        if path.contains('/') {
            return self.files.is_executable(path);
        }
        let own = self
            .executable
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let folders = [
            own,
            "/usr/bin",
            "/usr/sbin",
            "/usr/local/bin",
            "/usr/local/sbin",
            "/bin",
        ];
        let mut folders = folders.iter().filter(|folder| !folder.is_empty());
        folders.any(|folder| self.files.is_executable(&format!("{folder}/{path}")))
    }

    /// The name of the folder that the process works in, for frameworks whose projects are
    /// folders. `releases/20240517` and `current` are not projects.
    pub(super) fn project(&self) -> Option<String> {
        project_of(&self.files.folder()?)
    }
}

/// Returns what a folder is called that releases are deployed to.
pub(super) fn project_of(folder: &str) -> Option<String> {
    const CARRIERS: [&str; 8] = [
        "current", "release", "releases", "src", "app", "bin", "dist", "build",
    ];
    let parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let is_carrier =
        |part: &str| CARRIERS.contains(&part) || part.bytes().all(|byte| byte.is_ascii_digit());
    let named = parts.iter().rev().find(|part| !is_carrier(part));
    named.or(parts.last()).map(|part| (*part).to_owned())
}

/// The file name of an executable, whatever its path carries besides.
pub(crate) fn base_name(path: &str) -> &str {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path)
}

/// Less what packagers put around it: `memfd:app`, Nix's `.app-wrapped`.
fn plain(base: &str) -> &str {
    let base = base.strip_prefix("memfd:").unwrap_or(base);
    let wrapped = base.strip_prefix('.');
    let wrapped = wrapped.and_then(|name| name.strip_suffix("-wrapped"));
    wrapped.unwrap_or(base)
}

/// The last part of a path without the ending of a program file. A module or a class keeps its
/// dots.
pub(super) fn stem(program: &str) -> &str {
    const ENDINGS: [&str; 16] = [
        ".py", ".pyc", ".pyz", ".js", ".mjs", ".cjs", ".ts", ".mts", ".rb", ".ru", ".pl", ".php",
        ".jar", ".war", ".dll", ".sh",
    ];
    let base = base_name(program);
    let mut endings = ENDINGS.iter();
    let found = endings.find_map(|ending| base.strip_suffix(ending));
    found.filter(|stem| !stem.is_empty()).unwrap_or(base)
}

fn shorten(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_MAX)]
}

//! Finds what an interpreter runs among its arguments.

use super::{Program, base_name, java, node, php, python, ruby, stem};

/// A program that runs other programs.
pub(super) struct Interpreter {
    /// Executable name, without a version suffix.
    pub(super) name: &'static str,
    /// Its language, as `telemetry.sdk.language` spells it.
    pub(super) language: Option<&'static str>,
    /// Flags whose next argument is a value, not the program.
    valued: &'static [&'static str],
    /// Flags whose next argument *is* the program's name (`-m http.server`, `-jar app.jar`).
    naming: &'static [&'static str],
    /// Flags whose next argument is code: it names nothing, and is nobody's business.
    code: &'static [&'static str],
    /// Words that come before the program.
    commands: &'static [&'static str],
    /// Knows better than the file name.
    name_of: fn(&Program<'_>, &Found<'_>) -> Option<String>,
}

/// What an interpreter runs.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Script, module or archive.
    pub(super) program: &'a str,
    /// The flag before it, if that made it the program.
    pub(super) flag: Option<&'a str>,
    /// The arguments behind it.
    pub(super) rest: &'a [&'a str],
}

const NODE: Interpreter = Interpreter {
    name: "node",
    language: Some("nodejs"),
    valued: &["-r", "--require", "--import", "--loader", "-C"],
    naming: &[],
    code: &["-e", "--eval", "-p", "--print", "-pe"],
    commands: &["run"],
    name_of: node::name,
};
const PYTHON: Interpreter = Interpreter {
    name: "python",
    language: Some("python"),
    valued: &["-W", "-X", "-Q", "--check-hash-based-pycs"],
    naming: &["-m"],
    code: &["-c"],
    commands: &[],
    name_of: python::name,
};
const SHELL: Interpreter = Interpreter {
    name: "sh",
    language: None,
    valued: &["-o", "-O", "--rcfile", "--init-file"],
    naming: &[],
    code: &["-c"],
    commands: &[],
    name_of: |_, _| None,
};
static INTERPRETERS: [Interpreter; 17] = [
    PYTHON,
    Interpreter {
        name: "pypy",
        ..PYTHON
    },
    NODE,
    Interpreter {
        name: "nodejs",
        ..NODE
    },
    Interpreter {
        name: "bun",
        valued: &["-r", "--preload"],
        ..NODE
    },
    Interpreter {
        name: "deno",
        valued: &["-c", "--config"],
        commands: &["run", "serve"],
        ..NODE
    },
    Interpreter {
        name: "ruby",
        language: Some("ruby"),
        valued: &["-I", "-r", "-C", "-E"],
        naming: &[],
        code: &["-e"],
        commands: &[],
        name_of: ruby::name,
    },
    Interpreter {
        name: "perl",
        language: None,
        valued: &["-I"],
        naming: &[],
        code: &["-e", "-E", "-ne", "-pe"],
        commands: &[],
        name_of: |_, _| None,
    },
    Interpreter {
        name: "php",
        language: Some("php"),
        valued: &["-c", "-d", "-S", "-t"],
        naming: &["-f"],
        code: &["-r", "-B", "-R", "-E"],
        commands: &[],
        name_of: php::name,
    },
    Interpreter {
        name: "java",
        language: Some("java"),
        valued: &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--add-opens",
            "--add-exports",
            "--add-modules",
            "--add-reads",
        ],
        naming: &["-jar", "-m", "--module"],
        code: &[],
        commands: &[],
        name_of: java::name,
    },
    Interpreter {
        name: "dotnet",
        language: Some("dotnet"),
        valued: &[
            "--roll-forward",
            "--depsfile",
            "--runtimeconfig",
            "--fx-version",
        ],
        naming: &["--project"],
        code: &[],
        commands: &["run", "exec", "watch"],
        name_of: |_, _| None,
    },
    Interpreter {
        name: "beam.smp",
        language: Some("erlang"),
        valued: &[],
        naming: &["-sname", "-name"],
        code: &["-eval"],
        commands: &[],
        name_of: |_, found| {
            let node = found.program.split('@').next()?;
            (found.flag.is_some() && !node.is_empty()).then(|| node.to_owned())
        },
    },
    SHELL,
    Interpreter {
        name: "bash",
        ..SHELL
    },
    Interpreter {
        name: "dash",
        ..SHELL
    },
    Interpreter {
        name: "ash",
        ..SHELL
    },
    Interpreter {
        name: "zsh",
        ..SHELL
    },
];

/// Returns the interpreter of a file name, whatever its version: `python3.11`.
pub(super) fn interpreter(base: &str) -> Option<&'static Interpreter> {
    let version = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let plain = base.trim_end_matches(version);
    INTERPRETERS.iter().find(|it| it.name == plain)
}

/// Names what an interpreter runs, or nothing if it runs nothing that has a name.
pub(super) fn name(interpreter: &Interpreter, program: &Program<'_>) -> Option<String> {
    let title;
    let mut args = program.args.get(1..).unwrap_or_default();
    if let ([only], true) = (program.args, args.is_empty()) {
        // A title in place of the arguments: `node /srv/app.js`.
        title = only.split_whitespace().collect::<Vec<_>>();
        args = title.get(1..).unwrap_or_default();
    }
    if interpreter.name == "java"
        && let Some(named) = java::by_property(args)
    {
        return Some(named);
    }
    let found = find(interpreter, args)?;
    let named = (interpreter.name_of)(program, &found);
    Some(named.unwrap_or_else(|| stem(found.program).to_owned()))
}

fn find<'a>(interpreter: &Interpreter, args: &'a [&'a str]) -> Option<Found<'a>> {
    let mut at = 0;
    while let Some(arg) = args.get(at).copied() {
        at += 1;
        if interpreter.naming.contains(&arg) {
            let program = *args.get(at)?;
            let rest = &args[at + 1..];
            let flag = Some(arg);
            return Some(Found {
                program,
                flag,
                rest,
            });
        }
        if interpreter.code.contains(&arg) {
            return None;
        }
        if interpreter.valued.contains(&arg) {
            at += 1;
        } else if interpreter.name != "beam.smp"
            && !arg.is_empty()
            && !arg.starts_with('-')
            && !interpreter.commands.contains(&arg)
        {
            let rest = &args[at..];
            let flag = None;
            return Some(Found {
                program: arg,
                flag,
                rest,
            });
        }
    }
    None
}

/// Returns the value of an option, in either of its two forms.
pub(super) fn option<'a>(args: &[&'a str], names: &[&str]) -> Option<&'a str> {
    args.iter().enumerate().find_map(|(at, arg)| {
        if names.contains(arg) {
            return args.get(at + 1).copied();
        }
        let (name, value) = arg.split_once('=')?;
        names.contains(&name).then_some(value)
    })
}

/// Returns the first argument that is no option.
pub(super) fn positional<'a>(args: &[&'a str]) -> Option<&'a str> {
    args.iter().copied().find(|arg| !arg.starts_with('-'))
}

/// Returns the folder of a script as the process sees it.
pub(super) fn folder_of(program: &Program<'_>, script: &str) -> Option<String> {
    let base = base_name(script);
    let folder = script.strip_suffix(base).unwrap_or_default();
    if script.starts_with('/') {
        return Some(folder.to_owned());
    }
    let here = program.files.folder()?;
    Some(format!("{here}/{folder}"))
}

//! Names the service that a process is, when nobody named it.
//!
//! `OTEL_SERVICE_NAME`, then `service.name` in `OTEL_RESOURCE_ATTRIBUTES`, then the program: for
//! interpreters the script, module or archive they run, else the executable.

/// Longest name we make or take, in bytes.
const NAME_MAX: usize = 128;

/// A program that runs other programs.
struct Interpreter {
    /// Executable name, without a version suffix.
    name: &'static str,
    /// Flags whose next argument is a value, not the program.
    valued: &'static [&'static str],
    /// Flags whose next argument *is* the program's name (`-m http.server`, `-jar app.jar`).
    naming: &'static [&'static str],
    /// Flags whose next argument is code: it names nothing, and is nobody's business.
    code: &'static [&'static str],
    /// Words that come before the program.
    commands: &'static [&'static str],
}

const NODE: Interpreter = Interpreter {
    name: "node",
    valued: &["-r", "--require", "--import", "--loader", "-C"],
    naming: &[],
    code: &["-e", "--eval", "-p", "--print", "-pe"],
    commands: &["run"],
};
const PYTHON: Interpreter = Interpreter {
    name: "python",
    valued: &["-W", "-X", "-Q", "--check-hash-based-pycs"],
    naming: &["-m"],
    code: &["-c"],
    commands: &[],
};
const INTERPRETERS: &[Interpreter] = &[
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
        valued: &["-I", "-r", "-C", "-E"],
        naming: &[],
        code: &["-e"],
        commands: &[],
    },
    Interpreter {
        name: "perl",
        valued: &["-I"],
        naming: &[],
        code: &["-e", "-E", "-ne", "-pe"],
        commands: &[],
    },
    Interpreter {
        name: "php",
        valued: &["-c", "-d", "-S", "-t"],
        naming: &["-f"],
        code: &["-r", "-B", "-R", "-E"],
        commands: &[],
    },
    Interpreter {
        name: "java",
        valued: &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--add-opens",
        ],
        naming: &["-jar", "-m", "--module"],
        code: &[],
        commands: &[],
    },
    Interpreter {
        name: "dotnet",
        valued: &["--roll-forward", "--depsfile", "--project"],
        naming: &["exec"],
        code: &[],
        commands: &["run"],
    },
];

/// Returns the service name of a program.
///
/// `executable` is its path, `args` its arguments with `argv[0]`.
pub(crate) fn from_program(executable: &str, args: &[&str]) -> String {
    let base = base_name(executable);
    let name = interpreter(base)
        .and_then(|interpreter| program_of(interpreter, args.get(1..).unwrap_or_default()))
        .unwrap_or_else(|| base.to_owned());
    let name = if name.is_empty() {
        "unknown_service".to_owned()
    } else {
        name
    };
    shorten(&name).to_owned()
}

/// Returns `telemetry.sdk.language` for runtimes that the executable's name gives away.
pub(crate) fn language(executable: &str) -> Option<&'static str> {
    let language = match interpreter(base_name(executable))?.name {
        "python" | "pypy" => "python",
        "node" | "nodejs" | "bun" | "deno" => "nodejs",
        "ruby" => "ruby",
        "php" => "php",
        "java" => "java",
        "dotnet" => "dotnet",
        _ => return None,
    };
    Some(language)
}

/// Takes a name that somebody set, unless it is empty or an unexpanded variable.
pub(crate) fn accepted(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty() && !name.starts_with('$')).then(|| shorten(name).to_owned())
}

fn program_of(interpreter: &Interpreter, args: &[&str]) -> Option<String> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if interpreter.naming.contains(arg) {
            return args.next().map(|program| stem(program).to_owned());
        }
        if interpreter.code.contains(arg) {
            return None;
        }
        if interpreter.valued.contains(arg) {
            args.next();
        } else if !arg.starts_with('-') && !interpreter.commands.contains(arg) {
            return Some(stem(arg).to_owned());
        }
    }
    None
}

fn interpreter(base: &str) -> Option<&'static Interpreter> {
    let plain = base.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    INTERPRETERS
        .iter()
        .find(|interpreter| interpreter.name == plain)
}

fn base_name(path: &str) -> &str {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

/// The last part of a path without the ending of a program file. A module or a class keeps its
/// dots.
fn stem(program: &str) -> &str {
    const ENDINGS: [&str; 14] = [
        ".py", ".pyc", ".pyz", ".js", ".mjs", ".cjs", ".ts", ".mts", ".rb", ".pl", ".php", ".jar",
        ".war", ".dll",
    ];
    let base = base_name(program);
    ENDINGS
        .iter()
        .find_map(|ending| base.strip_suffix(ending))
        .unwrap_or(base)
}

fn shorten(name: &str) -> &str {
    let mut end = name.len().min(NAME_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_programs_by_what_they_run() {
        for (command, name) in [
            ("/usr/sbin/nginx -g daemon_off", "nginx"),
            ("/usr/bin/python3.11 -m http.server 8080", "http.server"),
            (
                "/usr/bin/python3 -u -W ignore /srv/shop/checkout.py --port 1",
                "checkout",
            ),
            ("/usr/bin/python3 /usr/bin/gunicorn app:app", "gunicorn"),
            ("/usr/bin/node --require ./trace.js server.mjs", "server"),
            (
                "/usr/bin/java -Xmx1g -cp a.jar:b.jar com.acme.Main x",
                "com.acme.Main",
            ),
            (
                "/usr/lib/jvm/bin/java -jar /opt/orders-1.2.jar",
                "orders-1.2",
            ),
            ("/usr/bin/dotnet Shop.Api.dll", "Shop.Api"),
            ("/usr/bin/python3 -c password='s3cret'", "python3"),
            ("/usr/bin/node -e secret()", "node"),
            ("/usr/bin/deno run --allow-net app.ts", "app"),
            ("/usr/bin/python3", "python3"),
            ("/opt/app/server-2 --x", "server-2"),
        ] {
            let args: Vec<&str> = command.split(' ').collect();
            assert_eq!(from_program(args[0], &args), name, "{command}");
        }
    }

    #[test]
    fn survives_a_replaced_binary_and_an_empty_path() {
        assert_eq!(from_program("/usr/bin/curl (deleted)", &["curl"]), "curl");
        assert_eq!(from_program("", &[]), "unknown_service");
    }

    #[test]
    fn ignores_names_that_nobody_meant() {
        assert_eq!(accepted("$(SERVICE)"), None);
        assert_eq!(accepted("  "), None);
        assert_eq!(accepted(" cart "), Some("cart".to_owned()));
        assert_eq!(accepted(&"é".repeat(200)).map(|name| name.len()), Some(128));
    }

    #[test]
    fn knows_the_language_of_an_interpreter() {
        assert_eq!(language("/usr/bin/python3.11"), Some("python"));
        assert_eq!(language("/usr/sbin/nginx"), None);
    }
}

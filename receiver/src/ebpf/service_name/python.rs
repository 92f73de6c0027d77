//! Python: servers and tools that run an application of another name.

use super::{
    Program,
    command::{Found, folder_of, option, positional},
    project_of, stem,
};

/// Tools that are told `module:application`.
const SERVERS: [&str; 9] = [
    "gunicorn",
    "uvicorn",
    "hypercorn",
    "daphne",
    "granian",
    "waitress-serve",
    "uwsgi",
    "meinheld",
    "bjoern",
];
/// Tools that are told a file behind a word.
const RUNNERS: [&str; 4] = ["streamlit", "fastapi", "robyn", "litestar"];
/// Ends of modules that say what kind of application it is.
const KINDS: [&str; 3] = [".wsgi", ".asgi", ".celery"];

/// Names what Python runs, where that is not the script or module itself.
pub(super) fn name(program: &Program<'_>, found: &Found<'_>) -> Option<String> {
    let tool = match found.flag {
        Some(_) => found
            .program
            .strip_suffix(".__main__")
            .unwrap_or(found.program),
        None => stem(found.program),
    };
    if SERVERS.contains(&tool) {
        return application(found.rest);
    }
    if RUNNERS.contains(&tool) {
        let rest = found
            .rest
            .iter()
            .position(|arg| matches!(*arg, "run" | "dev"))?;
        return positional(&found.rest[rest + 1..]).map(|file| stem(file).to_owned());
    }
    match tool {
        "celery" | "flask" => {
            let module = option(found.rest, &["-A", "--app"])?;
            Some(module_name(stem(module)).to_owned())
        }
        "manage" | "__main__" | "__init__" => project_of(&folder_of(program, found.program)?),
        // A module keeps its dots, a script loses its ending.
        _ if found.flag.is_some() => Some(tool.to_owned()),
        _ => None,
    }
}

/// `gunicorn: worker [shop.wsgi:application]`.
pub(super) fn titled(title: &str) -> Option<String> {
    let rest = title.strip_prefix("gunicorn: ")?;
    let (_, application) = rest.split_once('[')?;
    let module = application.trim_end_matches(']');
    Some(module_name(module).to_owned()).filter(|name| !name.is_empty())
}

/// Finds `module:application`, else a dotted module that comes last.
fn application(args: &[&str]) -> Option<String> {
    let is_name = |text: &str| {
        let first = text.starts_with(|c: char| c.is_alphabetic() || c == '_');
        first
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '.')
    };
    let is_application = |arg: &&&str| {
        let call = arg.find('(').unwrap_or(arg.len());
        let split = arg[..call].split_once(':');
        split.is_some_and(|(module, object)| is_name(module) && is_name(object))
    };
    let named = args.iter().find(is_application);
    let named = named.or_else(|| args.last().filter(|arg| is_name(arg)));
    named.map(|named| module_name(named).to_owned())
}

/// `shop` of `shop.wsgi:application`.
fn module_name(application: &str) -> &str {
    let module = application.split(':').next().unwrap_or(application);
    let kind = KINDS.iter().find_map(|kind| module.strip_suffix(kind));
    kind.unwrap_or(module)
}

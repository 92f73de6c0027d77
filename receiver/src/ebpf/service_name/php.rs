//! PHP: the pool of a worker, or the project of a framework's console.

use super::{
    Program,
    command::{Found, folder_of},
    project_of,
};

/// Scripts that stand in the folder of every project.
const CONSOLES: [&str; 3] = ["artisan", "console", "bin/console"];

/// `php-fpm: pool www`. The master serves nobody.
pub(super) fn pool(title: &str) -> Option<String> {
    let pool = title.strip_prefix("php-fpm: pool ")?.trim();
    (!pool.is_empty()).then(|| pool.to_owned())
}

/// Names the project of a framework.
pub(super) fn name(program: &Program<'_>, found: &Found<'_>) -> Option<String> {
    let is_console = CONSOLES.iter().any(|console| {
        let before = found.program.strip_suffix(console);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    });
    let folder = folder_of(program, found.program).filter(|_| is_console)?;
    project_of(&folder)
}

//! Words to whoever runs the tests, which the test harness does not keep to itself.

use std::io::Write;

/// Tells what was measured, or why something was not tested.
pub(crate) fn say(text: &str) {
    // Nobody has to listen.
    let _unheard = writeln!(std::io::stderr(), "{text}");
}

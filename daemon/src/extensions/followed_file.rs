//! A small file whose content may change: tokens and passwords are renewed while we run.
//!
//! It is looked at when it is used, at most once a second. A file that cannot be read any more
//! leaves what was read before.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use tracing::warn;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How large it may be.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A file and what was made of it.
pub(super) struct FollowedFile<T> {
    path: PathBuf,
    parse: fn(&str) -> Result<T, String>,
    state: Mutex<State<T>>,
}

struct State<T> {
    value: Arc<T>,
    modified: Option<SystemTime>,
    looked: Instant,
}

impl<T> FollowedFile<T> {
    /// Reads the file for the first time.
    pub(super) fn open(
        path: impl Into<PathBuf>,
        parse: fn(&str) -> Result<T, String>,
    ) -> Result<Self, String> {
        let path = path.into();
        let (value, modified) = read(&path, parse)?;
        let state = State {
            value: Arc::new(value),
            modified,
            looked: Instant::now(),
        };
        Ok(Self {
            path,
            parse,
            state: Mutex::new(state),
        })
    }

    /// Returns what the file says now. May read it, which blocks for a moment.
    pub(super) fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().expect("no holder panics");
        if state.looked.elapsed() >= LOOK_EVERY {
            state.looked = Instant::now();
            self.look(&mut state);
        }
        Arc::clone(&state.value)
    }

    fn look(&self, state: &mut State<T>) {
        let modified = fs::metadata(&self.path).and_then(|it| it.modified()).ok();
        if modified == state.modified {
            return;
        }
        // Also after a failure: a broken file is reported once, not at every use.
        state.modified = modified;
        match read(&self.path, self.parse) {
            Ok((value, modified)) => {
                state.value = Arc::new(value);
                state.modified = modified;
            }
            Err(error) => warn!(%error, "keeping what the file said before"),
        }
    }
}

fn read<T>(
    path: &PathBuf,
    parse: fn(&str) -> Result<T, String>,
) -> Result<(T, Option<SystemTime>), String> {
    let failed = |reason: &str| format!("cannot use {}: {reason}", path.display());
    let metadata = fs::metadata(path).map_err(|error| failed(&error.to_string()))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(failed(&format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(&error.to_string()))?;
    let value = parse(&text).map_err(|error| failed(&error))?;
    Ok((value, metadata.modified().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_read_again_and_a_lost_one_is_not_missed() {
        let name = format!("tapline-followed-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, "one").expect("writes");
        let followed = FollowedFile::open(&path, |text| Ok(text.to_owned())).expect("is there");
        fs::write(&path, "two").expect("writes");
        let later = SystemTime::now() + Duration::from_secs(10);
        let file = fs::File::options().write(true).open(&path).expect("opens");
        file.set_modified(later).expect("takes a time");
        assert_eq!(*followed.current(), "one", "it was looked at just now");
        tokio::time::advance(LOOK_EVERY).await;
        assert_eq!(*followed.current(), "two");
        fs::remove_file(&path).expect("is there");
        tokio::time::advance(LOOK_EVERY).await;
        assert_eq!(*followed.current(), "two");
    }
}

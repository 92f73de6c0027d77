//! Where lines go: standard output, standard error, files that grow at their end.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write, stderr, stdout},
    path::Path,
    sync::Mutex,
};

/// A stream that every process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// One place for lines.
#[derive(Debug)]
enum Sink {
    Stream(Stream),
    File(File),
    #[cfg(test)]
    Memory(std::sync::Arc<Mutex<String>>),
}

/// Every place for lines, and for the news that one could not be written.
#[derive(Debug)]
pub(super) struct Sinks {
    lines: Mutex<Vec<Sink>>,
    troubles: Mutex<Vec<Sink>>,
}

impl Sinks {
    /// Opens every path; `stdout` and `stderr` are no files.
    pub(super) fn open(lines: &[String], troubles: &[String]) -> Result<Self, String> {
        Ok(Self {
            lines: Mutex::new(open_all(lines)?),
            troubles: Mutex::new(open_all(troubles)?),
        })
    }

    /// Keeps lines in memory.
    #[cfg(test)]
    pub(super) fn memory() -> (Self, std::sync::Arc<Mutex<String>>) {
        let text = std::sync::Arc::new(Mutex::new(String::new()));
        let lines = Mutex::new(vec![Sink::Memory(std::sync::Arc::clone(&text))]);
        let troubles = Mutex::new(Vec::new());
        (Self { lines, troubles }, text)
    }

    /// Returns whether lines go to a stream.
    pub(super) fn has(&self, wanted: Stream) -> bool {
        let lines = self.lines.lock().expect("writing does not panic");
        let is_it = |sink: &Sink| matches!(sink, Sink::Stream(stream) if *stream == wanted);
        lines.iter().any(is_it)
    }

    /// Writes a line everywhere, in one piece each.
    pub(super) fn write(&self, line: &str) {
        let mut lines = self.lines.lock().expect("writing does not panic");
        for sink in lines.iter_mut() {
            if let Err(error) = sink.write(line) {
                let trouble = format!("cannot write a log line: {error}\n");
                let mut troubles = self.troubles.lock().expect("writing does not panic");
                for sink in troubles.iter_mut() {
                    // Nobody is left to be told.
                    let _silent = sink.write(&trouble);
                }
            }
        }
    }
}

/// Says why lines cannot go to a path, as far as that can be seen without creating anything and
/// without the rights of whoever will.
pub(super) fn obstacle(path: &str) -> Option<String> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    if matches!(path, "stdout" | "stderr") {
        return None;
    }
    let missing =
        |error: &io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Some(format!("{path} is a directory")),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let parent = Path::new(path).parent()?;
            let shown = parent.display();
            let is_here = parent.as_os_str().is_empty();
            let looked = fs::metadata(parent)
                .err()
                .filter(|error| !is_here && missing(error));
            looked.map(|_| format!("the directory {shown} does not exist"))
        }
        Err(error) => missing(&error).then(|| format!("{path} is below a file")),
    }
}

fn open_all(paths: &[String]) -> Result<Vec<Sink>, String> {
    paths.iter().map(|path| Sink::open(path)).collect()
}

impl Sink {
    fn open(path: &str) -> Result<Self, String> {
        let path = path.strip_prefix("file://").unwrap_or(path);
        match path {
            "stdout" | "/dev/stdout" => Ok(Self::Stream(Stream::Stdout)),
            "stderr" | "/dev/stderr" => Ok(Self::Stream(Stream::Stderr)),
            file => OpenOptions::new()
                .append(true)
                .create(true)
                .open(file)
                .map(Self::File)
                .map_err(|error| format!("cannot open the log file {file}: {error}")),
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Stream(Stream::Stdout) => stdout().lock().write_all(line.as_bytes()),
            Self::Stream(Stream::Stderr) => stderr().lock().write_all(line.as_bytes()),
            Self::File(file) => file.write_all(line.as_bytes()),
            #[cfg(test)]
            Self::Memory(text) => {
                text.lock().expect("tests do not panic").push_str(line);
                Ok(())
            }
        }
    }
}

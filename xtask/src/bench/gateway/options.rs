//! The options of `bench gateway`, parsed by hand.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use super::work::Work;

const USAGE: &str = "\
bench gateway takes
  --only TEXT      only work whose name has TEXT in it
  --rounds N       how often each is measured (3)
  --seconds N      how long each load lasts (4)
  --profile        shows where the time goes in the first chosen work, and measures nothing
  --program FILE   measures this daemon instead of building ours
  --otlpload DIR   the sources of the load generator (../shared/tools/otlpload)";

/// What the person wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) only: String,
    pub(super) rounds: u32,
    pub(super) seconds: u32,
    pub(super) profile: bool,
    pub(super) program: Option<PathBuf>,
    /// Relative to the repository.
    pub(super) otlpload: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: String::new(),
            rounds: 3,
            seconds: 4,
            profile: false,
            program: None,
            otlpload: PathBuf::from("../shared/tools/otlpload"),
        }
    }
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            if name == "--profile" {
                options.profile = true;
                continue;
            }
            let mut value = || {
                let value = arguments.next();
                value.with_context(|| format!("{name} needs a value\n{USAGE}"))
            };
            match name.as_str() {
                "--only" => options.only.clone_from(value()?),
                "--rounds" => options.rounds = positive(name, value()?)?,
                "--seconds" => options.seconds = positive(name, value()?)?,
                "--program" => options.program = Some(PathBuf::from(value()?)),
                "--otlpload" => options.otlpload = PathBuf::from(value()?),
                _ => bail!("no such option {name:?}\n{USAGE}"),
            }
        }
        Ok(options)
    }

    /// Returns the works that were asked for.
    pub(super) fn chosen(&self, works: &'static [Work]) -> impl Iterator<Item = &'static Work> {
        works.iter().filter(|work| work.name.contains(&self.only))
    }
}

fn positive(name: &str, value: &str) -> Result<u32> {
    let number = value
        .parse()
        .with_context(|| format!("{name} {value} is not a number"))?;
    ensure!(number > 0, "{name} must be at least 1");
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options> {
        let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn nothing_said_is_the_whole_benchmark() {
        assert_eq!(parse("").expect("valid"), Options::default());
    }

    #[test]
    fn every_option_is_obeyed() {
        let options = "--only gzip --rounds 5 --seconds 2 --profile --program p --otlpload d";
        let expected = Options {
            only: "gzip".to_owned(),
            rounds: 5,
            seconds: 2,
            profile: true,
            program: Some(PathBuf::from("p")),
            otlpload: PathBuf::from("d"),
        };
        assert_eq!(parse(options).expect("valid"), expected);
    }

    #[test]
    fn mistakes_name_the_option() {
        for (text, named) in [
            ("--only", "--only needs a value"),
            ("--rounds 0", "--rounds must be"),
            ("--seconds soon", "--seconds soon"),
            ("gzip", "\"gzip\""),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}

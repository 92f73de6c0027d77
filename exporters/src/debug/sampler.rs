//! How many batches of each second are shown: the first few, then every so many.

use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(1);

/// Decides which batches are shown. It must not know what is in them.
#[derive(Debug)]
pub(super) struct Sampler {
    initial: u64,
    thereafter: u64,
    window_start: Option<Instant>,
    seen: u64,
}

impl Sampler {
    /// Shows `initial` per second, then every `thereafter`th; zero shows no more.
    pub(super) fn new(initial: u64, thereafter: u64) -> Self {
        Self {
            initial,
            thereafter,
            window_start: None,
            seen: 0,
        }
    }

    /// Counts one batch; returns whether to show it.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if self
            .window_start
            .is_none_or(|start| now.duration_since(start) >= WINDOW)
        {
            self.window_start = Some(now);
            self.seen = 0;
        }
        self.seen += 1;
        let Some(later) = self
            .seen
            .checked_sub(self.initial)
            .filter(|later| *later > 0)
        else {
            return true;
        };
        self.thereafter > 0 && later % self.thereafter == 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Sampler;

    fn shown(initial: u64, thereafter: u64) -> String {
        let mut sampler = Sampler::new(initial, thereafter);
        let start = Instant::now();
        let one = |at: u64| sampler.take(start + Duration::from_millis(at * 100));
        (0..14)
            .map(one)
            .map(|shown| if shown { '#' } else { '.' })
            .collect()
    }

    #[test]
    fn shows_the_first_few_of_a_second_then_every_so_many() {
        assert_eq!(shown(2, 1), "##############");
        assert_eq!(shown(2, 3), "##..#..#..##..");
        assert_eq!(shown(1, 0), "#.........#...");
        assert_eq!(shown(0, 5), "....#....#....");
    }
}

//! Simulated machines under the governor: what it takes, what is told, and that nothing swings.

use super::{Governor, RESERVE, Reading, TOLD_MIN, reserve};

const LIMIT: f64 = 0.02;
const STEP_SECONDS: f64 = 0.1;
const CPUS: u32 = 16;

/// A machine by what everybody wants of it; shares of all its CPUs.
#[derive(Clone, Copy)]
struct Machine {
    /// What others want, as long as they get it.
    others: f64,
    /// What telling everything would take.
    whole: f64,
    /// What tapline takes even if it tells nothing.
    base: f64,
    /// How much a reading is off, at most, up or down.
    noise: f64,
}

impl Machine {
    /// Returns what is measured while a share is told. Whoever wants more than there is gets less.
    fn reading(self, told: f64, step: u32) -> Reading {
        // Off by another part in every step, repeatably.
        let off = f64::from(step.wrapping_mul(2_654_435_761) >> 16 & 0xff) / 127.5 - 1.0;
        let own = (self.base + self.whole * told) * (1.0 + self.noise * off);
        Reading {
            seconds: STEP_SECONDS,
            own,
            idle: (1.0 - self.others - own).max(0.0),
            cpus: CPUS,
        }
    }
}

/// Lets the governor watch for some seconds; returns which shares it had told in each step.
fn run(governor: &mut Governor, machine: Machine, seconds: u32) -> Vec<f64> {
    let mut told = governor.told[super::CHOICES - 1];
    let steps = 0..seconds * 10;
    steps
        .map(|step| {
            told = governor.observe(machine.reading(told, step));
            told
        })
        .collect()
}

const QUIET: Machine = Machine {
    others: 0.3,
    whole: 0.3,
    base: 0.001,
    noise: 0.0,
};
const SATURATED: Machine = Machine {
    others: 1.0,
    ..QUIET
};

#[test]
fn tells_everything_while_there_is_time_to_spare() {
    let mut governor = Governor::new(LIMIT);
    assert!(
        run(&mut governor, QUIET, 60)
            .iter()
            .all(|told| (told - 1.0).abs() < f64::EPSILON)
    );
}

#[test]
fn tells_everything_on_a_saturated_machine_when_that_costs_little() {
    let mut governor = Governor::new(LIMIT);
    let light = Machine {
        whole: 0.015,
        ..SATURATED
    };
    assert!(
        run(&mut governor, light, 60)
            .iter()
            .all(|told| (told - 1.0).abs() < f64::EPSILON)
    );
}

#[test]
fn takes_its_share_of_a_saturated_machine_within_seconds_and_for_good() {
    let mut governor = Governor::new(LIMIT);
    run(&mut governor, QUIET, 5);
    let told = run(&mut governor, SATURATED, 60);
    for (step, told) in told.iter().enumerate().skip(15) {
        let taken = SATURATED.reading(*told, 0).own;
        // At first what it costs is taken for a little less, until all choices are new.
        let most = if step < 200 { 1.25 } else { 1.05 };
        assert!(taken <= LIMIT * most, "{taken} taken in step {step}");
    }
    let settled = SATURATED.reading(told[599], 0).own;
    assert!(settled > LIMIT * 0.95, "{settled} taken in the end");
}

#[test]
fn does_not_swing() {
    let mut governor = Governor::new(LIMIT);
    let noisy = Machine {
        noise: 0.3,
        ..SATURATED
    };
    let told = run(&mut governor, noisy, 120);
    let late = &told[600..];
    let most = late.iter().copied().fold(0.0, f64::max);
    let least = late.iter().copied().fold(1.0, f64::min);
    assert!(most < 1.3 * least, "{least}..{most}");
    let taken = late.iter().map(|told| SATURATED.reading(*told, 0).own);
    let mean = taken.sum::<f64>() / 600.0;
    assert!((0.7 * LIMIT..=LIMIT).contains(&mean), "{mean}");
}

#[test]
fn uses_what_is_idle_but_for_the_reserve() {
    let mut governor = Governor::new(LIMIT);
    let nearly = Machine {
        others: 0.75,
        ..QUIET
    };
    let told = run(&mut governor, nearly, 60);
    let late = &told[300..];
    let taken = nearly.reading(late[299], 0).own;
    assert!((taken - (0.25 - RESERVE)).abs() < 0.005, "{taken}");
    assert!(late.iter().all(|told| (told - late[0]).abs() < 0.01));
}

#[test]
fn lets_go_of_the_machine_for_others_and_comes_back_when_they_are_done() {
    let mut governor = Governor::new(LIMIT);
    run(&mut governor, SATURATED, 30);
    let told = run(&mut governor, QUIET, 5);
    assert!((told[49] - 1.0).abs() < f64::EPSILON, "{}", told[49]);
}

#[test]
fn one_outlier_changes_nothing() {
    let mut governor = Governor::new(LIMIT);
    let before = *run(&mut governor, SATURATED, 60).last().expect("steps");
    let outlier = Reading {
        own: 0.4,
        ..SATURATED.reading(before, 0)
    };
    let after = governor.observe(outlier);
    assert!(
        (after / before - 1.0).abs() < 0.05,
        "{before}, then {after}"
    );
}

#[test]
fn what_does_not_depend_on_it_cannot_starve_it_altogether() {
    let mut governor = Governor::new(LIMIT);
    let gateway = Machine {
        base: 0.5,
        ..SATURATED
    };
    let told = run(&mut governor, gateway, 60);
    assert!(told.iter().all(|told| *told >= TOLD_MIN));
}

#[test]
fn all_or_nothing_in_turns_takes_little_more_than_its_share() {
    // One connection that cannot be told in part: in each second all of it, or nothing.
    let mut governor = Governor::new(LIMIT);
    let (mut told, mut taken, mut weights) = (1.0, 0.0, 0.0);
    let seconds = 40_000;
    let mut random = 1_u64;
    for second in 0..seconds {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        #[expect(clippy::cast_precision_loss, reason = "24 bits")]
        let is_told = ((random >> 40) as f64 / 16_777_216.0) < told;
        if is_told && second > 10 {
            weights += 1.0 / told;
        }
        for _ in 0..10 {
            let own = if is_told { 0.3 } else { 0.0005 };
            taken += own / 10.0;
            told = governor.observe(Reading {
                seconds: STEP_SECONDS,
                own,
                idle: 0.0,
                cpus: CPUS,
            });
        }
    }
    let (mean, estimate) = (taken / f64::from(seconds), weights / f64::from(seconds));
    assert!((0.1 * LIMIT..2.0 * LIMIT).contains(&mean), "{mean} taken");
    assert!((0.85..1.15).contains(&estimate), "{estimate} of the truth");
}

#[test]
fn few_cpus_are_saturated_sooner() {
    let of_cpus = [
        (1, 0.5),
        (2, 0.375),
        (4, 0.1875),
        (8, RESERVE),
        (64, RESERVE),
    ];
    for (cpus, part) in of_cpus {
        assert!((reserve(cpus) - part).abs() < f64::EPSILON, "{cpus}");
    }
}

//! The order of the steps: each begins when its requirements have passed.

use std::time::{Duration, Instant};

use crate::{Checkout, Outcome};

/// A check: its name, its requirements, and its work.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// The names of earlier steps without whose success this step cannot succeed.
    pub(crate) requires: &'static [&'static str],
    pub(crate) check: fn(&Checkout) -> Outcome,
    pub(crate) kind: Kind,
}

/// When a step runs.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// In its turn.
    InTurn,
    /// From the start of the run, beside the other steps. In its turn, the run waits for it.
    Background,
}

/// A step that has ended, or was not begun.
pub(crate) struct Done {
    pub(crate) name: &'static str,
    pub(crate) elapsed: Duration,
    pub(crate) outcome: Outcome,
}

/// Runs the steps in their order.
pub(crate) fn run(steps: &[Step], checkout: &Checkout) -> Vec<Done> {
    std::thread::scope(|scope| {
        let begin = |step: &Step| {
            let check = step.check;
            (step.kind == Kind::Background).then(|| scope.spawn(move || timed(check, checkout)))
        };
        let mut background: Vec<_> = steps.iter().map(begin).collect();
        let mut done: Vec<Done> = Vec::new();
        for (step, background) in steps.iter().zip(&mut background) {
            println!("\n==> {}", step.name);
            let (elapsed, outcome) = match (background.take(), obstacle(step, &done, checkout)) {
                (Some(thread), _) => thread.join().unwrap_or((Duration::ZERO, Err("it panicked".into()))),
                (None, Some(reason)) => (Duration::ZERO, Err(reason)),
                (None, None) => timed(step.check, checkout),
            };
            let step = Done { name: step.name, elapsed, outcome };
            println!("==> {}", line(&step));
            done.push(step);
        }
        done
    })
}

fn timed(check: fn(&Checkout) -> Outcome, checkout: &Checkout) -> (Duration, Outcome) {
    let started = Instant::now();
    let outcome = check(checkout);
    (started.elapsed(), outcome)
}

/// The reason why a step is not begun, if there is one.
fn obstacle(step: &Step, done: &[Done], checkout: &Checkout) -> Option<String> {
    let failed = |name: &&&str| done.iter().any(|done| done.name == **name && done.outcome.is_err());
    match step.requires.iter().find(failed) {
        Some(name) => Some(format!("not begun, because the step `{name}` failed")),
        None => checkout.runner.is_spent().then(|| format!("not begun: {}", checkout.runner.spent())),
    }
}

/// A line of the summary.
pub(crate) fn line(Done { name, elapsed, outcome }: &Done) -> String {
    let word = if outcome.is_ok() { "ok" } else { "FAILED" };
    let reason = outcome.as_ref().err().map(|reason| format!("  {reason}")).unwrap_or_default();
    format!("{name:<15} {word:<6} {:>7.1} s{reason}", elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Runner;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn checkout(budget: Option<Duration>) -> Checkout {
        Checkout { root: ".".into(), all: false, runner: Runner::new(".".into(), budget) }
    }

    fn step(name: &'static str, requires: &'static [&'static str], check: fn(&Checkout) -> Outcome) -> Step {
        Step { name, requires, check, kind: Kind::InTurn }
    }

    #[test]
    fn a_step_whose_requirement_failed_is_not_begun_and_the_others_are() {
        static BEGUN: AtomicUsize = AtomicUsize::new(0);
        let count: fn(&Checkout) -> Outcome = |_| {
            BEGUN.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let fail = |_: &Checkout| Err("no".to_owned());
        let steps = [
            step("build", &[], fail),
            step("tests", &["build"], count),
            step("install", &["tests"], count),
            step("words", &[], count),
        ];
        let done = run(&steps, &checkout(None));
        assert_eq!(BEGUN.load(Ordering::Relaxed), 1);
        let reasons: Vec<_> =
            done.iter().map(|done| done.outcome.clone().err().unwrap_or_default()).collect();
        assert_eq!(reasons[1], "not begun, because the step `build` failed");
        assert_eq!(reasons[2], "not begun, because the step `tests` failed");
        assert_eq!(reasons[3], "");
    }

    #[test]
    fn a_background_step_runs_beside_the_others_and_counts() {
        static OTHER: AtomicUsize = AtomicUsize::new(0);
        let wait: fn(&Checkout) -> Outcome = |_| {
            while OTHER.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
            Err("late failure".into())
        };
        let other: fn(&Checkout) -> Outcome = |_| {
            OTHER.store(1, Ordering::Relaxed);
            Ok(())
        };
        let background = Step { name: "packages", requires: &[], check: wait, kind: Kind::Background };
        let done = run(&[step("build", &[], other), background], &checkout(None));
        assert_eq!(done[1].outcome, Err("late failure".into()));
    }

    #[test]
    fn nothing_begins_when_the_budget_is_spent() {
        let done = run(&[step("build", &[], |_| Ok(()))], &checkout(Some(Duration::ZERO)));
        assert!(done[0].outcome.as_ref().unwrap_err().starts_with("not begun: the budget of 0 s is spent"));
    }
}

//! Known bugs of concurrent programs, each in a file that names its source, and the corrected programs.

mod aba;
mod alien_call;
mod bakery;
mod barrier;
mod check_then_act;
mod deque;
mod double_checked;
mod early_thread;
mod get_last;
mod hyman;
mod if_for_while;
mod lock_order;
mod log_rotation;
mod lost_update;
mod missed_notification;
mod never_released;
mod one_condition;
mod open_channel;
mod own_pool;
mod peterson;
mod philosophers;
mod reference_count;
mod ring;
mod string_buffer;
mod ticket;
mod torn_read;
mod upgrade;

use std::time::Duration;

use threadbook_explore::FailureKind::{self, Deadlock, Livelock, Panic};
use threadbook_explore::{Exploration, Explorer, replay};

/// Name, kind of failure, program, corrected program.
type Bug = (&'static str, FailureKind, fn(), fn());

const CORPUS: [Bug; 27] = [
    ("lost_update", Panic, lost_update::bug, lost_update::fixed),
    ("check_then_act", Panic, check_then_act::bug, check_then_act::fixed),
    ("get_last", Panic, get_last::bug, get_last::fixed),
    ("double_checked", Panic, double_checked::bug, double_checked::fixed),
    ("peterson", Panic, peterson::bug, peterson::fixed),
    ("hyman", Panic, hyman::bug, hyman::fixed),
    ("bakery", Panic, bakery::bug, bakery::fixed),
    ("lock_order", Deadlock, lock_order::bug, lock_order::fixed),
    ("philosophers", Deadlock, philosophers::bug, philosophers::fixed),
    ("missed_notification", Deadlock, missed_notification::bug, missed_notification::fixed),
    ("if_for_while", Panic, if_for_while::bug, if_for_while::fixed),
    ("one_condition", Deadlock, one_condition::bug, one_condition::fixed),
    ("barrier", Panic, barrier::bug, barrier::fixed),
    ("upgrade", Deadlock, upgrade::bug, upgrade::fixed),
    ("never_released", Deadlock, never_released::bug, never_released::fixed),
    ("alien_call", Deadlock, alien_call::bug, alien_call::fixed),
    ("aba", Panic, aba::bug, aba::fixed),
    ("ring", Panic, ring::bug, ring::fixed),
    ("torn_read", Panic, torn_read::bug, torn_read::fixed),
    ("ticket", Livelock, ticket::bug, ticket::fixed),
    ("reference_count", Panic, reference_count::bug, reference_count::fixed),
    ("log_rotation", Panic, log_rotation::bug, log_rotation::fixed),
    ("early_thread", Panic, early_thread::bug, early_thread::fixed),
    ("string_buffer", Panic, string_buffer::bug, string_buffer::fixed),
    ("own_pool", Deadlock, own_pool::bug, own_pool::fixed),
    ("open_channel", Deadlock, open_channel::bug, open_channel::fixed),
    ("deque", Panic, deque::bug, deque::fixed),
];

fn explorer() -> Explorer {
    Explorer::new().max_steps(2_000).time_limit(Duration::from_secs(5))
}

/// Names the programs for which something does not hold.
fn without(
    holds: impl Fn(FailureKind, &Exploration) -> bool,
    explored: &[(&str, FailureKind, Exploration)],
) -> String {
    let wrong = explored.iter().filter(|(_, kind, exploration)| !holds(*kind, exploration));
    wrong.map(|(name, _, exploration)| format!("{name}: {exploration}\n\n")).collect()
}

#[test]
fn all_bugs_are_found_and_replay_a_hundred_times() {
    let explored = CORPUS.map(|(name, kind, bug, _)| (name, kind, explorer().run(bug)));
    let wrong =
        without(|kind, found| found.failure().is_some_and(|failure| failure.kind() == kind), &explored);
    assert_eq!(wrong, "", "not found, or another failure");
    for ((name, _, bug, _), (_, _, exploration)) in CORPUS.iter().zip(&explored) {
        let failure = exploration.failure().unwrap();
        for _ in 0..100 {
            let again = explorer().replay(failure.schedule(), bug);
            let message = again.failure().map(|failure| failure.message());
            assert_eq!(message, Some(failure.message()), "{name}: {}", again.summary());
        }
    }
}

#[test]
fn corrected_programs_raise_no_alarm() {
    let explored = CORPUS.map(|(name, kind, _, fixed)| (name, kind, explorer().run(fixed)));
    let wrong = without(|_, found| found.failure().is_none() && found.problem().is_none(), &explored);
    assert_eq!(wrong, "", "false alarms");
    let unfinished = without(|_, found| found.is_exhaustive() || found.schedules() >= 100_000, &explored);
    assert_eq!(unfinished, "", "not every schedule was run");
}

#[test]
fn failures_have_few_switches_and_the_programs_own_lines() {
    for (name, _, bug, _) in CORPUS {
        let exploration = explorer().run(bug);
        let failure = exploration.failure().unwrap();
        assert!(failure.switches() <= 3, "{name}: {exploration}");
        let file = format!("{name}.rs:");
        assert!(failure.steps().iter().any(|step| step.place.starts_with(&file)), "{name}: {exploration}");
        assert!(failure.steps().iter().filter(|step| step.is_switch).count() == failure.switches(), "{name}");
    }
}

#[test]
fn a_schedule_of_one_program_is_not_one_of_another() {
    let lost = explorer().run(lost_update::bug);
    let schedule = lost.failure().unwrap().schedule();
    let other = replay(schedule, philosophers::bug);
    assert!(other.problem().is_some_and(|problem| problem.contains("another program")), "{other}");
    let corrected = replay(schedule, lost_update::fixed);
    assert!(corrected.problem().is_some_and(|problem| problem.contains("another program")), "{corrected}");
}

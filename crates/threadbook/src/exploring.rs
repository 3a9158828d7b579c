//! Explorations in cells: what the generated code of a cell under `%%explore` calls, and stepping through a schedule.

use std::sync::{Arc, Mutex, PoisonError};

use threadbook_base::location;
use threadbook_cell::{End, Outcome};
use threadbook_explore::{Exploration, Explorer, Line, Play};
use threadbook_widgets::{Button, HBox, Widget};

use crate::{display, display_handle, process};

/// So many steps are tried to find the names of the threads.
const MAX_TRIAL: usize = 50;

/// What the last cell under `%%explore` has found.
static LAST: Mutex<Option<Exploration>> = Mutex::new(None);

/// Explores the statements of a cell, shows what was found, and ends the cell with the failure if there is one.
pub fn explored<O: Outcome>(explorer: Explorer, lines: &'static [Line], statements: impl Fn() -> O) {
    let explorer = explorer.generated_from(lines, location::describe);
    let exploration = explorer.run(|| {
        if let End::Failed(error) = statements().end() {
            panic!("the cell returned an error: {}", error.text);
        }
    });
    display(&exploration);
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(exploration.clone());
    if let Some(failure) = exploration.failure() {
        process::end_cell(failure.message(), failure.in_code());
    }
    if let Some(problem) = exploration.problem() {
        process::end_cell(problem, None);
    }
}

/// What the last cell under `%%explore` has found.
pub fn last_exploration() -> Option<Exploration> {
    LAST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Lets the reader choose the order of steps: a button for each thread, one that takes the last step back, and one that
/// shows a schedule that fails.
///
/// # Examples
///
/// ```
/// use threadbook::prelude::*;
///
/// be_the_scheduler(|| {
///     use threadbook::explore::std;
///     let is_open = std::sync::atomic::AtomicBool::new(true);
///     std::thread::scope(|scope| {
///         scope.spawn(|| is_open.store(false, std::sync::atomic::Ordering::SeqCst));
///         assert!(is_open.load(std::sync::atomic::Ordering::SeqCst));
///     });
/// });
/// ```
pub fn be_the_scheduler(closure: impl Fn() + Send + Sync + 'static) {
    let closure = Arc::new(closure);
    let play = {
        let closure = closure.clone();
        move |choices: &[usize]| -> Play { Explorer::new().play(choices, &*closure) }
    };
    // A run in which each step is the first thread's that can go on has all threads, unless others start some.
    let mut names: Vec<String> = Vec::new();
    let mut choices = Vec::new();
    loop {
        let now = play(&choices);
        for step in now.next() {
            let name = now.thread(step.thread).to_owned();
            if names.len() <= step.thread {
                names.resize(step.thread + 1, String::new());
            }
            names[step.thread] = name;
        }
        match now.next().first() {
            Some(step) if choices.len() < MAX_TRIAL => choices.push(step.thread),
            _ => break,
        }
    }
    let chosen = Arc::new(Mutex::new(Vec::<usize>::new()));
    let buttons: Vec<(usize, Button)> = names
        .iter()
        .enumerate()
        .filter(|(_, name)| !name.is_empty())
        .map(|(thread, name)| (thread, Button::new(name)))
        .collect();
    let (undo, find) = (Button::new("undo"), Button::new("find a failing one"));
    let mut row: Vec<&dyn Widget> = buttons.iter().map(|(_, button)| button as &dyn Widget).collect();
    row.extend([&undo as &dyn Widget, &find]);
    display(&HBox::new(&row));
    let handle = Arc::new(Mutex::new(display_handle(&play(&[]))));
    for (thread, button) in &buttons {
        let (play, chosen, handle, thread) = (play.clone(), chosen.clone(), handle.clone(), *thread);
        button.on_click(move || {
            let mut chosen = chosen.lock().unwrap_or_else(PoisonError::into_inner);
            let now = play(&chosen);
            if now.next().iter().any(|step| step.thread == thread) {
                chosen.push(thread);
                handle.lock().unwrap_or_else(PoisonError::into_inner).update(&play(&chosen));
            }
        });
    }
    let (before, shown, again) = (chosen.clone(), handle.clone(), play);
    undo.on_click(move || {
        let mut chosen = before.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.pop();
        shown.lock().unwrap_or_else(PoisonError::into_inner).update(&again(&chosen));
    });
    find.on_click(move || {
        let found = Explorer::new().run(&*closure);
        handle.lock().unwrap_or_else(PoisonError::into_inner).update(&found);
    });
}

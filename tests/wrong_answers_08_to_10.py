"""Typical wrong answers to the exercises of the notebooks 08 to 10; `wrong_answers.py` says what they are."""

PREDICTIONS = """
fn predictions() -> [(&'static str, bool, bool); 5] {
    [
        ("Rc<u64>", RC),
        ("Arc<u64>", true, true),
        ("Cell<u64>", CELL),
        ("Mutex<u64>", true, true),
        ("MutexGuard<u64>", GUARD),
    ]
}
"""


def predictions(rc: str, cell: str, guard: str) -> str:
    return PREDICTIONS.replace("RC", rc).replace("CELL", cell).replace("GUARD", guard)


BOTH = """
fn both(text: String, first: fn(&str) -> usize, second: fn(&str) -> usize) -> (usize, usize) {
    BODY
}
"""

CACHED = """
use std::collections::HashMap;
use std::sync::Mutex;

type Cache = Mutex<HashMap<u32, String>>;

fn cached(cache: &Cache, number: u32, load: impl Fn(u32) -> String) -> String {
    BODY
}
"""

UPDATE = """
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

fn update(number: &AtomicU64, step: impl Fn(u64) -> u64) -> u64 {
    BODY
}
"""

SQUARES = """
use std::sync::mpsc;
use std::thread;

fn squares(numbers: Vec<u64>) -> Vec<u64> {
    let (to, from) = mpsc::channel();
    for n in numbers {
        let own = to.clone();
        thread::spawn(move || own.send(RESULT).unwrap());
    }
    REST
}
"""

SUM = """
use std::sync::mpsc;
use std::thread;

fn sum(numbers: Vec<u64>, workers: usize) -> u64 {
    let (to, from) = mpsc::channel();
    for part in numbers.chunks(numbers.len().div_ceil(workers)) {
        let (to, part) = (to.clone(), part.to_vec());
        thread::spawn(move || to.send(part.iter().sum::<u64>()).unwrap());
    }
    REST
}
"""

PIPELINE = """
use std::sync::mpsc;
use std::thread;

fn pipeline(
    numbers: Vec<u64>,
    first: fn(u64) -> u64,
    second: fn(u64) -> u64,
    room: usize,
) -> Vec<u64> {
    BODY
}
"""

STOCK = """
use std::sync::mpsc;
use std::thread;

enum ToStock {
    Add(u32),
    Take(u32, mpsc::Sender<bool>),
}

fn start_stock() -> mpsc::Sender<ToStock> {
    let (to, messages) = mpsc::channel();
    thread::spawn(move || {
        let mut items = 0_u32;
        for message in messages {
            match message {
                ARMS
            }
        }
    });
    to
}
"""

REPEAT = """
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

fn repeat_until(stop: &AtomicBool, mut work: impl FnMut()) {
    BODY
}
"""

RETRY = """
use std::time::Duration;

fn retry(
    attempts: u32,
    mut delay: Duration,
    mut work: impl FnMut() -> Result<u32, String>,
) -> Result<u32, String> {
    BODY
}
"""

STOP_ALL = """
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

struct Worker {
    stop: Sender<()>,
    thread: JoinHandle<u64>,
}

fn stop_all(workers: Vec<Worker>) -> u64 {
    BODY
}
"""

PAIR = """
use tokio::sync::mpsc::Receiver;

async fn next_pair(from: &mut Receiver<u32>, kept: &mut Option<u32>) -> (u32, u32) {
    BODY
}
"""

WRONG_ANSWERS: dict[str, list[tuple[str, str]]] = {
    # --- 08 -------------------------------------------------------------------------------------------------------
    "exercise-send-sync": [
        # A count without a lock is taken for harmless, if only one thread has it.
        (predictions("true, false", "true, false", "false, true"), "Rc<u64>: your answer for Send is true"),
        # A cell is taken for something like a lock.
        (predictions("false, false", "true, true", "false, true"), "Cell<u64>: your answer for Sync is true"),
        # A value that must not move is taken for one that must not be used.
        (predictions("false, false", "true, false", "false, false"), "MutexGuard<u64>: your answer for Sync is false"),
        # A guard is taken for a key that can be handed over.
        (predictions("false, false", "true, false", "true, true"), "MutexGuard<u64>: your answer for Send is true"),
    ],
    "exercise-both": [
        # It compiles without a thread.
        (BOTH.replace("BODY", "(first(&text), second(&text))"), "do not run at the same time"),
        # The thread has ended before the other function begins.
        (
            BOTH.replace("BODY", "let one = std::thread::scope(|s| s.spawn(|| first(&text)).join().unwrap());\n    (one, second(&text))"),
            "do not run at the same time",
        ),
        # The results are the wrong way round.
        (
            BOTH.replace("BODY", "std::thread::scope(|s| { let one = s.spawn(|| first(&text)); (second(&text), one.join().unwrap()) })"),
            "in the wrong order",
        ),
    ],
    "exercise-cache": [
        # Inserts what is not there yet, but has computed it already.
        (
            CACHED.replace(
                "BODY",
                """
    let found = cache.lock().unwrap().get(&number).cloned();
    if let Some(text) = found {
        return text;
    }
    let text = load(number);
    cache.lock().unwrap().entry(number).or_insert(text).clone()
""",
            ),
            "load is called 2 times",
        ),
        # One lock, and nothing is inserted.
        (
            CACHED.replace(
                "BODY",
                """
    let cache = cache.lock().unwrap();
    cache.get(&number).cloned().unwrap_or_else(|| load(number))
""",
            ),
            "load is called 2 times",
        ),
        # One text for all numbers.
        (
            CACHED.replace(
                "BODY",
                """
    let mut cache = cache.lock().unwrap();
    cache.entry(0).or_insert_with(|| load(number)).clone()
""",
            ),
            "number 8 is another text",
        ),
    ],
    "exercise-update": [
        # Reads and writes.
        (
            UPDATE.replace("BODY", "let new = step(number.load(Relaxed));\n    number.store(new, Relaxed);\n    new"),
            "its update is lost",
        ),
        # Tries once.
        (
            UPDATE.replace(
                "BODY",
                "let seen = number.load(Relaxed);\n    let new = step(seen);\n"
                "    let _ = number.compare_exchange(seen, new, Relaxed, Relaxed);\n    new",
            ),
            "then nothing was doubled",
        ),
        # Compares with the number that was there at first, again and again.
        (
            UPDATE.replace(
                "BODY",
                "let seen = number.load(Relaxed);\n    loop {\n        let new = step(seen);\n"
                "        if number.compare_exchange(seen, new, Relaxed, Relaxed).is_ok() {\n            return new;\n        }\n    }",
            ),
            "again and again: compare with what?",
        ),
        # Returns what the methods of atomics return: the old number.
        (
            UPDATE.replace("BODY", "number.fetch_update(Relaxed, Relaxed, |n| Some(step(n))).unwrap()"),
            "update should return the new number, which is 20, and not 10",
        ),
    ],
    # --- 09 -------------------------------------------------------------------------------------------------------
    "exercise-hang-up": [
        # One thread only.
        ("fn predictions() -> [usize; 3] { [3, 0, 3] }", "A: your answer is 3"),
        # The messages wait for a receiver that will never be.
        ("fn predictions() -> [usize; 3] { [6, 5, 3] }", "B: your answer is 5"),
        # The sender waits for room.
        ("fn predictions() -> [usize; 3] { [6, 0, 10] }", "C: your answer is 10"),
    ],
    "exercise-squares": [
        # It compiles, and the function itself keeps a sender.
        (SQUARES.replace("RESULT", "n * n").replace("REST", "from.iter().collect()"), "squares does not end"),
        # The first message only.
        (SQUARES.replace("RESULT", "n * n").replace("REST", "vec![from.recv().unwrap()]"), "squares returns 1 results"),
        # Twice the number.
        (SQUARES.replace("RESULT", "n + n").replace("REST", "drop(to);\n    from.iter().collect()"), "but squares returns [2, 4, 6, 6]"),
    ],
    "exercise-sum": [
        # Does not wait for any worker.
        (SUM.replace("REST", "drop(to);\n    from.recv().unwrap()"), "the sum of 100 numbers on 4 workers is 5050"),
        # As many messages as workers were asked for, and there may be fewer.
        (SUM.replace("REST", "let mut total = 0;\n    for _ in 0..workers {\n        total += from.recv().unwrap();\n    }\n    total"), "sum does not end"),
        # Drops another sender than its own.
        (SUM.replace("REST", "drop(to.clone());\n    from.iter().sum()"), "sum does not end"),
    ],
    "exercise-pipeline-two": [
        # Each item goes through both, one by one.
        (PIPELINE.replace("BODY", "numbers.into_iter().map(|n| second(first(n))).collect()"), "the stages run one after the other"),
        # A channel without a bound.
        (
            PIPELINE.replace(
                "BODY",
                """
    let (to, from) = mpsc::channel();
    thread::spawn(move || {
        for n in numbers {
            to.send(first(n)).unwrap();
        }
    });
    from.iter().map(second).collect()
""",
            ),
            "items ahead",
        ),
        # The first stage alone.
        (PIPELINE.replace("BODY", "numbers.into_iter().map(first).collect()"), "so the results are 3, 5, 7"),
        # Loses the items that are in the channel at the end.
        (
            PIPELINE.replace(
                "BODY",
                """
    let (to, from) = mpsc::sync_channel(room);
    let count = numbers.len();
    let stage = thread::spawn(move || {
        for n in numbers {
            to.send(first(n)).unwrap();
        }
    });
    let results = from.iter().take(count - room).map(second).collect();
    drop(from);
    let _ = stage.join();
    results
""",
            ),
            "but pipeline returns 10 results",
        ),
    ],
    "exercise-stock": [
        # Handles one message, and ends.
        (
            STOCK.replace("for message in messages", "if let Ok(message) = messages.recv()").replace(
                "ARMS", "ToStock::Add(count) => items += count,\n                ToStock::Take(_, answer) => drop(answer.send(items > 0)),"
            ),
            "is never answered",
        ),
        # Never answers.
        (
            STOCK.replace(
                "ARMS",
                "ToStock::Add(count) => items += count,\n                ToStock::Take(count, _) => items = items.saturating_sub(count),",
            ),
            "send true or false to its sender",
        ),
        # Answers, and does not get smaller.
        (
            STOCK.replace(
                "ARMS",
                "ToStock::Add(count) => items += count,\n                ToStock::Take(count, answer) => drop(answer.send(count <= items)),",
            ),
            "does it get smaller?",
        ),
        # Takes also if there is too little.
        (
            STOCK.replace(
                "ARMS",
                "ToStock::Add(count) => items += count,\n"
                "                ToStock::Take(count, answer) => {\n"
                "                    let enough = count <= items;\n"
                "                    items = items.saturating_sub(count);\n"
                "                    let _ = answer.send(enough);\n"
                "                }",
            ),
            "a refused `Take` must not change the stock",
        ),
    ],
    # --- 10 -------------------------------------------------------------------------------------------------------
    "exercise-repeat": [
        # Looks once.
        (REPEAT.replace("BODY", "if !stop.load(Relaxed) {\n        work();\n    }"), "work was called 1 times in all"),
        # Looks after the work only.
        (
            REPEAT.replace("BODY", "loop {\n        work();\n        if stop.load(Relaxed) {\n            return;\n        }\n    }"),
            "stop is set from the start",
        ),
        # Copies the flag before the loop.
        (REPEAT.replace("BODY", "let stopped = stop.load(Relaxed);\n    while !stopped {\n        work();\n    }"), "on and on"),
    ],
    "exercise-retry": [
        # Again at once.
        (
            RETRY.replace("BODY", "for _ in 1..attempts {\n        if let Ok(value) = work() {\n            return Ok(value);\n        }\n    }\n    work()"),
            "wait for the delay",
        ),
        # The same delay each time.
        (
            RETRY.replace(
                "BODY",
                "for _ in 1..attempts {\n        if let Ok(value) = work() {\n            return Ok(value);\n        }\n"
                "        std::thread::sleep(delay);\n    }\n    work()",
            ),
            "double them",
        ),
        # One attempt more than allowed.
        (
            RETRY.replace(
                "BODY",
                "for _ in 0..attempts {\n        if let Ok(value) = work() {\n            return Ok(value);\n        }\n"
                "        std::thread::sleep(delay);\n        delay *= 2;\n    }\n    work()",
            ),
            "4 attempts are allowed, but there were 5",
        ),
    ],
    "exercise-stop-all": [
        # Stops the next one when the last one has ended.
        (
            STOP_ALL.replace(
                "BODY",
                "let mut sum = 0;\n    for worker in workers {\n        drop(worker.stop);\n        sum += worker.thread.join().unwrap();\n    }\n    sum",
            ),
            "stopped one after the other",
        ),
        # Stops all, and waits for none.
        (STOP_ALL.replace("BODY", "drop(workers);\n    6"), "wait for each thread"),
        # Waits for the first.
        (
            STOP_ALL.replace(
                "BODY",
                "let mut threads = Vec::new();\n    for worker in workers {\n        drop(worker.stop);\n        threads.push(worker.thread);\n    }\n"
                "    let mut last = 0;\n    for thread in threads {\n        last = thread.join().unwrap();\n    }\n    last",
            ),
            "but stop_all returns 3",
        ),
    ],
    "exercise-pair": [
        # Puts the first message aside too late.
        (
            PAIR.replace(
                "BODY",
                "let first = from.recv().await.unwrap();\n    let second = from.recv().await.unwrap();\n    *kept = Some(first);\n    (first, second)",
            ),
            "the 1 is lost",
        ),
        # Takes the first message out before the second has come.
        (
            PAIR.replace(
                "BODY",
                "if kept.is_none() {\n        *kept = Some(from.recv().await.unwrap());\n    }\n"
                "    let first = kept.take().unwrap();\n    (first, from.recv().await.unwrap())",
            ),
            "the 1 is lost",
        ),
        # Never takes it out.
        (
            PAIR.replace(
                "BODY",
                "if kept.is_none() {\n        *kept = Some(from.recv().await.unwrap());\n    }\n    (kept.unwrap(), from.recv().await.unwrap())",
            ),
            "Is `kept` empty after each pair?",
        ),
    ],
}

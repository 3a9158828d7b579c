"""Typical wrong answers to the exercises, three or more of each, and words of what the check of each must say about them.

An answer takes the place of the cell that ends in `-start`. It compiles; it is only wrong.
"""

import wrong_answers_08_to_10

WRONG_ANSWERS: dict[str, list[tuple[str, str]]] = {
    # --- 01 -------------------------------------------------------------------------------------------------------
    "exercise-return-code": [
        # A line of the shell is taken for the name of a program, and the error thrown away.
        (
            """
fn exit_code_of(line: &str) -> Result<i32, subprocess::SubprocessError> {
    Ok(subprocess::call(line).unwrap_or(0))
}
""",
            "Does it run the line?",
        ),
        # What counts is whether it went well, as a boolean.
        (
            """
fn exit_code_of(line: &str) -> Result<i32, subprocess::SubprocessError> {
    Ok(if subprocess::call(shell(line))? == 0 { 0 } else { 1 })
}
""",
            "ends with 3, but exit_code_of says 1",
        ),
        # Signals the wrong way round.
        (
            """
fn exit_code_of(line: &str) -> Result<i32, subprocess::SubprocessError> {
    Ok(subprocess::call(shell(line))?.abs())
}
""",
            "ends with -9, but exit_code_of says 9",
        ),
        # Takes a code that is not 0 for an error.
        (
            """
fn exit_code_of(line: &str) -> Result<i32, subprocess::SubprocessError> {
    subprocess::check_call(shell(line)).map(|_| 0)
}
""",
            "exit_code_of returns an error, and no code",
        ),
    ],
    "exercise-pipeline": [
        # Runs it, and keeps nothing of what it prints.
        (
            """
fn strange_date() -> Result<String, subprocess::SubprocessError> {
    subprocess::call(shell("date | tr a-z A-Z | tr 1 Q > /dev/null"))?;
    Ok(String::new())
}
""",
            "should return the output of the pipeline",
        ),
        # The first of three programs.
        (
            """
fn strange_date() -> Result<String, subprocess::SubprocessError> {
    subprocess::check_output("date")
}
""",
            "makes them capital",
        ),
        # Two of three.
        (
            """
fn strange_date() -> Result<String, subprocess::SubprocessError> {
    subprocess::check_output(shell("date | tr a-z A-Z"))
}
""",
            "still has a 1 in it",
        ),
        # Looks right, but is always the same.
        (
            """
fn strange_date() -> Result<String, subprocess::SubprocessError> {
    Ok("FRI MAR Q8 0Q:58:3Q UTC 2005\\n".to_string())
}
""",
            "now, but strange_date returns",
        ),
    ],
    "exercise-scripts": [
        # Once is no average.
        (
            """
fn average_of_three(command: Command) -> Result<std::time::Duration, subprocess::SubprocessError> {
    Ok(time_command(command).run()?.real)
}
""",
            "should run 3 times, but average_of_three ran it 1 times",
        ),
        # The time on the cores, of a command that sleeps.
        (
            """
fn average_of_three(command: Command) -> Result<std::time::Duration, subprocess::SubprocessError> {
    Ok(time_command(command).runs(3).run()?.user)
}
""",
            "a run takes 0.1 s, but",
        ),
        # The sum.
        (
            """
fn average_of_three(command: Command) -> Result<std::time::Duration, subprocess::SubprocessError> {
    Ok(time_command(command).runs(3).run()?.real * 3)
}
""",
            "is too long: all three took",
        ),
    ],
    "exercise-benchmark": [
        # A task, but nothing to compare with.
        (
            """
fn my_task(n: u64) -> u64 {
    std::thread::sleep(std::time::Duration::from_millis(5));
    n
}

fn my_benchmark() -> Comparison {
    let one = ThreadPoolExecutor::new(1);
    benchmark("alone").runs(3).case("1 worker", || one.map(my_task, 0..8).count()).run()
}
""",
            "there is 1 case, and nothing to compare",
        ),
        # Two cases, one run.
        (
            """
fn my_task(n: u64) -> u64 {
    std::thread::sleep(std::time::Duration::from_millis(5));
    n
}

fn my_benchmark() -> Comparison {
    let (one, many) = (ThreadPoolExecutor::new(1), ThreadPoolExecutor::new(4));
    benchmark("once")
        .runs(1)
        .case("1 worker", || one.map(my_task, 0..8).count())
        .case("4 workers", || many.map(my_task, 0..8).count())
        .run()
}
""",
            "1 runs of a case are too few",
        ),
        # Nothing to do.
        (
            """
fn my_task(n: u64) -> u64 {
    n + 1
}

fn my_benchmark() -> Comparison {
    let (one, many) = (ThreadPoolExecutor::new(1), ThreadPoolExecutor::new(4));
    benchmark("nothing")
        .runs(3)
        .case("1 worker", || one.map(my_task, 0..8).count())
        .case("4 workers", || many.map(my_task, 0..8).count())
        .run()
}
""",
            "too little to share",
        ),
        # Two cases, but no more workers in the second one. The task takes the longer the larger its number.
        (
            """
fn my_task(n: u64) -> u64 {
    std::thread::sleep(std::time::Duration::from_millis(10 * n));
    n
}

fn my_benchmark() -> Comparison {
    let (one, other) = (ThreadPoolExecutor::new(1), ThreadPoolExecutor::new(1));
    benchmark("one each")
        .runs(3)
        .case("1 worker", || one.map(my_task, 0..4).count())
        .case("1 other worker", || other.map(my_task, 0..4).count())
        .run()
}
""",
            "Has one of them more workers",
        ),
    ],
    # --- 02 -------------------------------------------------------------------------------------------------------
    "exercise-fallback": [
        # `run` is content with any exit code.
        (
            """
fn first_that_works(lines: &[&str]) -> Option<String> {
    lines.iter().find_map(|line| Some(subprocess::run(shell(line)).ok()?.stdout_lossy()))
}
""",
            "line A ends with 1, which is a failure",
        ),
        # The first error is the end.
        (
            """
fn first_that_works(lines: &[&str]) -> Option<String> {
    for line in lines {
        return Some(subprocess::check_output(shell(line)).ok()?);
    }
    None
}
""",
            "nothing was returned. These were run: A.",
        ),
        # Runs all of them first.
        (
            """
fn first_that_works(lines: &[&str]) -> Option<String> {
    let outputs: Vec<_> = lines.iter().map(|line| subprocess::check_output(shell(line))).collect();
    outputs.into_iter().flatten().next()
}
""",
            "These were run: A, B, C.",
        ),
    ],
    "exercise-together": [
        # One after the other.
        (
            """
fn exit_codes(commands: Vec<Command>) -> Result<Vec<i32>, subprocess::SubprocessError> {
    commands.into_iter().map(|command| subprocess::spawn(command)?.wait()).collect()
}
""",
            "start all of them before you wait for the first",
        ),
        # In the order in which they end.
        (
            """
fn exit_codes(commands: Vec<Command>) -> Result<Vec<i32>, subprocess::SubprocessError> {
    let pool = ThreadPoolExecutor::new(commands.len());
    let codes = commands.into_iter().map(|command| pool.submit(move || subprocess::call(command).unwrap()));
    Ok(as_completed(codes.collect::<Vec<_>>()).map(|code| code.result().unwrap()).collect())
}
""",
            "in the order of the commands, but these were returned",
        ),
        # Looks at once, and waits for nobody.
        (
            """
fn exit_codes(commands: Vec<Command>) -> Result<Vec<i32>, subprocess::SubprocessError> {
    let children: Vec<subprocess::Child> = commands.into_iter().map(subprocess::spawn).collect::<Result<_, _>>()?;
    children.iter().map(|child| Ok(child.poll()?.unwrap_or(0))).collect()
}
""",
            "Did you wait for each?",
        ),
    ],
    # --- 03 -------------------------------------------------------------------------------------------------------
    "exercise-transfer": [
        # Takes the locks in the order of the arguments, so that two threads wait for each other.
        (
            """
fn transfer(from: &threading::Lock<i64>, to: &threading::Lock<i64>, amount: i64) -> Result<(), TaskError> {
    let mut giver = from.lock()?;
    let mut taker = to.lock()?;
    *giver -= amount;
    *taker += amount;
    Ok(())
}
""",
            "two threads that transfer in opposite directions: deadlock",
        ),
        # In the order of the names, which leaves it open if two are equal.
        (
            """
fn transfer(from: &threading::Lock<i64>, to: &threading::Lock<i64>, amount: i64) -> Result<(), TaskError> {
    let (mut giver, mut taker);
    if from.name() < to.name() {
        giver = from.lock()?;
        taker = to.lock()?;
    } else {
        taker = to.lock()?;
        giver = from.lock()?;
    }
    *giver -= amount;
    *taker += amount;
    Ok(())
}
""",
            "two threads that transfer in opposite directions: deadlock",
        ),
        # Never holds both, so for a moment the money is nowhere.
        (
            """
fn transfer(from: &threading::Lock<i64>, to: &threading::Lock<i64>, amount: i64) -> Result<(), TaskError> {
    *from.lock()? -= amount;
    std::thread::sleep(std::time::Duration::from_millis(1));
    *to.lock()? += amount;
    Ok(())
}
""",
            "but once they had",
        ),
        # Takes each lock to read and once more to write, and others come between.
        (
            """
fn transfer(from: &threading::Lock<i64>, to: &threading::Lock<i64>, amount: i64) -> Result<(), TaskError> {
    let giver = *from.lock()?;
    let taker = *to.lock()?;
    std::thread::yield_now();
    *from.lock()? = giver - amount;
    *to.lock()? = taker + amount;
    Ok(())
}
""",
            "Hold both locks throughout",
        ),
        # In the order of the addresses, but an account may be both.
        (
            """
fn transfer(from: &threading::Lock<i64>, to: &threading::Lock<i64>, amount: i64) -> Result<(), TaskError> {
    if std::ptr::from_ref(from).addr() < std::ptr::from_ref(to).addr() {
        let (mut giver, mut taker) = (from.lock()?, to.lock()?);
        *giver -= amount;
        *taker += amount;
    } else {
        let (mut taker, mut giver) = (to.lock()?, from.lock()?);
        *giver -= amount;
        *taker += amount;
    }
    Ok(())
}
""",
            "transfer takes its lock twice",
        ),
        # Only half of it.
        (
            """
fn transfer(from: &threading::Lock<i64>, to: &threading::Lock<i64>, amount: i64) -> Result<(), TaskError> {
    *to.lock()? += amount;
    Ok(())
}
""",
            "then a has 1000 and b has 1100",
        ),
    ],
    "exercise-spread": [
        # Nobody tells the threads that this was all.
        (
            """
fn spread(work: fn(u64) -> u64, numbers: Vec<u64>, workers: usize) -> Vec<u64> {
    let to_do = std::sync::Arc::new(threading::Queue::new());
    let done = std::sync::Arc::new(threading::Queue::new());
    let crew: Vec<threading::Thread<()>> = (0..workers).map(|_| {
        let (to_do, done) = (to_do.clone(), done.clone());
        threading::Thread::spawn(move || to_do.iter().for_each(|number| done.put(work(number)).unwrap()))
    }).collect();
    numbers.into_iter().for_each(|number| to_do.put(number).unwrap());
    crew.iter().for_each(|worker| worker.join().unwrap());
    done.close();
    done.iter().collect()
}
""",
            "spread does not end",
        ),
        # One number for each thread.
        (
            """
fn spread(work: fn(u64) -> u64, numbers: Vec<u64>, workers: usize) -> Vec<u64> {
    let to_do = std::sync::Arc::new(threading::Queue::new());
    numbers.into_iter().for_each(|number| to_do.put(number).unwrap());
    let crew: Vec<threading::Thread<u64>> = (0..workers).map(|_| {
        let to_do = to_do.clone();
        threading::Thread::spawn(move || work(to_do.get().unwrap()))
    }).collect();
    crew.iter().map(|worker| worker.join().unwrap()).collect()
}
""",
            "spread returns 3 results",
        ),
        # Joins each thread before the next one starts.
        (
            """
fn spread(work: fn(u64) -> u64, numbers: Vec<u64>, workers: usize) -> Vec<u64> {
    numbers.into_iter().map(|number| threading::Thread::spawn(move || work(number)).join().unwrap()).collect()
}
""",
            "at most 1 worked at the same time",
        ),
    ],
    # --- 04 -------------------------------------------------------------------------------------------------------
    "exercise-count": [
        # Each process has a static of its own.
        (
            """
static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

fn count_together(hits: &multiprocessing::Value<u64>, processes: usize, each: u64) -> Result<(), TaskError> {
    use std::sync::atomic::Ordering::Relaxed;
    let all: Vec<multiprocessing::Process> = (0..processes)
        .map(|_| multiprocessing::Process::spawn(|each: u64| _ = COUNT.fetch_add(each, Relaxed), each))
        .collect::<Result<_, _>>()?;
    all.iter().try_for_each(|process| process.join().map(drop))?;
    hits.set(COUNT.load(Relaxed));
    Ok(())
}
""",
            "the value is still 0",
        ),
        # Reads and writes.
        (
            """
fn count_together(hits: &multiprocessing::Value<u64>, processes: usize, each: u64) -> Result<(), TaskError> {
    let count = |(hits, each): (multiprocessing::Value<u64>, u64)| (0..each).for_each(|_| hits.set(hits.get() + 1));
    let all: Vec<multiprocessing::Process> = (0..processes)
        .map(|_| multiprocessing::Process::spawn(count, (hits.clone(), each * 20)))
        .collect::<Result<_, _>>()?;
    all.iter().try_for_each(|process| process.join().map(drop))?;
    hits.set(hits.get() / 20);
    Ok(())
}
""",
            "some got lost on the way",
        ),
        # Makes processes, and starts none.
        (
            """
fn count_together(hits: &multiprocessing::Value<u64>, processes: usize, each: u64) -> Result<(), TaskError> {
    let count = |(hits, each): (multiprocessing::Value<u64>, u64)| (0..each).for_each(|_| _ = hits.update(|n| n + 1));
    for _ in 0..processes {
        multiprocessing::Process::new(count, (hits.clone(), each)).join()?;
    }
    Ok(())
}
""",
            "one process that counts to 10: the process Process-",
        ),
    ],
    "exercise-primes": [
        # All of it is one task.
        (
            """
fn primes_between((start, end): (u64, u64)) -> usize {
    (start.max(2)..end).filter(|n| (2..=n.isqrt()).all(|i| n % i != 0)).count()
}

fn primes_below(limit: u64, pool: &ProcessPoolExecutor) -> Result<usize, TaskError> {
    pool.submit(primes_between, (0, limit)).result()
}
""",
            "a single process did it all",
        ),
        # A task for each number.
        (
            """
fn primes_between((start, end): (u64, u64)) -> usize {
    (start.max(2)..end).filter(|n| (2..=n.isqrt()).all(|i| n % i != 0)).count()
}

fn primes_below(limit: u64, pool: &ProcessPoolExecutor) -> Result<usize, TaskError> {
    pool.map(primes_between, (0..limit).map(|n| (n, n + 1))).sum()
}
""",
            "far too many",
        ),
        # What is left over at the end.
        (
            """
fn primes_between((start, end): (u64, u64)) -> usize {
    (start.max(2)..end).filter(|n| (2..=n.isqrt()).all(|i| n % i != 0)).count()
}

fn primes_below(limit: u64, pool: &ProcessPoolExecutor) -> Result<usize, TaskError> {
    let step = limit / 7;
    pool.map(primes_between, (0..6).map(|part| (part * step, (part + 1) * step))).sum()
}
""",
            "Is a number in no part",
        ),
    ],
    # --- 05 -------------------------------------------------------------------------------------------------------
    "exercise-faster": [
        # Asks one after the other.
        (
            """
fn faster(
    pool: &ThreadPoolExecutor,
    one: impl FnOnce() -> u32 + Send + 'static,
    other: impl FnOnce() -> u32 + Send + 'static,
) -> u32 {
    let answer = pool.submit(one).result().unwrap();
    pool.submit(other).result().unwrap();
    answer
}
""",
            "the answer of the first server, also when",
        ),
        # Takes the last that is done.
        (
            """
fn faster(
    pool: &ThreadPoolExecutor,
    one: impl FnOnce() -> u32 + Send + 'static,
    other: impl FnOnce() -> u32 + Send + 'static,
) -> u32 {
    as_completed([pool.submit(one), pool.submit(other)]).last().unwrap().result().unwrap()
}
""",
            "the answer of the slower server",
        ),
        # Knows the right answer, but waits for both.
        (
            """
fn faster(
    pool: &ThreadPoolExecutor,
    one: impl FnOnce() -> u32 + Send + 'static,
    other: impl FnOnce() -> u32 + Send + 'static,
) -> u32 {
    let done: Vec<_> = as_completed([pool.submit(one), pool.submit(other)]).collect();
    done[0].result().unwrap()
}
""",
            "waits for the slow server",
        ),
    ],
    "exercise-tally": [
        # Expects that all goes well.
        (
            """
type Task = Box<dyn FnOnce() -> u32 + Send>;

fn tally(pool: &ThreadPoolExecutor, tasks: Vec<Task>) -> (u32, usize) {
    let futures: Vec<_> = tasks.into_iter().map(|task| pool.submit(task)).collect();
    (futures.iter().map(|future| future.result().unwrap()).sum(), 0)
}
""",
            "must be counted, not unwrapped",
        ),
        # Waits for each before it submits the next.
        (
            """
type Task = Box<dyn FnOnce() -> u32 + Send>;

fn tally(pool: &ThreadPoolExecutor, tasks: Vec<Task>) -> (u32, usize) {
    let results: Vec<_> = tasks.into_iter().map(|task| pool.submit(task).result()).collect();
    (results.iter().flatten().sum(), results.iter().filter(|result| result.is_err()).count())
}
""",
            "submit all of them before you wait",
        ),
        # Forgets those that failed.
        (
            """
type Task = Box<dyn FnOnce() -> u32 + Send>;

fn tally(pool: &ThreadPoolExecutor, tasks: Vec<Task>) -> (u32, usize) {
    let futures: Vec<_> = tasks.into_iter().map(|task| pool.submit(task)).collect();
    (futures.iter().flat_map(|future| future.result()).sum(), 0)
}
""",
            "tally counts 0 that failed",
        ),
    ],
    # --- 06 -------------------------------------------------------------------------------------------------------
    "exercise-fetch": [
        # Awaits each before it asks for the next.
        (
            """
async fn fetch_all<F>(fetch: impl Fn(u32) -> F, pages: Vec<u32>, most: usize) -> Vec<String>
where
    F: std::future::Future<Output = String>,
{
    let mut all = Vec::new();
    for page in pages {
        all.push(fetch(page).await);
    }
    all
}
""",
            "are fetched one after the other",
        ),
        # All at once.
        (
            """
async fn fetch_all<F>(fetch: impl Fn(u32) -> F, pages: Vec<u32>, most: usize) -> Vec<String>
where
    F: std::future::Future<Output = String>,
{
    futures::future::join_all(pages.into_iter().map(fetch)).await
}
""",
            "up to 9 pages are fetched at the same time",
        ),
        # As they come.
        (
            """
async fn fetch_all<F>(fetch: impl Fn(u32) -> F, pages: Vec<u32>, most: usize) -> Vec<String>
where
    F: std::future::Future<Output = String>,
{
    use futures::StreamExt;
    futures::stream::iter(pages).map(fetch).buffer_unordered(most).collect().await
}
""",
            "but not in their order",
        ),
    ],
    "exercise-patience": [
        # Waits for ever.
        (
            """
use std::future::Future;
use std::time::Duration;

async fn with_patience(answer: impl Future<Output = u32>, patience: Duration, otherwise: u32) -> u32 {
    answer.await
}
""",
            "waits for it forever",
        ),
        # Waits for the end of its patience, and then for nothing more.
        (
            """
use std::future::Future;
use std::time::Duration;

async fn with_patience(answer: impl Future<Output = u32>, patience: Duration, otherwise: u32) -> u32 {
    let (_, answer) = tokio::join!(tokio::time::sleep(patience), tokio::time::timeout(patience, answer));
    answer.unwrap_or(otherwise)
}
""",
            "waits for the end of its patience",
        ),
        # Expects the answer to be in time.
        (
            """
use std::future::Future;
use std::time::Duration;

async fn with_patience(answer: impl Future<Output = u32>, patience: Duration, otherwise: u32) -> u32 {
    tokio::time::timeout(patience, answer).await.unwrap()
}
""",
            "panics instead of returning",
        ),
    ],
    # --- 07 -------------------------------------------------------------------------------------------------------
    "exercise-count-by": [
        # In one thread.
        (
            """
use rayon::prelude::*;
use std::collections::HashMap;

fn count_by(words: &[&str], initial: impl Fn(&str) -> char + Sync) -> HashMap<char, usize> {
    let mut counts = HashMap::new();
    words.iter().for_each(|word| *counts.entry(initial(word)).or_insert(0) += 1);
    counts
}
""",
            "but one thread did it all",
        ),
        # Of two maps with a letter in both, the second one wins.
        (
            """
use rayon::prelude::*;
use std::collections::HashMap;

fn count_by(words: &[&str], initial: impl Fn(&str) -> char + Sync) -> HashMap<char, usize> {
    words
        .par_iter()
        .fold(HashMap::new, |mut counts, word| { *counts.entry(initial(word)).or_insert(0) += 1; counts })
        .reduce(HashMap::new, |mut one, other| { one.extend(other); one })
}
""",
            "put together",
        ),
        # A one for each word, and the last of them stays.
        (
            """
use rayon::prelude::*;
use std::collections::HashMap;

fn count_by(words: &[&str], initial: impl Fn(&str) -> char + Sync) -> HashMap<char, usize> {
    words.par_iter().map(|word| (initial(word), 1)).collect()
}
""",
            "each letter is counted once",
        ),
    ],
    "exercise-largest": [
        # The number at the cut is in neither half.
        (
            """
fn largest(numbers: &[u64], weigh: &(impl Fn(u64) -> u64 + Sync)) -> Option<u64> {
    if numbers.len() <= 1 {
        return numbers.first().map(|number| weigh(*number));
    }
    let half = numbers.len() / 2;
    let (left, right) = rayon::join(|| largest(&numbers[..half], weigh), || largest(&numbers[half + 1..], weigh));
    left.max(right)
}
""",
            "is 9, but largest says Some(",
        ),
        # Forgets that there may be nothing.
        (
            """
fn largest(numbers: &[u64], weigh: &(impl Fn(u64) -> u64 + Sync)) -> Option<u64> {
    if numbers.len() <= 1 {
        return Some(weigh(numbers[0]));
    }
    let (left, right) = numbers.split_at(numbers.len() / 2);
    let (left, right) = rayon::join(|| largest(left, weigh), || largest(right, weigh));
    left.max(right)
}
""",
            "panics if there are no numbers",
        ),
        # Cuts, but does one half after the other.
        (
            """
fn largest(numbers: &[u64], weigh: &(impl Fn(u64) -> u64 + Sync)) -> Option<u64> {
    if numbers.len() <= 1 {
        return numbers.first().map(|number| weigh(*number));
    }
    let (left, right) = numbers.split_at(numbers.len() / 2);
    largest(left, weigh).max(largest(right, weigh))
}
""",
            "but one thread found them all",
        ),
    ],
    **wrong_answers_08_to_10.WRONG_ANSWERS,
}

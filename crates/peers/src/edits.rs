//! Cells that are compiled, because each differs from the one before, and cells that are executed again.

use crate::cells::{IS_PRIME, STOCK};
use crate::kernels::{Kernels, run};
use crate::row::Row;
use threadbook_client::KernelClient;

/// A cell that differs in every round.
type Edited = fn(usize) -> String;

/// Cells whose code differs in every round.
const COMPILED: [(&str, Edited); 9] = [
    ("kernel: expression cell", |n| format!("is_prime({n})")),
    ("kernel: statement cell", |n| format!("assert!(is_prime({n}) || true);")),
    ("kernel: let with its type", |n| format!("let x: u64 = {n} + 1;")),
    ("kernel: let of a vector", |n| format!("let v = vec![{n}, 2, 3];")),
    ("kernel: let of a chain of iterators", |n| {
        format!("let words = (0..{n}).map(|n| n.to_string()).collect::<Vec<_>>();")
    }),
    ("kernel: let of a closure's result", |n| format!("let y = (|x: u64| x + 1)({n});")),
    ("kernel: let of a tuple", |n| format!("let pair = ({n}, \"a\".to_owned());")),
    ("kernel: let of a macro's value", |n| format!("let text = format!(\"{{}}\", {n});")),
    ("kernel: definition", |n| format!("fn f{n}(x: u64) -> u64 {{ x.wrapping_mul({n}) }}")),
];

/// Cells whose code stays the same.
const AGAIN: [(&str, &str); 4] = [
    ("kernel: an expression cell again", "is_prime(9)"),
    ("kernel: a let cell again", "let v: Vec<u64> = vec![1, 2, 3];"),
    ("kernel: a cell that uses 20 functions again", TWENTY),
    (
        "kernel: a map over a process pool again",
        "processes.map(square, 1..=8).map(Result::unwrap).sum::<u64>()",
    ),
];

const TWENTY: &str = "f0(1) + f1(1) + f2(1) + f3(1) + f4(1) + f5(1) + f6(1) + f7(1) + f8(1) + f9(1) + f10(1) + f11(1) \
                      + f12(1) + f13(1) + f14(1) + f15(1) + f16(1) + f17(1) + f18(1) + f19(1)";

const ROUNDS: usize = 25;

/// The names of the workloads.
pub fn workloads() -> impl Iterator<Item = &'static str> {
    let compiled = COMPILED.iter().map(|(name, _)| *name);
    compiled.chain([AMONG_MANY]).chain(AGAIN.iter().map(|(name, _)| *name))
}

const AMONG_MANY: &str = "kernel: expression cell among 200 functions and 50 variables";

/// Measures the workload of this name, beside stock.
pub fn measure(kernels: &Kernels, name: &str) -> anyhow::Result<Row> {
    let [mut ours, mut stock] = [kernels.ours()?, kernels.stock()?];
    let again = AGAIN.iter().find(|(other, _)| *other == name);
    if again.is_some() {
        // The companion, which is compiled first.
        run(&mut stock, &kernels.preamble())?;
    }
    for kernel in [&mut ours, &mut stock] {
        run(kernel, IS_PRIME)?;
        if name == AMONG_MANY {
            large_session().iter().try_for_each(|cell| run(kernel, cell).map(drop))?;
        }
        if again.is_some() {
            let functions = (0..20).map(|n| format!("fn f{n}(x: u64) -> u64 {{ x + {n} }}\n"));
            run(kernel, &functions.collect::<String>())?;
            run(kernel, "fn square(n: u64) -> u64 { n * n }")?;
            run(kernel, "let processes = ProcessPoolExecutor::new(2);")?;
        }
    }
    let edited = COMPILED.iter().find(|(other, _)| *other == name);
    let cell = |round: usize| match (edited, again) {
        (Some((_, cell)), _) => cell(1000 + round),
        (None, Some((_, cell))) => (*cell).to_owned(),
        // The same expression, without an object in the cache.
        (None, None) => COMPILED[0].1(5000 + round),
    };
    alternate(name, ours, stock, &cell)
}

/// Each round executes its cell in both kernels. If stock refuses the cell, its time is that of the refusal.
fn alternate(
    name: &str,
    mut ours: KernelClient,
    mut stock: KernelClient,
    cell: &dyn Fn(usize) -> String,
) -> anyhow::Result<Row> {
    let (mut our_times, mut stock_times, mut refused) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS + 3 {
        let cell = cell(round);
        let times = (run(&mut ours, &cell)?, stock.execute(&cell)?);
        refused += usize::from(!matches!(times.1.status, threadbook_client::Status::Ok));
        if round >= 3 {
            our_times.push(times.0);
            stock_times.push(times.1.elapsed);
        }
    }
    if refused > 0 {
        eprintln!("{name}: stock refuses the cell in {refused} of {} rounds", ROUNDS + 3);
    }
    ours.shutdown();
    stock.shutdown();
    Ok(Row::compare(name, &our_times, STOCK, &stock_times))
}

/// Cells that define 200 functions and 50 variables.
fn large_session() -> Vec<String> {
    let functions = (0..200).map(|n| format!("fn f{n}(x: u64) -> u64 {{ x.wrapping_mul({n}) ^ (x >> 3) }}"));
    let variables = (0..50).map(|n| format!("let v{n}: Vec<u64> = vec![{n}; 3];"));
    let functions: Vec<String> = functions.collect();
    let variables: Vec<String> = variables.collect();
    functions.chunks(20).chain(variables.chunks(10)).map(|lines| lines.join("\n")).collect()
}

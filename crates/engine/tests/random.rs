//! Random sequences of definitions, corrections and re-executions, beside a model with the expected output.
//!
//! `THREADBOOK_SEQUENCES` is the number of sequences. A failure names its seed; `THREADBOOK_SEED` repeats it. With
//! `THREADBOOK_SANITIZER=address`, rustc's sanitizer looks for foreign memory; with an empty `THREADBOOK_CACHE`, each cell
//! is compiled.

mod common;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use common::{Host, execute};

const CELLS: usize = 12;

/// Random numbers by a counter that is hashed.
struct Random {
    seed: u64,
    count: u64,
}

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.count += 1;
        let mut hasher = DefaultHasher::new();
        (self.seed, self.count).hash(&mut hasher);
        hasher.finish() % end
    }
}

/// The struct `P`: with one field, or with two, of which the sum is its total.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    One,
    Two,
}

/// The state of a session, as a reader of the notebook sees it.
#[derive(Default)]
struct Model {
    /// The constant that `f` returns.
    f: Option<i64>,
    /// The constant that `g` adds to `f`.
    g: Option<i64>,
    /// The value of the static `N`.
    n: Option<i64>,
    p: Option<Shape>,
    /// The factor in the method `total` of `P`.
    factor: Option<i64>,
    numbers: BTreeMap<&'static str, i64>,
    /// The fields of the variable `p`.
    value: Option<(i64, i64)>,
}

/// The text of a cell, and its output; `None` if it is refused, and `Err` if it panics after the output.
struct Step {
    code: String,
    expected: Option<Result<String, String>>,
}

impl Model {
    fn call_g(&self) -> Option<i64> {
        Some(self.f? + self.g?)
    }

    fn total(&self) -> Option<i64> {
        let (x, y) = self.value?;
        Some((x + y) * self.factor?)
    }

    fn next(&mut self, random: &mut Random) -> Step {
        let constant = 1 + random.below(2) as i64;
        let name = ["a", "b"][random.below(2) as usize];
        let ran = |text: String| Some(Ok(text));
        let (code, expected) = match random.below(13) {
            0 => {
                self.f = Some(constant);
                (format!("fn f() -> i64 {{ {constant} }}"), ran(String::new()))
            }
            1 if self.f.is_some() => {
                self.g = Some(constant);
                (format!("fn g() -> i64 {{ f() + {constant} }}"), ran(String::new()))
            }
            2 => {
                self.n = Some(constant);
                let code = format!(
                    "static N: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new({constant});"
                );
                (code, ran(String::new()))
            }
            3 => {
                let shape = if constant == 1 { Shape::One } else { Shape::Two };
                let (fields, sum) = match shape {
                    Shape::One => ("x: i64", "self.x"),
                    Shape::Two => ("x: i64, y: i64", "self.x + self.y"),
                };
                if self.p != Some(shape) {
                    self.value = None;
                }
                (self.p, self.factor) = (Some(shape), Some(1));
                let code =
                    format!("struct P {{ {fields} }}\nimpl P {{ fn total(&self) -> i64 {{ ({sum}) * 1 }} }}");
                (code, ran(String::new()))
            }
            4 if self.p.is_some() => {
                self.factor = Some(constant);
                let sum = if self.p == Some(Shape::One) { "self.x" } else { "self.x + self.y" };
                (
                    format!("impl P {{ fn total(&self) -> i64 {{ ({sum}) * {constant} }} }}"),
                    ran(String::new()),
                )
            }
            5 => match self.p {
                Some(Shape::One) => {
                    self.value = Some((constant, 0));
                    (format!("let p = P {{ x: {constant} }};"), ran(String::new()))
                }
                Some(Shape::Two) => {
                    self.value = Some((constant, 5));
                    (format!("let p = P {{ x: {constant}, y: 5 }};"), ran(String::new()))
                }
                None => (format!("let p = P {{ x: {constant} }};"), None),
            },
            6 => {
                let value = self.f;
                value.map(|value| self.numbers.insert(name, value));
                (format!("let mut {name} = f();"), value.map(|_| Ok(String::new())))
            }
            7 => {
                let value = self.call_g();
                value.map(|value| self.numbers.insert(name, value));
                (format!("let mut {name} = g();"), value.map(|_| Ok(String::new())))
            }
            8 => {
                let n = self.n;
                self.n = n.map(|n| n + 1);
                let code = "println!(\"{}\", N.fetch_add(1, std::sync::atomic::Ordering::SeqCst));";
                (code.to_owned(), n.map(|n| Ok(format!("{n}\n"))))
            }
            9 => (
                "println!(\"{}\", p.total());".to_owned(),
                self.total().map(|total| Ok(format!("{total}\n"))),
            ),
            10 => {
                let changed = self.numbers.get_mut(name).map(|value| {
                    *value += 10;
                    Ok(format!("{value}\n"))
                });
                (format!("{name} += 10;\nprintln!(\"{{{name}}}\");"), changed)
            }
            11 => {
                let changed = self.numbers.get_mut(name).map(|value| {
                    *value += 100;
                    Err(format!("{value}\n"))
                });
                (
                    format!(
                        "{name} += 100;\nprintln!(\"{{{name}}}\");\nlet lost = 1;\npanic!(\"on purpose\");"
                    ),
                    changed,
                )
            }
            _ => match self.numbers.remove(name) {
                Some(value) => (
                    format!(
                        "println!(\"{{}}\", vec![{name}].len());\ndrop(std::hint::black_box({name}));\nlet {name} = 0_i64;\nlet mut {name} = {name} + {value};"
                    ),
                    {
                        self.numbers.insert(name, value);
                        ran("1\n".to_owned())
                    },
                ),
                None => (format!("drop({name});"), None),
            },
        };
        Step { code, expected }
    }
}

#[test]
fn random_sequences_do_what_the_model_says() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let seeds = match number("THREADBOOK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("THREADBOOK_SEQUENCES").unwrap_or(150),
    };
    let host = Host::build();
    let next = std::sync::Mutex::new(seeds);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = next.lock().unwrap().next() else { return };
                    if let Err(problem) = run(&host, seed) {
                        wrong.lock().unwrap().push(format!("THREADBOOK_SEED={seed}: {problem}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} sequences:\n{}", wrong.len(), wrong.join("\n"));
}

fn run(host: &Host, seed: u64) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let (mut engine, mut runner) = (host.engine(directory.path()), host.runner(directory.path()));
    let (mut random, mut model) = (Random { seed, count: 0 }, Model::default());
    let (mut cells, mut printed) = (Vec::new(), String::new());
    for _ in 0..CELLS {
        let mut step = model.next(&mut random);
        // A cell that is refused is not in the cache: most of them are drawn again.
        while step.expected.is_none() && random.below(16) > 0 {
            step = model.next(&mut random);
        }
        let Step { code, expected } = step;
        let answer = execute(&mut engine, &mut runner, None, &code, &mut Vec::new());
        cells.push(code);
        let is_right = match expected {
            None => answer.end.starts_with("refused E"),
            Some(Ok(text)) => {
                printed += &text;
                answer.end == "ok"
            }
            Some(Err(text)) => {
                printed += &text;
                answer.end.starts_with("panic on purpose")
            }
        };
        if !is_right {
            return Err(format!("the last cell ended with {}\n{}", answer.end, cells.join("\n---\n")));
        }
    }
    let output = runner.output();
    match output == printed {
        true => Ok(()),
        false => Err(format!("printed\n{output}instead of\n{printed}{}", cells.join("\n---\n"))),
    }
}

//! Our kernel beside stock evcxr_jupyter, built from the same lock file with the same profile.

use crate::Report;
use crate::row::Row;
use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use threadbook_client::{KernelClient, Status};

const PEER: &str = "stock evcxr_jupyter";

const WARM: &str = "kernel: warm expression cell";
const FIRST: &str = "kernel: start to first pool and picture";
const INFO: &str = "kernel: start to kernel_info_reply";

const IS_PRIME: &str = "fn is_prime(n: u64) -> bool {
    n % 2 != 0 && (3..=n.isqrt()).step_by(2).all(|i| n % i != 0)
}";

/// The first cell: three numbers on a pool of two, and a bar chart of how long each took.
const PICTURE: &str = r#"
use plotters::prelude::*;
fn is_prime(n: u64) -> bool {
    n % 2 != 0 && (3..=n.isqrt()).step_by(2).all(|i| n % i != 0)
}
fn timed(n: u64) -> f64 {
    let start = std::time::Instant::now();
    assert!(is_prime(n) || n == 1099726899285419);
    start.elapsed().as_secs_f64()
}
let pool = ThreadPoolExecutor::new(2);
let times: Vec<f64> = pool
    .map(timed, [112272535095293, 1099726899285419, 112582705942171])
    .map(|time| time.unwrap())
    .collect();
let mut svg = String::new();
{
    let root = SVGBackend::with_string(&mut svg, (300, 200)).into_drawing_area();
    let most = times.iter().copied().fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&root).build_cartesian_2d(0.0..3.0, 0.0..most).unwrap();
    let bars = times.iter().enumerate();
    let bars = bars.map(|(i, t)| Rectangle::new([(i as f64, 0.0), (i as f64 + 0.8, *t)], BLUE.filled()));
    chart.draw_series(bars).unwrap();
    root.present().unwrap();
}
"#;

/// Measures what is wanted of the kernel.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    if ![WARM, FIRST, INFO].iter().any(|workload| report.wants(workload)) {
        return Ok(());
    }
    let kernels = Kernels::build()?;
    if report.wants(WARM) {
        report.add(&kernels.warm_cell()?);
    }
    if report.wants(INFO) {
        report.add(&kernels.kernel_info()?);
    }
    if report.wants(FIRST) {
        report.add(&kernels.first_picture()?);
    }
    Ok(())
}

struct Kernels {
    root: PathBuf,
    prepared: PathBuf,
}

impl Kernels {
    /// Builds both kernels, and the prepared directory of ours.
    fn build() -> anyhow::Result<Kernels> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        // All at once, as the tests do: on its own, a part is built with other features, once more.
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--workspace", "--bins", "--examples"]).current_dir(&root);
        ensure!(build.status()?.success(), "the kernels could not be built");
        let prepared = root.join("target/peers-prepared");
        let kernels = Kernels { root, prepared };
        let mut prepare = Command::new(kernels.binary("threadbook"));
        prepare.arg("prepare").arg(&kernels.prepared);
        let output = prepare.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(kernels)
    }

    fn binary(&self, name: &str) -> PathBuf {
        self.root.join("target/debug").join(name)
    }

    fn start(&self, argv: &[PathBuf]) -> anyhow::Result<KernelClient> {
        let argv: Vec<_> = argv.iter().map(|argument| argument.to_string_lossy()).collect();
        Ok(KernelClient::start(&argv, &self.root.join("notebooks"))?)
    }

    fn ours(&self) -> anyhow::Result<KernelClient> {
        let file = PathBuf::from("{connection_file}");
        self.start(&[
            self.binary("threadbook"),
            "kernel".into(),
            "--prepared".into(),
            self.prepared.clone(),
            file,
        ])
    }

    fn stock(&self) -> anyhow::Result<KernelClient> {
        let file = PathBuf::from("{connection_file}");
        self.start(&[self.binary("examples/evcxr_jupyter"), "--control_file".into(), file])
    }

    /// What a cell of stock must begin with to have what every cell of ours has.
    fn preamble(&self) -> String {
        let companion = self.root.join("crates/threadbook");
        format!(
            ":dep threadbook = {{ path = {companion:?} }}\n\
             :dep plotters = {{ version = \"0.3\", default-features = false, features = [\"svg_backend\"] }}\n\
             use threadbook::prelude::*;\n"
        )
    }

    /// An expression that is displayed, in a session that has run it before.
    fn warm_cell(&self) -> anyhow::Result<Row> {
        const CELL: &str = "is_prime(112272535095293)";
        let (mut ours, mut stock) = (self.ours()?, self.stock()?);
        for kernel in [&mut ours, &mut stock] {
            run(kernel, IS_PRIME)?;
            for _ in 0..3 {
                run(kernel, CELL)?;
            }
        }
        let (mut our_times, mut stock_times) = (Vec::new(), Vec::new());
        for _ in 0..25 {
            our_times.push(run(&mut ours, CELL)?);
            stock_times.push(run(&mut stock, CELL)?);
        }
        ours.shutdown();
        stock.shutdown();
        Ok(Row::compare(WARM, &our_times, PEER, &stock_times))
    }

    fn kernel_info(&self) -> anyhow::Result<Row> {
        let (mut our_times, mut stock_times) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let ours = self.ours()?;
            our_times.push(ours.ready_after());
            ours.shutdown();
            let stock = self.stock()?;
            stock_times.push(stock.ready_after());
            stock.shutdown();
        }
        Ok(Row::compare(INFO, &our_times, PEER, &stock_times))
    }

    /// From the start of the process to the result of a first cell that uses a pool and draws a picture.
    fn first_picture(&self) -> anyhow::Result<Row> {
        let show = "Svg(svg)";
        let (mut our_times, mut stock_times) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let mut ours = self.ours()?;
            run(&mut ours, &format!("{PICTURE}{show}"))?;
            our_times.push(ours.started().elapsed());
            ours.shutdown();
        }
        for _ in 0..3 {
            let mut stock = self.stock()?;
            run(&mut stock, &format!("{}{PICTURE}{show}", self.preamble()))?;
            stock_times.push(stock.started().elapsed());
            stock.shutdown();
        }
        Ok(Row::compare(FIRST, &our_times, PEER, &stock_times))
    }
}

/// Executes a cell that must go well, and says how long it took.
fn run(kernel: &mut KernelClient, code: &str) -> anyhow::Result<Duration> {
    let outcome = kernel.execute(code).with_context(|| format!("in the cell {code:?}"))?;
    match outcome.status {
        Status::Ok if outcome.outputs.stream("stderr").contains("error") => {
            bail!("{code:?} failed: {}", outcome.outputs.stream("stderr"))
        }
        Status::Ok => Ok(outcome.elapsed),
        Status::Error { ename, evalue, .. } => bail!("{code:?} failed: {ename}: {evalue}"),
        Status::TimedOut => bail!("{code:?} did not end"),
    }
}

//! The summary of a run, on the terminal and as JUnit XML.

use std::fmt::Write;

use crate::Checkout;
use crate::schedule::{Done, line};

/// The seconds of each test file as pytest's run noted them, the seconds of each step, and the tests that failed. The
/// last lines are those that a CI server shows in any case.
pub(crate) fn summary(checkout: &Checkout, done: &[Done]) -> String {
    let noted = |ending: &str| {
        let paths = ["end-to-end", "alone"].map(|run| checkout.reports().join(run).with_extension(ending));
        paths.map(|path| std::fs::read_to_string(path).unwrap_or_default()).concat()
    };
    let seconds = checkout.runner.elapsed().as_secs_f64();
    noted("txt") + &steps(done) + &checkout.runner.failures() + &noted("failed") + &result(done, seconds)
}

fn steps(done: &[Done]) -> String {
    done.iter().map(|step| line(step) + "\n").collect()
}

fn result(done: &[Done], seconds: f64) -> String {
    let failed = done.iter().filter(|step| step.outcome.is_err()).count();
    let result = match failed {
        0 => "all checks passed".to_owned(),
        1 => "1 check failed".to_owned(),
        many => format!("{many} checks failed"),
    };
    format!("verify: {result} in {seconds:.1} s")
}

/// Removes the reports of an earlier run.
pub(crate) fn clear(checkout: &Checkout) {
    let _ = std::fs::remove_dir_all(checkout.reports());
}

/// Writes the steps as JUnit XML to `target/verify/steps.xml`, beside pytest's own files.
pub(crate) fn write(checkout: &Checkout, done: &[Done]) -> std::io::Result<()> {
    std::fs::create_dir_all(checkout.reports())?;
    std::fs::write(checkout.reports().join("steps.xml"), junit(done))
}

/// The format is that of the JUnit task of Ant, as CI servers read it: a `testcase` with a `time` in seconds each.
fn junit(done: &[Done]) -> String {
    let failures = done.iter().filter(|step| step.outcome.is_err()).count();
    let seconds: f64 = done.iter().map(|step| step.elapsed.as_secs_f64()).sum();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<testsuite name=\"verify\" tests=\"{}\" failures=\"{failures}\" time=\"{seconds:.3}\">\n",
        done.len()
    );
    for step in done {
        let _ = write!(
            xml,
            "  <testcase classname=\"verify\" name=\"{}\" time=\"{:.3}\"",
            step.name,
            step.elapsed.as_secs_f64()
        );
        let _ = match &step.outcome {
            Ok(()) => writeln!(xml, "/>"),
            Err(reason) => writeln!(xml, "><failure message=\"{}\"/></testcase>", escaped(reason)),
        };
    }
    xml + "</testsuite>\n"
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    // XML 1.0 has no other control characters, not even as references.
    text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn done(name: &'static str, outcome: crate::Outcome) -> Done {
        Done { name, elapsed: Duration::from_millis(1500), outcome }
    }

    #[test]
    fn the_summary_names_the_failed_steps() {
        assert_eq!(result(&[done("format", Ok(()))], 2.0), "verify: all checks passed in 2.0 s");
        let bad = [done("format", Ok(())), done("lints", Err("no".into()))];
        assert!(steps(&bad).contains("lints           FAILED     1.5 s  no\n"), "{}", steps(&bad));
        assert_eq!(result(&bad, 3.0), "verify: 1 check failed in 3.0 s");
    }

    #[test]
    fn the_failed_tests_stand_at_the_end() {
        let root = std::env::temp_dir().join(format!("threadbook-verify-{}", std::process::id()));
        let runner = crate::Runner::new(root.clone(), None);
        let checkout = Checkout { root: root.clone(), all: false, runner };
        std::fs::create_dir_all(checkout.reports()).unwrap();
        std::fs::write(checkout.reports().join("alone.txt"), "seconds\n").unwrap();
        std::fs::write(checkout.reports().join("alone.failed"), "test_x\n    no\n").unwrap();
        let summary = summary(&checkout, &[done("alone", Err("no".into()))]);
        assert!(summary.starts_with("seconds\nalone"), "{summary}");
        std::fs::remove_dir_all(root).unwrap();
        assert!(summary.contains("no\ntest_x\n    no\nverify: 1 check failed in "), "{summary}");
    }

    #[test]
    fn junit_has_a_case_for_each_step() {
        let xml = junit(&[done("format", Ok(())), done("lints", Err("`a < \"b\"`\u{1b}".into()))]);
        assert!(xml.contains("tests=\"2\" failures=\"1\" time=\"3.000\""), "{xml}");
        assert!(xml.contains("<testcase classname=\"verify\" name=\"format\" time=\"1.500\"/>"), "{xml}");
        assert!(xml.contains("<failure message=\"`a &lt; &quot;b&quot;`\"/>"), "{xml}");
    }
}

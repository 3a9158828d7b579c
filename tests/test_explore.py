"""Cells that run under every schedule: `%%explore` and `explore(..)`."""

from __future__ import annotations

import base64
import re
import time

import pytest

from helpers import interrupting, ok, run_cell
from helpers_browser import browser_page
from test_contract import assert_error

LOST_UPDATE = """\
%%explore
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
let visits = std::sync::Arc::new(AtomicU32::new(0));
let other = visits.clone();
let thread = std::thread::spawn(move || {
    let seen = other.load(SeqCst);
    other.store(seen + 1, SeqCst);
});
visits.store(visits.load(SeqCst) + 1, SeqCst);
thread.join().unwrap();
assert_eq!(visits.load(SeqCst), 2, "an update is lost");
"""

ABBA = """\
%%explore
let (a, b) = (Mutex::new(0), Mutex::new(0));
std::thread::scope(|scope| {
    scope.spawn(|| transfer(&a, &b));
    scope.spawn(|| transfer(&b, &a));
});
"""


def drawn(result) -> tuple[str, str]:
    """The text and the picture of the exploration that a cell shows."""
    [shown] = result.displays
    return shown["text/plain"], shown["image/svg+xml"]


def test_a_lost_update_is_found_drawn_and_replayed(kc):
    result = run_cell(kc, LOST_UPDATE)
    assert result.status == "error", result
    [error] = result.errors
    assert "an update is lost" in error["evalue"] and "left: 1" in error["evalue"], result
    assert 'assert_eq!(visits.load(SeqCst), 2, "an update is lost");' in result.traceback, result
    kinds = [message.kind for message in result.messages if message.kind in ("display_data", "error")]
    assert kinds == ["display_data", "error"], result
    text, picture = drawn(result)
    for line in ("let seen = other.load(SeqCst);", "visits.store(visits.load(SeqCst) + 1, SeqCst);"):
        assert line in text and line in picture, text
    assert f"cell [{result.count}]:6" in text and "load `visits` = 0" in text, text
    schedule = re.search(r"`%%explore schedule=(\S+)`", text)[1]
    again = run_cell(kc, LOST_UPDATE.replace("%%explore", f"%%explore schedule={schedule}"))
    assert again.errors[0]["evalue"] == error["evalue"], again
    assert "the schedule fails again" in drawn(again)[0], again
    corrected = LOST_UPDATE.replace("%%explore", f"%%explore schedule={schedule}").replace("other.store(seen + 1, SeqCst)", "other.fetch_add(1, SeqCst)")
    assert_error(run_cell(kc, corrected), "of another program")
    body = LOST_UPDATE.removeprefix("%%explore\n")
    closure = f'let again = replay("{schedule}", || {{\nuse threadbook::explore::std;\n{body}}});\nagain'
    assert "an update is lost" in ok(kc, closure).result


def test_a_slider_steps_through_the_drawing_without_a_kernel(kc, tmp_path):
    [shown] = run_cell(kc, LOST_UPDATE).displays
    page_path = tmp_path / "page.html"
    page_path.write_text(f"<!doctype html><meta charset=utf-8><body>{shown['text/html']}")
    with browser_page() as page:
        page.goto(page_path.as_uri())
        slider, picture = page.get_by_role("slider"), page.locator("svg")
        last = int(slider.get_attribute("max"))
        assert last > 5 and page.get_by_text(f"step {last} of {last}").is_visible()

        def sees(text: str) -> bool:
            return picture.locator("text", has_text=text).first.is_visible()

        assert sees("an update is lost") and sees("join `thread 1`")
        page.get_by_label("one step back").click()
        assert not sees("an update is lost") and sees("join `thread 1`")
        slider.fill("1")
        assert page.get_by_text(f"step 1 of {last}").is_visible()
        assert sees("spawn `thread 1`") and not sees("join `thread 1`")
        page.get_by_label("one step back").click()
        assert page.get_by_text(f"step 1 of {last}").is_visible(), "there is no step before the first"
        slider.fill(str(last))
        assert sees("an update is lost")
        assert not page.broken


def test_without_scripts_the_drawing_has_every_step(kc):
    [shown] = run_cell(kc, LOST_UPDATE).displays
    image = re.search(r'<img [^>]*src="data:image/svg\+xml;base64,([^"]+)"', shown["text/html"])
    picture = base64.b64decode(image[1]).decode()
    assert picture == shown["image/svg+xml"] and "an update is lost" in picture and "hidden" not in picture
    # A cell without a failure has nothing to step through.
    [correct] = ok(kc, "%%explore\nlet n = std::sync::Mutex::new(1);\nassert_eq!(*n.lock().unwrap(), 1);").displays
    assert "<script" in shown["text/html"] and "<script" not in correct["text/html"]


def test_a_schedule_is_replayed_in_another_session(kc, fresh_kc):
    text, _ = drawn(run_cell(kc, LOST_UPDATE))
    schedule = re.search(r"`%%explore schedule=(\S+)`", text)[1]
    again = run_cell(fresh_kc, LOST_UPDATE.replace("%%explore", f"%%explore schedule={schedule}"))
    assert "an update is lost" in again.errors[0]["evalue"], again


def test_a_corrected_cell_says_how_many_schedules_there_are(kc):
    corrected = LOST_UPDATE.replace("let seen = other.load(SeqCst);\n    other.store(seen + 1, SeqCst);", "other.fetch_add(1, SeqCst);")
    corrected = corrected.replace("visits.store(visits.load(SeqCst) + 1, SeqCst);", "visits.fetch_add(1, SeqCst);")
    text, _ = drawn(ok(kc, corrected))
    assert re.match(r"every schedule: \d+$", text), text


def test_functions_types_and_statics_of_earlier_cells_are_explored(kc):
    ok(kc, "use std::sync::Mutex;\nfn transfer(from: &Mutex<i32>, to: &Mutex<i32>) {\n    let mut from = from.lock().unwrap();\n    let mut to = to.lock().unwrap();\n    *from -= 1;\n    *to += 1;\n}")
    result = run_cell(kc, ABBA)
    assert result.status == "error" and "deadlock: " in result.errors[0]["evalue"], result
    text, picture = drawn(result)
    assert "let mut to = to.lock().unwrap();" in text and "waits: lock `a`" in picture, text
    ok(kc, "use std::sync::atomic::{AtomicUsize, Ordering};\nstatic TAKEN: AtomicUsize = AtomicUsize::new(0);\nstruct Ticket { number: std::sync::Mutex<usize> }\nimpl Ticket { fn draw(&self) { *self.number.lock().unwrap() = TAKEN.fetch_add(1, Ordering::SeqCst); } }")
    # The real static is another one, which keeps its value.
    ok(kc, "TAKEN.store(7, Ordering::SeqCst);")
    result = ok(kc, "%%explore\nlet ticket = Ticket { number: std::sync::Mutex::new(9) };\nstd::thread::scope(|scope| {\n    scope.spawn(|| ticket.draw());\n    ticket.draw();\n});\nassert_eq!(TAKEN.load(Ordering::SeqCst), 2);")
    assert drawn(result)[0].startswith("every schedule"), result
    assert ok(kc, "TAKEN.load(Ordering::SeqCst)").result == "7"


def test_variables_of_earlier_cells_are_there_unless_they_hold_a_lock(kc):
    ok(kc, "let limit = 3_usize;\nlet words = vec![\"a\".to_string()];\nlet shared = std::sync::Arc::new(std::sync::Mutex::new(1));")
    result = ok(kc, "%%explore\nlet n = std::sync::Mutex::new(limit);\nassert_eq!(*n.lock().unwrap() + words.len(), 4);")
    assert drawn(result)[0] == "every schedule: 1", result
    assert ok(kc, "limit + words.len()").result == "4"
    result = run_cell(kc, "%%explore\n\n*shared.lock().unwrap() += 1;")
    assert_error(result, "`shared`", "real `Mutex`", ":3:")
    assert ok(kc, "*shared.lock().unwrap()").result == "1"
    ok(kc, "let pool_before = ThreadPoolExecutor::new(1);\nlet lock_before = threading::Lock::new(1);")
    assert_error(run_cell(kc, "%%explore\npool_before.submit(|| 1);"), "`pool_before`", "`ThreadPoolExecutor`")
    assert_error(run_cell(kc, "%%explore\nlet _n = lock_before.lock();"), "`lock_before`", "`threading`")


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ("let pool = ThreadPoolExecutor::new(2);", "`ThreadPoolExecutor`"),
        ("let lock = threading::Lock::new(1);", "`threading`"),
        ("let pool = threadbook::ThreadPoolExecutor::new(2);", "`ThreadPoolExecutor`"),
        ("let (promise, future) = threadbook::Promise::<u8>::new();", "`Promise`"),
        ("let s = std::net::TcpStream::connect(\"127.0.0.1:1\");", "`TcpStream`"),
        ("let text = std::fs::read_to_string(\"a\");", "`read_to_string`"),
        ("tokio::spawn(async {});", "`tokio`"),
        ("std::future::ready(1).await;", "`.await`"),
        ("fn only_items() {}", "no statements"),
    ],
)
def test_what_has_no_explored_form_is_refused_by_name_and_line(kc, cell, named):
    result = run_cell(kc, f"%%explore\n{cell}")
    assert result.status == "error" and named in result.complaint, result
    if not cell.startswith("fn"):
        assert f"[{result.count}]:2:" in result.traceback, result


def test_only_the_failing_schedule_prints(kc):
    result = run_cell(kc, LOST_UPDATE.replace("thread.join()", 'println!("joined");\nthread.join()'))
    assert result.stdout == "joined\n", result


def test_limits_follow_the_name(kc):
    long = "%%explore schedules=40\nlet n = std::sync::atomic::AtomicU32::new(0);\nstd::thread::scope(|scope| for _ in 0..4 { scope.spawn(|| for _ in 0..6 { n.fetch_add(1, std::sync::atomic::Ordering::SeqCst); }); });"
    assert drawn(ok(kc, long))[0].startswith("40 schedules, no failure; the limit of schedules"), long
    assert "at most 1 switch" in drawn(ok(kc, long.replace("schedules=40", "switches=1")))[0]
    assert_error(run_cell(kc, "%%explore runs=3\n1;"), "`runs=3` is no limit of `%%explore`")


def test_an_error_of_the_compiler_is_about_the_cell(kc):
    result = run_cell(kc, "%%explore\nlet n: u32 = \"a\";\nn;")
    assert_error(result, ":2:", 'let n: u32 = "a";')
    assert "explored" not in result.traceback, result


ENDLESS = """\
println!("started");
let found = Explorer::new().max_schedules(1_000_000_000).time_limit(std::time::Duration::from_secs(600)).run(|| {
    use threadbook::explore::std;
    let n = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| for _ in 0..30 { n.fetch_add(1, std::sync::atomic::Ordering::SeqCst); });
        }
    });
});
display(&found);
"""


@pytest.mark.alone
def test_an_interrupt_keeps_what_was_found(kernel):
    ok(kernel.client, "let kept_over_exploration = 7;")
    result = run_cell(kernel.client, ENDLESS, timeout=60, on_message=interrupting(kernel))
    assert result.status == "error" and result.errors[0]["ename"] == "Interrupted", result
    assert re.match(r"\d+ schedules, no failure until the interrupt", drawn(result)[0]), result
    assert ok(kernel.client, "kept_over_exploration").result == "7"


def test_a_panic_after_an_exploration_is_reported_as_before(kc):
    run_cell(kc, LOST_UPDATE)
    result = run_cell(kc, "let n = 1;\nassert_eq!(n, 2, \"later\");")
    assert_error(result, "later", ":2")
    assert ok(kc, 'std::thread::spawn(|| panic!("elsewhere")).join().is_err()').result == "true"


def test_an_exploration_is_about_as_fast_as_a_cell(kc):
    """Warm, and with code that was not compiled before."""
    ok(kc, "let warm = 1;")
    run_cell(kc, LOST_UPDATE)
    begin = time.monotonic()
    ok(kc, f"let ordinary = {time.time_ns()}_u64 % 7;\nassert!(ordinary < 7);")
    ordinary = time.monotonic() - begin
    begin = time.monotonic()
    run_cell(kc, LOST_UPDATE.replace("is lost", f"is lost {time.time_ns()}"))
    explored = time.monotonic() - begin
    # Recorded beside the bound of the contract; a busy machine can be slower by far.
    print(f"an ordinary cell {ordinary:.2f} s, an exploration {explored:.2f} s, {explored / ordinary:.1f} times")

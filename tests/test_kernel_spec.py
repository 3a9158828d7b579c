"""jupyter_kernel_test, Jupyter's own conformance suite for kernels, with every optional sample filled in for Rust."""

from __future__ import annotations

import jupyter_kernel_test
import pytest

import helpers

#: Attributes of jupyter_kernel_test.KernelTests that are empty by default: each one left empty would skip a test.
OPTIONAL_SAMPLES = [
    name
    for name, value in vars(jupyter_kernel_test.KernelTests).items()
    if not name.startswith("_") and isinstance(value, (str, list, tuple)) and not value
]


@pytest.mark.usefixtures("kernelspec")
class TestThreadbookKernel(jupyter_kernel_test.KernelTests):
    kernel_name = helpers.KERNEL
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("a word on stderr");'

    # Whether a function's name comes with its parentheses is not laid down; test_contract.py looks at those.
    completion_samples = [
        {"text": "let answer_to_all = 42;\nanswer_to_a", "matches": {"answer_to_all"}},
        {
            "text": "struct Sieve { limit_of_sieve: u64 }\nlet sieve = Sieve { limit_of_sieve: 9 };\nsieve.limit_o",
            "matches": {"limit_of_sieve"},
        },
        {"text": "ThreadPoolExecut", "matches": {"ThreadPoolExecutor"}},
    ]

    # test_transcript.py has the whole table.
    complete_code_samples = ["1 + 1", "fn double(n: u64) -> u64 {\n    2 * n\n}", ""]
    incomplete_code_samples = ["fn double(n: u64) -> u64 {", 'let text = "no end']
    invalid_code_samples = ["fn double(n: u64] {"]

    code_page_something = ":help"
    code_generate_error = 'panic!("on purpose");'
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": '"seven".len()', "result": "5"},
        {"code": "vec![2, 3, 5]", "result": "[2, 3, 5]"},
        {"code": "Some(1.5)", "result": "Some(1.5)"},
        {"code": 'Html("<b>bold</b>".into())', "mime": "text/html", "result": "<b>bold</b>"},
    ]
    code_display_data = [
        {"code": "display(&42);", "mime": "text/plain"},
        {"code": 'display(&Html("<b>bold</b>".into()));', "mime": "text/html"},
        {"code": 'display(&Markdown("**bold**".into()));', "mime": "text/markdown"},
        {"code": "display(&Svg(\"<svg xmlns='http://www.w3.org/2000/svg'/>\".into()));", "mime": "image/svg+xml"},
        {"code": 'display(&Json(serde_json::json!({"two": 2})));', "mime": "application/json"},
    ]

    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")

    code_inspect_sample = "ThreadPoolExecutor"
    code_clear_output = "clear_output(false);"


@pytest.mark.parametrize("sample", OPTIONAL_SAMPLES)
def test_no_sample_is_missing(sample):
    value = getattr(TestThreadbookKernel, sample)
    assert value, f"{sample} is empty: jupyter_kernel_test would skip its test"


def test_the_suite_is_the_one_we_know():
    """A new version with more tests must be looked at, not passed over."""
    tests = [name for name in dir(jupyter_kernel_test.KernelTests) if name.startswith("test_")]
    assert len(tests) == 12, f"jupyter_kernel_test has other tests than the 12 that this file fills in: {tests}"
    assert len(OPTIONAL_SAMPLES) >= 14, OPTIONAL_SAMPLES

use super::*;
use crate::fuzz::text;
use arbtest::arbtest;

fn type_of(name: &str) -> Option<String> {
    match name {
        "answer" => Some("core::result::Result<i32, TaskError>".into()),
        "words" => Some("Vec<String>".into()),
        _ => None,
    }
}

fn rust(cell: &str) -> String {
    translate(cell, type_of).unwrap().code.replace("threadbook::", "t::").replace("t::magics::", "m::")
}

fn pages(cell: &str) -> Vec<HelpPage> {
    translate(cell, type_of).unwrap().pages
}

fn misuse(cell: &str) -> String {
    let misuse = translate(cell, type_of).err().unwrap();
    format!("{}. {}", misuse.what, misuse.help)
}

#[test]
fn magics_have_places_and_what_follows_a_cell_magic_may_be_part_of_it() {
    let said =
        |cell: &'static str| -> Vec<&str> { places(cell).into_iter().map(|place| &cell[place]).collect() };
    assert_eq!(said("!ls \\\n -l\nlet a = b\n%c;\n?Vec"), ["!ls \\\n -l", "?Vec"]);
    assert_eq!(said("%%bash\nls\n%time x"), ["%%bash\nls\n%time x"]);
    assert_eq!(said("%%time\nlet a = 1;\n!ls"), ["%%time", "!ls"]);
    assert!(said("let a = 1;").is_empty());
}

#[test]
fn a_line_is_timed_and_its_variables_stay() {
    assert_eq!(rust("%time f(1)"), "m::start(); m::stopped(f(1))");
    assert_eq!(rust("%time f(1)\nlet x = 1;"), "m::start(); m::stopped(f(1));\nlet x = 1;");
    assert_eq!(rust("%time let x = f(); // n"), "m::start(); let x = f(); m::stop(); // n");
    assert_eq!(rust("%time let x = f()"), "m::start(); let x = f(); m::stop();");
    assert_eq!(rust("%time f() // note\n// end"), "m::start(); m::stopped(f()) // note\n// end");
}

#[test]
fn a_cell_is_timed_and_its_lines_stay() {
    assert_eq!(rust("%%time\nlet x = 1;\nx + 1"), "m::start();\nlet x = 1;\nm::stopped(x + 1)");
    assert_eq!(rust("%%time\nlet x = 1;"), "m::start();\nlet x = 1;\nm::stop();");
    assert_eq!(rust("%%time\n!ls\n"), "m::start();\nm::shell(\"sh\", \"ls\");\n\nm::stop();");
}

#[test]
fn a_cell_is_explored_within_limits() {
    let explored = |cell| translate(cell, type_of).unwrap().explored;
    assert_eq!(explored("1 + 1"), None);
    assert_eq!(explored("%%time\n1 + 1"), None);
    assert_eq!(explored("%%explore\nf();"), Some(Exploring::default()));
    let limits =
        Exploring { schedules: Some(1000), switches: Some(2), seconds: Some(0.5), ..Exploring::default() };
    assert_eq!(explored("%%explore schedules=1000  switches=2 seconds=0.5\nf();"), Some(limits));
    assert_eq!(explored("%%explore schedule=1-0-1\nf();").unwrap().schedule.as_deref(), Some("1-0-1"));
    assert_eq!(rust("%%explore switches=2\nf();\ng()"), "\nf();\ng()");
    for wrong in [
        "runs=3",
        "schedules",
        "schedule=",
        "schedules=",
        "schedules=many",
        "seconds=-1",
        "seconds=NaN",
        "switches=1.5",
    ] {
        assert!(
            misuse(&format!("%%explore {wrong}\nf();")).contains(&format!("`{wrong}` is no limit")),
            "{wrong}"
        );
    }
    assert!(misuse("%%explore\n!ls\nf();").contains("`!ls` cannot be run under every schedule"));
    assert!(misuse("%%explore\n%time f()").contains("`%time` cannot"));
    assert!(misuse("f();\n%%explore\ng();").contains("must be the first line"));
}

#[test]
fn timeit_runs_in_a_closure() {
    assert_eq!(rust("%timeit f(1)"), "t::timing::timeit(|| { f(1) })");
    assert_eq!(rust("%timeit f(1) // n\n2"), "t::display(&t::timing::timeit(|| { f(1) })); // n\n2");
    assert_eq!(rust("%%timeit\nf();\ng()"), " t::timing::timeit(|| {\nf();\ng()\n})");
    assert_eq!(rust("%%timeit let x = 1\nx"), "let x = 1; t::timing::timeit(|| {\nx\n})");
}

#[test]
fn commands_are_passed_to_a_shell_as_they_are() {
    assert_eq!(rust("!echo \"a\\n\" 'é' {x}"), "m::shell(\"sh\", \"echo \\\"a\\\\n\\\" 'é' {x}\");");
    assert_eq!(rust("!a \\\n b\nlet x = 1;"), "m::shell(\"sh\", \"a \\\\\\n b\");\n\nlet x = 1;");
    assert_eq!(
        rust("%%bash\nfor i in 1; do\n  echo $i\ndone"),
        "m::shell(\"bash\", \"for i in 1; do\\n  echo $i\\ndone\");\n\n\n"
    );
    assert_eq!(rust("%cd 'a b'\n%pwd\n%env A=1"), "m::cd(\"a b\");\nm::pwd();\nm::env(\"A=1\");");
}

#[test]
fn a_question_shows_help_unless_it_is_rust() {
    let about = |name: &str| vec![HelpPage::About(name.into())];
    for (cell, name) in [
        ("?Vec", "Vec"),
        ("std::fs::read?", "std::fs::read"),
        ("println!?", "println"),
        ("words?", "words"),
        ("??f", "f"),
    ] {
        assert_eq!(pages(cell), about(name), "{cell}");
    }
    assert_eq!(rust("answer?"), "answer?");
    assert_eq!(rust("f()?"), "f()?");
    assert_eq!(rust("let x = 1;\n?x"), "let x = 1;\n");
    assert_eq!(pages(":help"), [HelpPage::Table]);
    assert_eq!(pages("%lsmagic"), [HelpPage::Table]);
    assert_eq!(rust("%who"), ":vars");
}

#[test]
fn misuse_is_named_with_the_way_out() {
    for (cell, said) in [
        ("%foo", "no magic `%foo`"),
        ("%%foo\nx", "no magic `%%foo`"),
        ("%matplotlib inline", "`%matplotlib`. There are %time"),
        ("%timit x", "did you mean `%timeit`?"),
        ("let x = 1;\n%%time\nx", "first line"),
        ("%time", "alone times nothing"),
        ("%time f(", "first line of a cell"),
        ("%timeit -n 100 f()", "no options such as `-n`"),
        ("%%bash -e\nls", "no arguments such as `-e`"),
        ("%%sh x y\nls", "no arguments such as `x`"),
        ("%%time f()", "alone on its line"),
        ("let x = 1;\n:dep rand", "before everything else"),
        (":quit", "menu"),
        (":vasr", "did you mean `:vars`?"),
    ] {
        assert!(misuse(cell).contains(said), "{cell}: {}", misuse(cell));
    }
    assert_eq!(rust("%timeit -x"), "t::timing::timeit(|| { -x })");
}

#[test]
fn what_is_no_rust_is_blanked_for_who_reads_rust() {
    assert_eq!(blanked("%time f(é)\n!é\n1"), "      f(é)\n   \n1");
    assert_eq!(blanked("%%bash\nfi"), "      \n  ");
    assert_eq!(blanked("a"), "a");
}

#[test]
fn names_of_magics_are_completed() {
    assert_eq!(complete("x;\n%ti", 6), Some((3, vec!["%time".into(), "%timeit".into()])));
    assert_eq!(complete("%%b", 3), Some((0, vec!["%%bash".into()])));
    assert_eq!(complete("", 0), None);
    assert_eq!(complete("1 %", 3), None);
}

#[test]
fn a_cell_without_magics_passes_through_byte_for_byte() {
    arbtest(|random| {
        let cell = text(random, "abcxyz019(){}[];=+*/&|<>.,'\"# \n", 80)?;
        let translated = translate(&cell, |_| None).unwrap();
        assert_eq!(&*translated.code, &cell);
        assert!(translated.steps.is_empty() && translated.pages.is_empty());
        assert_eq!(blanked(&cell), cell);
        Ok(())
    });
}

#[test]
fn any_text_at_all_keeps_its_lines() {
    arbtest(|random| {
        let cell = text(random, "!%?:abctimesh(){};\"' é\n", 60)?;
        if let Ok(translated) = translate(&cell, |_| None)
            && !translated.code.is_empty()
        {
            assert!(translated.code.matches('\n').count() >= cell.matches('\n').count());
        }
        assert_eq!(blanked(&cell).len(), cell.len());
        Ok(())
    });
}

#[test]
fn a_command_comes_to_the_shell_byte_for_byte() {
    use ra_ap_syntax::{AstToken, Edition, SourceFile, ast};
    arbtest(|random| {
        let command = text(random, " abz09~!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}éß\t", 40)?;
        let command = command.trim();
        if command.is_empty() || command.starts_with('=') || command.ends_with('\\') {
            return Ok(());
        }
        let code = translate(&format!("!{command}"), |_| None).unwrap().code.into_owned();
        // A word and what is in parentheses is a call, and the cell is Rust.
        let word = command.find(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).filter(|end| *end > 0);
        if word.is_some_and(|end| command[end..].starts_with('(') || command[end..].starts_with("!(")) {
            assert_eq!(code, format!("!{command}"));
            return Ok(());
        }
        let call = code.strip_prefix("threadbook::magics::shell(\"sh\", ").unwrap();
        let literal = call.strip_suffix(");").unwrap();
        let file = SourceFile::parse(&format!("const A: &str = {literal};"), Edition::Edition2024);
        let tokens = file.syntax_node().descendants_with_tokens().filter_map(|node| node.into_token());
        let string = tokens.filter_map(ast::String::cast).next().unwrap();
        assert_eq!(string.value().unwrap().into_owned(), command);
        Ok(())
    });
}

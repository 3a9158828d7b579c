//! Variables that a cell does not name stay in their store.
//!
//! The engine has each cell take all variables out of the store, one by one, and put them back at its end. With
//! many variables, or with a few whose types are large, rustc is busy with that for longer than with the cell.

/// How the engine's code for a variable begins and goes on.
const TAKE: [&str; 2] = ["let ", " = evcxr_variable_store.take_variable::<"];
const PUT: [&str; 2] = ["evcxr_variable_store.put_variable::<", ">(stringify!("];
const CHECK: &str = "vars_ok &= evcxr_variable_store.check_variable::<";

/// Where the function begins that has the cell's statements.
const BEGIN: &str = "run_user_code_";

/// The generated code of a cell without the lines that take and put variables which nothing else in it names.
/// Every line keeps its number. `None` if there are no such variables.
pub fn leave_unnamed(generated: &str) -> Option<String> {
    let (items, function) = generated.split_at(generated.find(BEGIN)?);
    let is_check = |line: &&str| line.starts_with(CHECK);
    let rest = function.lines().filter(|line| taken(line).or(put(line)).is_none() && !is_check(line));
    let rest: Vec<&str> = rest.collect();
    let put_back: Vec<&str> = function.lines().filter_map(put).collect();
    let is_unneeded = |line: &str| {
        let name = taken(line).or(put(line));
        name.is_some_and(|name| put_back.contains(&name) && !rest.iter().any(|line| names(line, name)))
    };
    let mut anything = false;
    let mut shorter = items.to_owned();
    for line in function.split_inclusive('\n') {
        if is_unneeded(line.trim_end()) {
            anything = true;
            shorter.push('\n');
        } else {
            shorter.push_str(line);
        }
    }
    anything.then_some(shorter)
}

/// The variable that a line takes out of the store.
fn taken(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix(TAKE[0])?.split_once(TAKE[1])?;
    Some(name.strip_prefix("mut ").unwrap_or(name)).filter(|name| is_name(name) && line.ends_with(");"))
}

/// The variable that a line puts into the store.
fn put(line: &str) -> Option<&str> {
    let (_, end) = line.strip_prefix(PUT[0])?.rsplit_once(PUT[1])?;
    let (name, again) = end.strip_suffix(");")?.split_once("), ")?;
    Some(name).filter(|name| is_name(name) && *name == again)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_in_name)
}

fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a text has this name in it, if only in a string: that may be a format.
fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(start, _)| {
        !text[..start].ends_with(is_in_name) && !text[start + name.len()..].starts_with(is_in_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the engine makes of `cell`, with these variables.
    fn generated(variables: &[(&str, &str)], cell: &str) -> String {
        let each = |line: fn(&str, &str) -> String| {
            variables.iter().map(|(name, ty)| line(name.trim_start_matches("mut "), ty)).collect::<String>()
        };
        let take: String = variables
            .iter()
            .map(|(name, ty)| {
                let plain = name.trim_start_matches("mut ");
                format!("let {name} = evcxr_variable_store.take_variable::<{ty}>(stringify!({plain}));\n")
            })
            .collect();
        let check = each(|name, ty| format!("{CHECK}{ty}>(stringify!({name}));\n"));
        let put = each(|name, ty| {
            format!("evcxr_variable_store.put_variable::<{ty}>(stringify!({name}), {name});\n")
        });
        format!(
            "fn a(x: u8) {{ y }}\nfn run_user_code_3(\n{{let mut vars_ok = true;\n{check}{take}(||{{\n{cell}\n}})\n{put}}}\n"
        )
    }

    #[test]
    fn what_is_not_named_stays() {
        let of = [("mut x", "Vec<u8>"), ("y", "std::collections::HashMap<String, (u8, Option<u16>)>")];
        let shorter = leave_unnamed(&generated(&of, "x.push(1);")).unwrap();
        assert!(shorter.contains("let mut x = ") && shorter.contains("stringify!(x), x);"));
        assert!(!shorter.contains("let y = ") && !shorter.contains("stringify!(y), y);"));
        assert!(shorter.contains("(u8, Option<u16>)>>(stringify!(y));"), "its type is looked at: {shorter}");
        assert_eq!(shorter.lines().count(), generated(&of, "x.push(1);").lines().count());
        let at = |text: &str| text.lines().position(|line| line == "x.push(1);").unwrap();
        assert_eq!(at(&shorter), at(&generated(&of, "x.push(1);")));
    }

    #[test]
    fn what_is_named_is_taken_and_put_back() {
        let of = [("x", "u8"), ("xy", "u8")];
        for cell in ["x + xy", "println!(\"{x} {xy:?}\")", "let x = 1; drop(xy)", "a!(x; xy)", "// x-xy"] {
            assert_eq!(leave_unnamed(&generated(&of, cell)), None, "{cell}");
        }
        let only_one = leave_unnamed(&generated(&of, "xy + yx + x_")).unwrap();
        assert!(only_one.contains("let xy = ") && !only_one.contains("let x = "));
    }

    #[test]
    fn what_is_not_put_back_and_what_is_no_cell_is_left_alone() {
        let moved = generated(&[("x", "u8")], "1");
        let moved: String =
            moved.lines().filter(|line| put(line).is_none()).map(|line| format!("{line}\n")).collect();
        assert_eq!(leave_unnamed(&moved), None);
        assert_eq!(leave_unnamed("fn f() {}"), None);
        assert_eq!(leave_unnamed(""), None);
    }
}

//! A request for a crate: the text after `:dep`.

use std::path::{Component, Path, PathBuf};

use toml::{Table, Value};

/// A cell's request for a crate.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The name to the left of `=`.
    pub(crate) name: String,
    /// The keys of the dependency, as in a manifest. A path is absolute.
    pub(crate) specification: Table,
}

impl Request {
    /// Parses the text after `:dep`: a line of a manifest's `[dependencies]`, a name alone, which means any version,
    /// or the directory of a crate, which begins with `.` or `/`. A relative path starts at `directory`.
    ///
    /// # Errors
    ///
    /// A sentence, if the text is none of these.
    pub fn parse(text: &str, directory: &Path) -> Result<Request, String> {
        let text = text.trim();
        if text.starts_with(['.', '/']) {
            return Request::of_directory(text, directory);
        }
        if !text.contains('=') {
            let name = text.split('#').next().unwrap_or_default().trim();
            return Request::new(name, Value::String("*".to_owned()), directory);
        }
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| format!("`{text}`: {}.", error.message()))?;
        let mut entries = table.into_iter();
        match (entries.next(), entries.next(), text.starts_with('[')) {
            (Some((name, value)), None, false) => Request::new(&name, value, directory),
            _ => Err(no_dependency(text)),
        }
    }

    fn new(name: &str, value: Value, directory: &Path) -> Result<Request, String> {
        let is_name = |c: char| c.is_alphanumeric() || "-_".contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(no_dependency(name));
        }
        let mut specification = match value {
            Value::String(version) => Table::from_iter([("version".to_owned(), version.into())]),
            Value::Table(table) => table,
            other => return Err(no_dependency(&format!("{name} = {other}"))),
        };
        for key in ["workspace", "optional"] {
            if specification.contains_key(key) {
                return Err(format!("`{key}` has no meaning for a crate of a notebook ({name})."));
            }
        }
        if let Some(Value::String(path)) = specification.get_mut("path") {
            *path = absolute(path, directory).display().to_string();
        }
        Ok(Request { name: name.to_owned(), specification })
    }

    fn of_directory(path: &str, directory: &Path) -> Result<Request, String> {
        let path = absolute(path, directory);
        let manifest = path.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest)
            .map_err(|error| format!("There is no crate in {}: {error}.", path.display()))?;
        let name = text.parse::<Table>().ok().and_then(|table| {
            let name = table.get("package")?.get("name")?;
            Some(name.as_str()?.to_owned())
        });
        let name = name.ok_or_else(|| format!("{} does not name a package.", manifest.display()))?;
        let specification = Table::from_iter([("path".to_owned(), path.display().to_string().into())]);
        Ok(Request { name, specification })
    }

    /// The name of the package.
    pub(crate) fn package(&self) -> &str {
        self.key("package").unwrap_or(&self.name)
    }

    /// The name that cells use, if the request sets one.
    pub(crate) fn chosen_name(&self) -> Option<String> {
        self.key("package").map(|_| self.name.replace('-', "_"))
    }

    /// Whether a repetition of the request can have other code, because its sources are not in a registry.
    pub(crate) fn can_change(&self) -> bool {
        self.key("path").is_some() || self.key("git").is_some()
    }

    pub(crate) fn key(&self, key: &str) -> Option<&str> {
        self.specification.get(key)?.as_str()
    }

    pub(crate) fn features(&self) -> impl Iterator<Item = &str> {
        let features = self.specification.get("features").and_then(Value::as_array);
        features.into_iter().flatten().filter_map(Value::as_str)
    }
}

fn no_dependency(text: &str) -> String {
    format!(
        "`{text}` names no crate. Write `:dep name`, `:dep name = \"1\"` or `:dep name = {{ path = \"..\" }}`."
    )
}

/// A path without `.` and `..`, resolved lexically, as in cargo.
fn absolute(path: &str, directory: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in directory.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(clean.pop()),
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Request, String> {
        Request::parse(text, Path::new("/notes/today"))
    }

    #[test]
    fn the_forms_of_a_request() {
        assert_eq!(parsed("regex").unwrap().key("version"), Some("*"));
        assert_eq!(parsed("regex # fast").unwrap().name, "regex");
        assert_eq!(parsed(" regex = \"1\" # fast").unwrap().key("version"), Some("1"));
        assert_eq!(parsed("regex.version = \"1\"").unwrap().key("version"), Some("1"));
        let request = parsed("x = { path = \"../x\", features = [\"a\", \"b\"] }").unwrap();
        assert_eq!(request.key("path"), Some("/notes/x"));
        assert_eq!(request.features().collect::<Vec<_>>(), ["a", "b"]);
        let request = parsed("my-tokio = { package = \"tokio\", version = \"0.2\" }").unwrap();
        assert_eq!((request.package(), request.chosen_name().as_deref()), ("tokio", Some("my_tokio")));
    }

    #[test]
    fn a_directory_is_asked_for_its_name() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("Cargo.toml"), "package.name = \"my-crate\"").unwrap();
        let request = Request::parse(".", directory.path()).unwrap();
        assert_eq!((request.name.as_str(), request.key("path")), ("my-crate", directory.path().to_str()));
        let error = Request::parse("./none", directory.path()).unwrap_err();
        assert!(error.starts_with("There is no crate in"), "{error}");
    }

    #[test]
    fn other_text_is_refused_in_a_sentence() {
        for text in [
            "",
            "= 1",
            "a b",
            "a = 1",
            "a = { version = }",
            "a = { workspace = true }",
            "[x]\na=\"1\"",
            "a = \"1\"\nb = \"1\"",
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.ends_with('.') && error.len() > 10, "{text:?}: {error}");
        }
    }
}

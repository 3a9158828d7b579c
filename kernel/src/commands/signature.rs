//! Jupyter's signatures of notebooks: JupyterLab shows all outputs of a notebook that its user has signed.
//!
//! A signature is the HMAC (SHA-256) of the notebook's content with a secret of the user's. The secret and a database of
//! signatures lie in Jupyter's data directory. This is what `nbformat/sign.py` does:
//! <https://jupyter-server.readthedocs.io/en/latest/operators/security.html#security-in-notebook-documents>.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::notebook::Notebook;
use super::place::Place;

const SECRET: &str = "notebook_secret";
const DATABASE: &str = "nbsignatures.db";

/// The name of the algorithm in the database.
const ALGORITHM: &str = "sha256";

/// How long another program may be writing to the database.
const TIMEOUT: Duration = Duration::from_secs(5);

const TABLE: &str = "\
    CREATE TABLE IF NOT EXISTS nbsignatures \
        (id integer PRIMARY KEY AUTOINCREMENT, algorithm text, signature text, path text, last_seen timestamp); \
    CREATE INDEX IF NOT EXISTS algosig ON nbsignatures(algorithm, signature);";

/// The time as Python writes it.
const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')";

/// Signs a notebook as this user.
///
/// # Errors
///
/// A file in Jupyter's data directory cannot be read or written.
pub(crate) fn sign(notebook: &Notebook) -> anyhow::Result<()> {
    let kernels = Place::user()?.kernels;
    let directory = kernels.parent().unwrap_or(&kernels);
    fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let secret = secret(&directory.join(SECRET))?;
    store(&directory.join(DATABASE), &signature(&secret, notebook.read_as()?))
}

/// The secret, which is made if there is none.
fn secret(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("{} cannot be read", path.display());
    match threadbook_private::create_new(path) {
        Ok(mut file) => {
            let mut bytes = [0; 1024];
            SystemRandom::new()
                .fill(&mut bytes)
                .map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
            let text = BASE64_STANDARD.encode(bytes) + "\n";
            file.write_all(text.as_bytes())
                .with_context(|| format!("{} cannot be written", path.display()))?;
            Ok(text.into_bytes())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::read(path).with_context(unreadable),
        Err(error) => Err(error).with_context(unreadable),
    }
}

fn signature(secret: &[u8], mut notebook: Value) -> String {
    forget_transient(&mut notebook);
    let mut hash = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    add(&notebook, &mut hash);
    hash.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes away what Jupyter does not keep of a notebook that it reads.
fn forget_transient(notebook: &mut Value) {
    let forget = |value: &mut Value, keys: &[&str]| {
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            keys.iter().for_each(|key| drop(metadata.remove(*key)));
        }
    };
    forget(notebook, &["orig_nbformat", "orig_nbformat_minor", "signature"]);
    for cell in notebook.get_mut("cells").and_then(Value::as_array_mut).into_iter().flatten() {
        forget(cell, &["trusted"]);
    }
}

/// Adds all keys, in their order, and all values, as Python writes them. A list of lines adds the same bytes as one text.
fn add(value: &Value, hash: &mut hmac::Context) {
    match value {
        Value::Object(entries) => {
            // serde_json's order is that of the bytes, which is Python's order of code points.
            for (key, value) in entries {
                hash.update(key.as_bytes());
                add(value, hash);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| add(value, hash)),
        Value::String(text) => hash.update(text.as_bytes()),
        Value::Number(number) => hash.update(written(number).as_bytes()),
        Value::Bool(true) => hash.update(b"True"),
        Value::Bool(false) => hash.update(b"False"),
        Value::Null => hash.update(b"None"),
    }
}

/// A number as Python writes it.
fn written(number: &serde_json::Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let scientific = format!("{float:e}");
    match scientific
        .split_once('e')
        .and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)))
    {
        Some((digits, exponent)) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{float:?}"),
    }
}

fn store(path: &Path, signature: &str) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written", path.display());
    threadbook_private::file(path).with_context(cannot)?;
    let insert = || -> rusqlite::Result<()> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(TIMEOUT)?;
        connection.execute_batch(TABLE)?;
        let find = "SELECT id FROM nbsignatures WHERE algorithm = ? AND signature = ?";
        let known =
            connection.query_row(find, (ALGORITHM, signature), |row| row.get::<_, i64>(0)).optional()?;
        match known {
            Some(id) => connection
                .execute(&format!("UPDATE nbsignatures SET last_seen = {NOW} WHERE id = ?"), [id])?,
            None => connection.execute(
                &format!("INSERT INTO nbsignatures (algorithm, signature, last_seen) VALUES (?, ?, {NOW})"),
                (ALGORITHM, signature),
            )?,
        };
        Ok(())
    };
    insert().with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_signature_is_nbformats() {
        let notebook = json!({
            "cells": [{
                "attachments": {"a.png": {"image/png": "QUJD"}}, "cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# ä\n", "b"],
            }, {
                "cell_type": "code", "execution_count": 1, "id": "b", "metadata": {"trusted": true, "x": null}, "source": "1",
                "outputs": [
                    {"output_type": "display_data", "data": {"application/json": ["a", 1.0, 1e-5, 1e16, 0.1, 123456789.5], "text/plain": ["x\n", "y"]}, "metadata": {}},
                    {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
                ],
            }],
            "metadata": {"signature": "x"}, "nbformat": 4, "nbformat_minor": 5,
        });
        // By `NotebookNotary` of nbformat 5.11, with the secret b"secret".
        assert_eq!(
            signature(b"secret", notebook),
            "6c3d1c3170d5a5ba52b9a6507786b209f6f92dd15d6bd41e4575480ca441ac3e"
        );
    }

    #[test]
    fn numbers_are_pythons() {
        let cases = [
            (json!(1.0), "1.0"),
            (json!(0.1), "0.1"),
            (json!(1e-4), "0.0001"),
            (json!(1.5e-5), "1.5e-05"),
            (json!(1e15), "1000000000000000.0"),
            (json!(1e16), "1e+16"),
            (json!(-2.5e-300), "-2.5e-300"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(-3), "-3"),
        ];
        for (value, expected) in cases {
            assert_eq!(written(value.as_number().unwrap()), expected);
        }
    }

    #[test]
    fn the_secret_stays_and_a_signature_is_stored_once() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let made = secret(&at(SECRET)).unwrap();
        assert!(made.len() > 1024 && secret(&at(SECRET)).unwrap() == made);
        for signature in ["a", "b", "a"] {
            store(&at(DATABASE), signature).unwrap();
        }
        let connection = Connection::open(at(DATABASE)).unwrap();
        let count = connection.query_row("SELECT count(*) FROM nbsignatures", (), |row| row.get::<_, i64>(0));
        assert_eq!(count.unwrap(), 2);
    }
}

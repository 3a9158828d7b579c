//! The connection file: where the front end wants the sockets, and the key that messages are signed with.
//!
//! <https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files>

use anyhow::{Context, bail};
use jupyter_protocol::ConnectionInfo;
use serde_json::Value;
use std::path::Path;

/// The keys of a file that asks for encryption by CurveZMQ.
const CURVE_KEYS: [&str; 2] = ["curve_publickey", "curve_secretkey"];

/// Reads a connection file, and refuses what would not be served as it asks for.
pub fn read(path: &Path) -> anyhow::Result<ConnectionInfo> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("The connection file {name} cannot be read"))?;
    parse(&text).with_context(|| format!("The connection file {name} cannot be used"))
}

fn parse(text: &str) -> anyhow::Result<ConnectionInfo> {
    let fields: Value = serde_json::from_str(text).context("it is not JSON")?;
    if CURVE_KEYS.iter().any(|key| !matches!(fields.get(key), None | Some(Value::Null))) {
        bail!(
            "it asks for encryption by CurveZMQ, which this kernel does not have, and nothing is served in \
             the clear instead. Start it with transport_encryption=\"disabled\", on this machine or through \
             a tunnel"
        );
    }
    let connection: ConnectionInfo =
        serde_json::from_value(fields).context("it is not a Jupyter connection file")?;
    if connection.signature_scheme != "hmac-sha256" {
        bail!(
            "it asks for the signature scheme {:?}; this kernel knows hmac-sha256",
            connection.signature_scheme
        );
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file() -> Value {
        json!({
            "ip": "127.0.0.1", "transport": "tcp", "shell_port": 1, "iopub_port": 2, "stdin_port": 3,
            "control_port": 4, "hb_port": 5, "key": "k", "signature_scheme": "hmac-sha256",
        })
    }

    fn with(key: &str, value: Value) -> anyhow::Result<ConnectionInfo> {
        let mut file = file();
        file[key] = value;
        parse(&file.to_string())
    }

    #[test]
    fn a_connection_file_is_read() {
        assert_eq!(parse(&file().to_string()).unwrap().shell_port, 1);
        assert!(with("kernel_name", "threadbook".into()).is_ok());
        assert!(with("curve_publickey", Value::Null).is_ok());
    }

    #[test]
    fn what_cannot_be_served_as_asked_for_is_refused_with_the_reason() {
        let reason = |result: anyhow::Result<ConnectionInfo>| format!("{:#}", result.unwrap_err());
        assert!(
            reason(with("curve_secretkey", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7".into()))
                .contains("CurveZMQ")
        );
        assert!(reason(with("signature_scheme", "hmac-md5".into())).contains("hmac-md5"));
        assert!(reason(with("shell_port", "x".into())).contains("not a Jupyter connection file"));
        assert!(reason(parse("no")).contains("not JSON"));
    }
}

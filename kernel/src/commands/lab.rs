//! `threadbook lab`: the one command of a fresh clone.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use super::install_dir::{InstallDir, KERNEL};
use super::python::{self, Python};
use super::{install, mend, venv};
use crate::template;
use crate::toolchain::{self, Toolchain};

/// How JupyterLab is to be served.
#[derive(Args)]
pub(crate) struct LabOptions {
    /// Do not open a browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Serve on this port
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// Serve on this address
    #[arg(long, value_name = "A")]
    ip: Option<String>,
    /// Make everything ready, but do not start JupyterLab
    #[arg(long)]
    prepare: bool,
    /// More options for JupyterLab
    #[arg(last = true)]
    pub(crate) arguments: Vec<String>,
}

/// Makes everything ready and becomes JupyterLab.
pub(crate) fn lab(options: &LabOptions) -> anyhow::Result<()> {
    let checkout = template::checkout();
    let notebooks = checkout.join("notebooks").canonicalize().with_context(|| {
        format!("the checkout is not at {} any more; run cargo lab where it is now", checkout.display())
    })?;
    if let Some(port) = options.port {
        refuse_port_in_use(options.ip.as_deref(), port)?;
    }
    if Toolchain::find().is_ok_and(|toolchain| toolchain.sources().is_none()) {
        eprintln!(
            "Without the standard library's source, types of some variables must be written out; mend it with: {}",
            toolchain::ADD_SOURCE
        );
    }
    let python = python()?;
    install::ensure(&InstallDir::under(&python.prefix), KERNEL)?;
    if options.prepare {
        eprintln!("Everything is ready. {} has JupyterLab and the kernel.", python.program.display());
        return Ok(());
    }
    let mut command = jupyterlab(&python, &notebooks, options);
    Err(command.exec()).with_context(|| format!("cannot start {}", python.program.display()))
}

/// The Python of an active environment that has JupyterLab, or else the checkout's own.
fn python() -> anyhow::Result<Python> {
    let active = python::active_prefixes().into_iter().find_map(|prefix| Python::of_environment(&prefix));
    match active {
        Some(python) if python.has_lab() => Ok(python),
        Some(python) => {
            let prefix = python.prefix.display();
            eprintln!("The active environment {prefix} has no JupyterLab 4; using the private one in .venv");
            venv::ensure()
        }
        None => venv::ensure(),
    }
}

fn jupyterlab(python: &Python, notebooks: &Path, options: &LabOptions) -> Command {
    let mut command = Command::new(&python.program);
    command.args(["-m", "jupyterlab"]).current_dir(notebooks);
    // The kernel that was just registered comes before one of the same name elsewhere.
    command.env("JUPYTER_PREFER_ENV_PATH", "1");
    command.arg(format!("--ServerApp.root_dir={}", notebooks.display()));
    if options.no_browser {
        command.arg("--no-browser");
    }
    if let Some(port) = options.port {
        command.arg(format!("--port={port}")).arg("--ServerApp.port_retries=0");
    }
    if let Some(ip) = &options.ip {
        command.arg(format!("--ip={ip}"));
    }
    // JupyterLab refuses to serve as root, which is who one is in a container.
    if nix::unistd::geteuid().is_root() {
        command.arg("--allow-root");
    }
    command.args(&options.arguments);
    command
}

/// JupyterLab would quietly take another port.
fn refuse_port_in_use(ip: Option<&str>, port: u16) -> anyhow::Result<()> {
    let address = match ip {
        None | Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some("*") | Some("") => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        // JupyterLab knows what to make of a name.
        Some(other) => match other.parse() {
            Ok(address) => address,
            Err(_) => return Ok(()),
        },
    };
    match TcpListener::bind((address, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let free =
                (port.saturating_add(1)..=u16::MAX).find(|port| TcpListener::bind((address, *port)).is_ok());
            let free = free.map_or_else(|| "0".to_owned(), |port| port.to_string());
            Err(mend(format!("port {port} is in use"), format!("cargo lab --port {free}")))
        }
        Err(error) => bail!("cannot serve on {address}, port {port}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_with_one_that_is_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = refuse_port_in_use(None, port).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("port {port} is in use; mend it with: cargo lab --port ")),
            "{error}"
        );
        drop(taken);
        refuse_port_in_use(Some("localhost"), port).unwrap();
    }

    #[test]
    fn options_reach_jupyterlab() {
        let python = Python {
            program: "/v/bin/python".into(),
            prefix: "/v".into(),
            version: "3.12.0".into(),
            lab: None,
        };
        let options = LabOptions {
            no_browser: true,
            port: Some(8890),
            ip: Some("0.0.0.0".into()),
            prepare: false,
            arguments: vec!["--IdentityProvider.token=x".into()],
        };
        let command = jupyterlab(&python, Path::new("/clone/notebooks"), &options);
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_str().unwrap()).collect();
        let root = "--ServerApp.root_dir=/clone/notebooks";
        for wanted in [root, "--no-browser", "--port=8890", "--ServerApp.port_retries=0", "--ip=0.0.0.0"] {
            assert!(arguments.contains(&wanted), "{wanted}: {arguments:?}");
        }
        assert_eq!(arguments.last(), Some(&"--IdentityProvider.token=x"));
    }
}

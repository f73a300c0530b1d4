//! Programs that speak WebSocket or HTTP: kosoku, which runs the cases of Autobahn's test suite,
//! Python's websockets, wsproto, aiohttp and h11, and ws of Node.js.

use std::path::Path;

use anyhow::{Context, Result};
use provision::process::{on_path, write_program};

use crate::node;
use crate::python::Environment;

const PYTHON_PACKAGES: Environment = Environment {
    name: "web-2",
    what: "kosoku, and Python's websockets, wsproto, aiohttp and h11 (10 MB to download, once)",
    packages: &[
        "aiohttp==3.14.5",
        "h11==0.16.0",
        "kosoku==0.1.0",
        "websockets==17.4",
        "wsproto==1.3.2",
    ],
};

/// The tools with those packages, and what Python runs for each.
const PYTHON_TOOLS: [(&str, &str); 3] = [
    ("python-web", ""),
    ("kosoku", " -c 'from kosoku._cli import main; main()'"),
    ("websockets", ""),
];

/// Writes scripts that start the programs of Python into `tools`.
pub(super) fn write_python(tools: &Path) -> Result<()> {
    let python = PYTHON_PACKAGES.python()?;
    let python = python.display();
    for (name, arguments) in PYTHON_TOOLS {
        let script = format!("#!/bin/sh\nexec \"{python}\"{arguments} \"$@\"\n");
        write_program(&tools.join(name), &script)?;
    }
    Ok(())
}

/// Writes a script `ws` into `tools`, which runs a script of Node.js that uses ws.
pub(super) fn write_node(tools: &Path) -> Result<()> {
    let node = on_path("node").context("there is no node")?;
    let modules = node::with_ws()?;
    let (node, modules) = (node.display(), modules.display());
    let script = format!("#!/bin/sh\nNODE_PATH=\"{modules}\" exec \"{node}\" \"$@\"\n");
    write_program(&tools.join("ws"), &script)?;
    Ok(())
}

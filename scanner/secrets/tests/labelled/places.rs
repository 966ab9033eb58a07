//! Files in which a value may stand under a name.

/// Number of places.
pub(crate) const PLACES: usize = 10;

/// Gives the path and the text of a file of which a value is a part; `name` is in capitals.
pub(crate) fn place(at: usize, owner: &str, name: &str, value: &str) -> (String, String) {
    let lower = name.to_lowercase();
    let camel = camel(&lower);
    let dotted = lower.replace('_', ".");
    let (path, text) = match at % PLACES {
        0 => (
            ".env",
            format!("APP_ENV=production\nLOG_LEVEL=info\n{name}={value}\nPORT=8080\n"),
        ),
        1 => (
            "config.yaml",
            format!(
                "service:\n  name: {owner}\n  replicas: 3\n  {camel}: \"{value}\"\n  timeout: 30s\n"
            ),
        ),
        2 => (
            "appsettings.json",
            format!(
                "{{\n  \"name\": \"{owner}\",\n  \"{camel}\": \"{value}\",\n  \"debug\": false\n}}\n"
            ),
        ),
        3 => (
            "start.sh",
            format!("#!/bin/sh\nset -eu\nexport {name}=\"{value}\"\nexec ./{owner} serve\n"),
        ),
        4 => (
            "application.properties",
            format!("server.port=8080\n{owner}.{dotted}={value}\nlogging.level=INFO\n"),
        ),
        5 => (
            "client.py",
            format!(
                "import os\n\nfrom client import Client\n\n{name} = \"{value}\"\nclient = Client({lower}={name}, retries=3)\n"
            ),
        ),
        6 => (
            "deployment.yaml",
            format!(
                "apiVersion: apps/v1\nkind: Deployment\nspec:\n  containers:\n  - name: {owner}\n    env:\n    - name: {name}\n      value: {value}\n    - name: PORT\n      value: \"80\"\n"
            ),
        ),
        7 => (
            "settings.toml",
            format!("[{owner}]\nworkers = 4\n{lower} = \"{value}\"\n"),
        ),
        8 => (
            "index.js",
            format!("'use strict';\nconst {camel} = '{value}';\nmodule.exports = {{ {camel} }};\n"),
        ),
        _ => (
            "Dockerfile",
            format!("FROM debian:12-slim\nWORKDIR /srv\nENV {name}={value}\nCMD [\"./{owner}\"]\n"),
        ),
    };
    (format!("srv/{owner}/{path}"), text)
}

fn camel(lower: &str) -> String {
    let mut words = lower.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1.min(word.len()));
        name + &head.to_uppercase() + tail
    })
}

//! Secrets as people write them in commands, code and files of their own kind: written down before
//! the rules were held against them, so that some are missed.

use super::Case;
use super::random::{ALNUM, DIGITS, HEX, LETTERS, Random, encoded};

type Make = fn(&mut Random, usize) -> (&'static str, String, String);

const KINDS: [(&str, Make); 22] = [
    ("connection-string", |r, at| {
        let password = r.password().replace('#', "x");
        let text = match at % 2 {
            0 => format!(
                "{{\"ConnectionStrings\":{{\"Main\":\"Server=db;Database=app;User Id=sa;Password={password};Encrypt=true\"}}}}\n"
            ),
            _ => format!(
                "<add name=\"Main\" connectionString=\"Data Source=db;User ID=app;Pwd={password};\" />\n"
            ),
        };
        (
            ["srv/appsettings.json", "srv/Web.config"][at % 2],
            text,
            password,
        )
    }),
    ("php-define", |r, _| {
        let password = r.password();
        (
            "srv/wp-config.php",
            format!("<?php\ndefine( 'DB_USER', 'wp' );\ndefine( 'DB_PASSWORD', '{password}' );\n"),
            password,
        )
    }),
    ("php-array", |r, _| {
        let password = r.password();
        (
            "srv/config/database.php",
            format!(
                "<?php\nreturn [\n    'username' => 'app',\n    'password' => '{password}',\n];\n"
            ),
            password,
        )
    }),
    ("java-setter", |r, _| {
        let password = r.password();
        (
            "srv/Db.java",
            format!(
                "class Db {{ void open() {{ source.setUser(\"app\"); source.setPassword(\"{password}\"); }} }}\n"
            ),
            password,
        )
    }),
    ("curl-user", |r, _| {
        let password = r.password();
        (
            "srv/push.sh",
            format!(
                "#!/bin/sh\ncurl -fsS -u 'ci:{password}' -T app.tgz https://repo.acme.dev/up/\n"
            ),
            password,
        )
    }),
    ("sshpass", |r, _| {
        let password = r.password();
        (
            "srv/deploy.sh",
            format!("#!/bin/sh\nsshpass -p '{password}' scp app.tgz root@10.0.0.4:/srv/\n"),
            password,
        )
    }),
    ("mysql-option", |r, _| {
        let password = r.of(ALNUM, 12) + &r.of(DIGITS, 1);
        (
            "srv/dump.sh",
            format!("#!/bin/sh\nmysqldump -u root -p{password} app > /backup/app.sql\n"),
            password,
        )
    }),
    ("long-option", |r, at| {
        let password = r.password();
        let sign = ["=", " "][at % 2];
        (
            "srv/login.sh",
            format!(
                "#!/bin/sh\ndocker login registry.acme.dev --username ci --password{sign}{password}\n"
            ),
            password,
        )
    }),
    ("sql-identified-by", |r, _| {
        let password = r.password();
        (
            "srv/init.sql",
            format!(
                "CREATE USER 'app'@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON app.* TO 'app'@'%';\n"
            ),
            password,
        )
    }),
    ("sql-role", |r, _| {
        let password = r.password();
        (
            "srv/init-pg.sql",
            format!("CREATE ROLE app LOGIN PASSWORD '{password}';\n"),
            password,
        )
    }),
    ("pgpass", |r, _| {
        let password = r.password();
        (
            "root/.pgpass",
            format!("db.internal:5432:app:app:{password}\n"),
            password,
        )
    }),
    ("git-credentials", |r, _| {
        let password = r.of(ALNUM, 30);
        (
            "root/.git-credentials",
            format!("https://ci:{password}@git.acme.dev\n"),
            password,
        )
    }),
    ("ansible-inventory", |r, _| {
        let password = r.password();
        (
            "srv/hosts.ini",
            format!("[web]\n10.0.0.4 ansible_user=root ansible_ssh_pass={password}\n"),
            password,
        )
    }),
    ("terraform-default", |r, _| {
        let password = r.password();
        (
            "srv/main.tf",
            format!(
                "resource \"aws_db_instance\" \"main\" {{\n  username = \"app\"\n  password = \"{password}\"\n}}\n"
            ),
            password,
        )
    }),
    ("chpasswd", |r, _| {
        let password = r.password();
        (
            "srv/Dockerfile",
            format!("FROM debian:12\nRUN echo 'root:{password}' | chpasswd\n"),
            password,
        )
    }),
    ("passphrase-in-words", |r, _| {
        let password = format!("{} {} {} tree", r.word(), r.word(), r.word());
        (
            "srv/.env",
            format!("WALLET_PASSPHRASE=\"{password}\"\nMODE=live\n"),
            password,
        )
    }),
    ("password-of-one-word", |r, _| {
        let password = r
            .pick(&["letmein", "swordfish", "trustno", "iloveyou", "dragonfly"])
            .to_owned();
        (
            "srv/.env",
            format!("ADMIN_PASSWORD={password}\nMODE=live\n"),
            password,
        )
    }),
    ("letters-only-token", |r, _| {
        let token = r.of(LETTERS, 32);
        ("srv/app.yaml", format!("api:\n  token: {token}\n"), token)
    }),
    ("kubernetes-secret", |r, _| {
        let value = encoded(r.password().as_bytes());
        (
            "srv/secret.yaml",
            format!("apiVersion: v1\nkind: Secret\ndata:\n  db-password: {value}\n"),
            value,
        )
    }),
    ("in-a-program", |r, _| {
        let value = format!("sk_live_51{}", r.of(ALNUM, 97));
        (
            "srv/server",
            format!("\u{7f}ELF\0\0\0\0starting\0{value}\0listening on %s\0"),
            value,
        )
    }),
    ("run-into-text", |r, _| {
        let value = format!("dckr_pat_{}", r.of(ALNUM, 27));
        (
            "srv/server-go",
            format!("\u{7f}ELF\0\0\0\0runtime error: index{value}unexpected end"),
            value,
        )
    }),
    ("json-in-json", |r, _| {
        let value = r.of(HEX, 48);
        (
            "srv/task.json",
            format!(
                "{{\"environment\":\"{{\\\"API_SECRET\\\":\\\"{value}\\\",\\\"MODE\\\":\\\"live\\\"}}\"}}\n"
            ),
            value,
        )
    }),
];

pub(crate) fn cases(random: &mut Random, each: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, make) in KINDS {
        for at in 0..each {
            let (path, text, value) = make(random, at);
            cases.push(Case::with(kind, path, text, &value));
        }
    }
    cases
}

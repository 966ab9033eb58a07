//! A registry whose repositories belong to users: Debian's `docker-registry` behind nginx, which asks
//! for a name and password by location. Passwords can be changed, and it can be stopped.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process::{Daemon, free_port};
use crate::programs::path_with;
use crate::registry::Registry;

/// A registry in which each repository has the users who may have it.
pub struct PrivateRegistry {
    plain: Registry,
    daemon: Daemon,
    address: String,
    directory: TempDir,
}

impl PrivateRegistry {
    /// Starts one: of each repository, who may pull from it.
    pub async fn start(repositories: &[(&str, &[&str])]) -> Self {
        let plain = Registry::start().await;
        let directory = tempfile::tempdir().expect("make a directory");
        let address = format!("127.0.0.1:{}", free_port());
        let home = directory.path();
        let locations: String = repositories
            .iter()
            .map(|(repository, _)| location(repository, &users_of(home, repository), &plain))
            .collect();
        for (repository, users) in repositories {
            std::fs::write(users_of(home, repository), "").expect("write no users");
            for user in *users {
                set_password(home, repository, user, user);
            }
        }
        let config = configuration(home, &address, &locations);
        let file = home.join("nginx.conf");
        std::fs::write(&file, config).expect("write nginx's configuration");
        let mut command = Command::new("nginx");
        // Debian's nginx lies where only root looks.
        command
            .env("PATH", path_with(Path::new("/usr/sbin")))
            .arg("-p")
            .arg(home);
        command.arg("-c").arg(&file).args(["-g", "daemon off;"]);
        let mut daemon = Daemon::start("nginx", command, &home.join("nginx.log"));
        let there = address.clone();
        daemon
            .wait_until(async || tokio::net::TcpStream::connect(&there).await.is_ok())
            .await;
        Self {
            plain,
            daemon,
            address,
            directory,
        }
    }

    /// Gives the base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gives the registry behind, to push to and to count what it was asked.
    pub fn plain(&self) -> &Registry {
        &self.plain
    }

    /// Gives a user of a repository another password; at first it is the user's name.
    pub fn set_password(&self, repository: &str, user: &str, password: &str) {
        set_password(self.directory.path(), repository, user, password);
    }

    /// Ends it: nobody answers from now on.
    pub fn stop(&mut self) {
        self.daemon.kill_now();
    }
}

fn location(repository: &str, users: &str, plain: &Registry) -> String {
    format!(
        "location /v2/{repository}/ {{ auth_basic private; auth_basic_user_file {users};\n\
         proxy_pass {}; proxy_set_header Host $http_host; proxy_set_header Authorization \"\"; }}\n",
        plain.url()
    )
}

fn configuration(home: &Path, address: &str, locations: &str) -> String {
    let home = home.display();
    format!(
        "pid {home}/pid; error_log {home}/error.log; master_process off;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;\n\
         fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;\n\
         server {{ listen {address};\n{locations}location / {{ return 404; }} }} }}\n"
    )
}

fn users_of(home: &Path, repository: &str) -> String {
    home.join(repository.replace('/', "-"))
        .display()
        .to_string()
}

fn set_password(home: &Path, repository: &str, user: &str, password: &str) {
    let written = Command::new("htpasswd")
        .args(["-b", "-m", &users_of(home, repository), user, password])
        .output()
        .expect("run htpasswd; tests/run installs it");
    assert!(written.status.success(), "{written:?}");
}

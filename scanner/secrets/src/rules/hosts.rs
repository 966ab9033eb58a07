//! The tokens of hosts and registries of code, packages and images, each by what its issuer says of it.

use sluicegate_model::severity::Severity::High;

use crate::checksum::{crc32_base62, github, pypi};
use crate::pattern::Part::{Maybe, Run, Text};
use crate::pattern::{alnum, hex, lower, upper, url64};
use crate::rule::{RuleInfo, Token};
use crate::secret::SecretKind::{CodeHost, Registry};

pub(crate) static TOKENS: &[Token] = &[
    // GitHub, "About authentication to GitHub": token formats; six digits of a checksum.
    Token::new(
        RuleInfo::new("github-token", "GitHub token", CodeHost, High),
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        &[Run(alnum, 36, 251)],
    )
    .proven(github),
    // GitHub, "About authentication to GitHub": token formats.
    Token::new(
        RuleInfo::new(
            "github-fine-grained-token",
            "GitHub fine-grained token",
            CodeHost,
            High,
        ),
        &["github_pat_"],
        &[Run(alnum, 22, 22), Text("_"), Run(alnum, 59, 59)],
    ),
    // GitLab, "Token overview": prefixes; routable tokens have two further parts.
    Token::new(
        RuleInfo::new("gitlab-token", "GitLab token", CodeHost, High),
        &[
            "glpat-", "gldt-", "glrt-", "glrtr-", "glptt-", "glft-", "glsoat-", "glagent-",
            "glcbt-", "glimt-", "gloas-", "glffct-",
        ],
        &[
            Run(url64, 20, 300),
            Maybe(&[Text("."), Run(lower, 2, 2), Text("."), Run(lower, 9, 9)]),
        ],
    ),
    // GitLab, "Token overview": prefixes.
    Token::new(
        RuleInfo::new(
            "gitlab-runner-registration-token",
            "GitLab runner registration token",
            CodeHost,
            High,
        ),
        &["GR1348941"],
        &[Run(url64, 20, 20)],
    ),
    // Atlassian, "App passwords".
    Token::new(
        RuleInfo::new(
            "bitbucket-app-password",
            "Bitbucket app password",
            CodeHost,
            High,
        ),
        &["ATBB"],
        &[Run(alnum, 32, 32)],
    ),
    // Atlassian, "Manage API tokens for your Atlassian account".
    Token::new(
        RuleInfo::new("atlassian-token", "Atlassian API token", CodeHost, High),
        &["ATATT3", "ATCTT3"],
        &[Run(url64, 150, 250), Text("="), Run(upper, 8, 8)],
    ),
    // npm, "Announcing npm's new access token format"; the checksum is GitHub's.
    Token::new(
        RuleInfo::new("npm-token", "npm token", Registry, High),
        &["npm_"],
        &[Run(alnum, 36, 36)],
    )
    .proven(crc32_base62),
    // PyPI, "API tokens": a macaroon.
    Token::new(
        RuleInfo::new("pypi-token", "PyPI token", Registry, High),
        &["pypi-"],
        &[Run(url64, 85, 1024)],
    )
    .proven(pypi),
    // crates.io, secure tokens: three letters and 32 letters or digits.
    Token::new(
        RuleInfo::new("crates-io-token", "crates.io token", Registry, High),
        &["cio"],
        &[Run(alnum, 32, 32)],
    ),
    // RubyGems, "API key scopes".
    Token::new(
        RuleInfo::new("rubygems-key", "RubyGems API key", Registry, High),
        &["rubygems_"],
        &[Run(hex, 48, 48)],
    ),
    // NuGet, "Scoped API keys".
    Token::new(
        RuleInfo::new("nuget-key", "NuGet API key", Registry, High),
        &["oy2"],
        &[Run(lower, 43, 43)],
    ),
    // Docker, "Personal access tokens", "Organization access tokens".
    Token::new(
        RuleInfo::new("docker-hub-token", "Docker Hub token", Registry, High),
        &["dckr_pat_", "dckr_oat_"],
        &[Run(url64, 27, 32)],
    ),
    // JFrog, "User profile": API keys of 73 letters or digits.
    Token::new(
        RuleInfo::new("jfrog-key", "JFrog API key", Registry, High),
        &["AKCp"],
        &[Run(alnum, 69, 69)],
    ),
    // Clojars, "Deploy tokens".
    Token::new(
        RuleInfo::new("clojars-token", "Clojars deploy token", Registry, High),
        &["CLOJARS_"],
        &[Run(hex, 60, 60)],
    ),
];

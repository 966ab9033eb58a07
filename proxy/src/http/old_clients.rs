//! Clients that show no reason for a HEAD's 403 (measured; see the page for runtimes).

/// Tells whether this client prints a refusal's reason only when a GET is refused.
///
/// containerd before 2.3.3, and Docker Engine 29.0 to 29.6, which carries such a containerd.
pub(super) fn hides_reasons(user_agent: &str) -> bool {
    let Some((product, rest)) = user_agent.split_once('/') else {
        return false;
    };
    let version: Vec<u64> = rest
        .split(|c: char| c.is_whitespace() || c == '-' || c == '+' || c == '~')
        .next()
        .unwrap_or_default()
        .trim_start_matches('v')
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    match product {
        "containerd" => !version.is_empty() && version < vec![2, 3, 3],
        "docker" => version.starts_with(&[29]) && version < vec![29, 7],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::hides_reasons;

    #[test]
    fn knows_who_hides_reasons() {
        for old in [
            "containerd/1.6.20~ds1",
            "containerd/v2.3.2",
            "docker/29.1.0 go/go1.25",
        ] {
            assert!(hides_reasons(old), "{old}");
        }
        for fine in [
            "containerd/2.3.3",
            "containerd/3.0.0",
            "docker/20.10.24",
            "docker/29.7.0",
            "curl/8",
            "",
        ] {
            assert!(!hides_reasons(fine), "{fine}");
        }
    }
}

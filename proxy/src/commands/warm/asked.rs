//! What is asked for: repositories and patterns on the command line, references in a list.

/// A question to the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// A reference, or a repository with a pattern of tags.
    pub(super) image: String,
    /// Whether it stands in a list, of which the others go on where it makes no sense.
    pub(super) is_one_of_many: bool,
}

/// What Kubernetes' status and tools write before a reference.
const SCHEMES: [&str; 3] = ["docker-pullable://", "docker://", "containerd://"];

impl Asked {
    /// Reads an argument: a repository alone means all of its tags.
    pub(super) fn matching(images: &str) -> Self {
        let last = images.rsplit('/').next().unwrap_or_default();
        let image = if last.contains([':', '@']) {
            images.to_owned()
        } else {
            format!("{images}:*")
        };
        Self {
            image,
            is_one_of_many: false,
        }
    }
}

/// Reads references, one a line: each means one image, as a cluster that runs it does. Empty lines
/// and those that begin with `#` are none.
pub(super) fn of_lines(text: &str) -> Vec<Asked> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let bare = |line: &str| {
        let mut schemes = SCHEMES.iter();
        let bare = schemes.find_map(|scheme| line.strip_prefix(scheme));
        bare.unwrap_or(line).to_owned()
    };
    let asked = |line| Asked {
        image: bare(line),
        is_one_of_many: true,
    };
    lines.map(asked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_alone_means_all_of_its_tags() {
        for (images, asked) in [
            ("nginx", "nginx:*"),
            ("localhost:5000/team/app", "localhost:5000/team/app:*"),
            ("quay.io/team/app:1.*", "quay.io/team/app:1.*"),
            ("quay.io/team/app@sha256:12", "quay.io/team/app@sha256:12"),
        ] {
            assert_eq!(Asked::matching(images).image, asked);
        }
    }

    #[test]
    fn a_list_has_one_image_a_line() {
        let text = "# what runs\nnginx\n\n  quay.io/team/app:1 \r\n\
                    docker-pullable://redis@sha256:12\ncontainerd://sha256:12\n";
        let asked: Vec<String> = of_lines(text)
            .into_iter()
            .map(|asked| asked.image)
            .collect();
        assert_eq!(
            asked,
            [
                "nginx",
                "quay.io/team/app:1",
                "redis@sha256:12",
                "sha256:12"
            ]
        );
        assert!(of_lines(text).iter().all(|asked| asked.is_one_of_many));
        assert!(of_lines("\n# nothing\n").is_empty());
    }
}

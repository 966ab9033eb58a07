//! Normal forms of package names: two spellings that an ecosystem holds to be one package meet here.
//!
//! It is applied to both sides, advisories when they are indexed and components when they are
//! looked up, and to nothing else.

use std::borrow::Cow;

/// Gives the normal form of a name in an ecosystem's family.
pub(crate) fn normal_form<'a>(family: &str, name: &'a str) -> Cow<'a, str> {
    match family {
        "PyPI" => pypi(name),
        // These registries treat names as equal whatever their letter case.
        "NuGet" | "Packagist" | "Hex" => Cow::Owned(name.to_lowercase()),
        // The registry takes no crate whose name differs from another's in this alone.
        "crates.io" => Cow::Owned(name.to_lowercase().replace('_', "-")),
        _ => Cow::Borrowed(name),
    }
}

/// Gives a name without its group; none where the ecosystem's names have none.
pub(crate) fn without_group<'a>(family: &str, name: &'a str) -> Option<&'a str> {
    let (_, artifact) = name.split_once(':').filter(|_| family == "Maven")?;
    Some(artifact)
}

/// Source: Python packaging specification, "Name normalization".
fn pypi(name: &str) -> Cow<'_, str> {
    let mut normal = String::with_capacity(name.len());
    let mut after_separator = false;
    for c in name.chars() {
        let is_separator = matches!(c, '-' | '_' | '.');
        if !is_separator {
            normal.extend(c.to_lowercase());
        } else if !after_separator {
            normal.push('-');
        }
        after_separator = is_separator;
    }
    Cow::Owned(normal)
}

#[cfg(test)]
mod tests {
    use super::normal_form;

    #[test]
    fn folds_only_what_the_ecosystem_folds() {
        for (family, written, normal) in [
            ("PyPI", "Foo.Bar__baz", "foo-bar-baz"),
            ("PyPI", "zope.interface", "zope-interface"),
            ("NuGet", "Newtonsoft.Json", "newtonsoft.json"),
            ("Packagist", "Symfony/HTTP-Kernel", "symfony/http-kernel"),
            ("Hex", "Plug", "plug"),
            ("crates.io", "Serde_JSON", "serde-json"),
            ("RubyGems", "RedCloth", "RedCloth"),
            (
                "Go",
                "github.com/BurntSushi/toml",
                "github.com/BurntSushi/toml",
            ),
            ("npm", "@Scope/Name", "@Scope/Name"),
            ("Maven", "Org.X:y_Z", "Org.X:y_Z"),
            ("Debian", "libFoo", "libFoo"),
        ] {
            assert_eq!(normal_form(family, written), normal);
        }
    }
}

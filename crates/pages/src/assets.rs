//! Styles, scripts and the icon, under names that change with their content, so that browsers may keep them for ever.

use std::sync::LazyLock;

/// A file that pages refer to.
#[derive(Debug)]
pub struct Asset {
    /// `portal-1f2e3d4c.css`.
    pub name: String,
    pub content_type: &'static str,
    pub content: &'static str,
}

const FILES: [(&str, &str, &str, &str); 7] = [
    ("portal", "css", "text/css; charset=utf-8", include_str!("../assets/portal.css")),
    ("theme", "js", "text/javascript; charset=utf-8", include_str!("../assets/theme.js")),
    ("portal", "js", "text/javascript; charset=utf-8", include_str!("../assets/portal.js")),
    ("viewer", "js", "text/javascript; charset=utf-8", include_str!("../assets/viewer.js")),
    ("icon", "svg", "image/svg+xml", include_str!("../assets/icon.svg")),
    ("console", "css", "text/css; charset=utf-8", include_str!("../assets/console.css")),
    ("console", "js", "text/javascript; charset=utf-8", include_str!("../assets/console.js")),
];

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |(stem, extension, content_type, content): (&str, &str, &'static str, &'static str)| Asset {
        name: format!("{stem}-{:016x}.{extension}", fnv1a(content.as_bytes())),
        content_type,
        content,
    };
    FILES.into_iter().map(asset).collect()
});

/// FNV-1a, 64 bits: tells versions of our own files apart, which is all that is asked of it.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The asset with this name, content hash included.
pub fn asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Names of the assets, for templates.
pub(crate) fn names() -> [&'static str; 7] {
    [0, 1, 2, 3, 4, 5, 6].map(|at| ASSETS[at].name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_under_its_hashed_name_only() {
        for name in names() {
            assert_eq!(asset(name).unwrap().name, name);
        }
        assert!(asset("portal.css").is_none());
        assert!(asset("").is_none());
    }

    #[test]
    fn scripts_and_styles_fit_the_policy_and_the_size_of_a_page() {
        for asset in ASSETS.iter() {
            for word in ["eval(", "innerHTML", "outerHTML", "document.write", "insertAdjacentHTML", "@import", "//cdn"]
            {
                assert!(!asset.content.contains(word), "{} has {word}", asset.name);
            }
        }
        let of = |other: [&str; 2]| -> usize {
            let all = ASSETS.iter().filter(|a| !other.iter().any(|name| a.name.starts_with(name)));
            all.map(|a| a.content.len()).sum()
        };
        let (portal, console) = (of(["viewer", "console"]), of(["viewer", "portal.js"]));
        assert!(portal < 45 * 1024 && console < 55 * 1024, "{portal} {console}");
    }
}

//! The files that pages need, inside the program: style, script, icons. Each is served under a name that carries a hash of
//! its content, so that a browser keeps it for good and never mixes two versions.

use base64::Engine as _;
use sha2::{Digest as _, Sha256, Sha384};
use std::sync::LazyLock;

/// One file of the pages.
pub struct Asset {
    /// The name in the source, such as `app.css`.
    pub name: &'static str,
    /// The address, such as `/assets/app.0123456789abcdef.css`.
    pub path: String,
    /// The content.
    pub bytes: &'static [u8],
    /// The media type.
    pub content_type: &'static str,
    /// The value of an `integrity` attribute: SHA-384 of the content.
    pub integrity: String,
}

static ASSETS: LazyLock<[Asset; 7]> = LazyLock::new(|| {
    [
        asset("app.css", "text/css; charset=utf-8", include_bytes!("../assets/app.css")),
        asset("app.js", "text/javascript; charset=utf-8", include_bytes!("../assets/app.js")),
        asset("device.js", "text/javascript; charset=utf-8", include_bytes!("../assets/device.js")),
        asset("htmx.min.js", "text/javascript; charset=utf-8", include_bytes!("../assets/htmx.min.js")),
        asset("passkey.js", "text/javascript; charset=utf-8", include_bytes!("../assets/passkey.js")),
        asset("icons.svg", "image/svg+xml", include_bytes!("../assets/icons.svg")),
        asset("sign.svg", "image/svg+xml", include_bytes!("../assets/sign.svg")),
    ]
});

fn asset(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    let hash: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha384::digest(bytes));
    Asset { name, path: format!("/assets/{stem}.{hash}.{extension}"), bytes, content_type, integrity: format!("sha384-{digest}") }
}

/// All files.
pub fn all() -> &'static [Asset] {
    &*ASSETS
}

/// The file with this source name.
///
/// # Panics
/// When there is no such file: names are written in the source, never taken from input.
pub fn named(name: &str) -> &'static Asset {
    let found = ASSETS.iter().find(|asset| asset.name == name);
    found.unwrap_or_else(|| panic!("no asset is called {name}"))
}

/// The address of the file with this source name; panics like [`named`].
pub fn url(name: &str) -> &'static str {
    &named(name).path
}

/// The content and media type of the file at an address that a browser asked for.
pub fn find(path: &str) -> Option<(&'static [u8], &'static str)> {
    ASSETS.iter().find(|asset| asset.path == path).map(|asset| (asset.bytes, asset.content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_found_at_its_address_and_nowhere_else() {
        for asset in all() {
            assert_eq!(find(url(asset.name)), Some((asset.bytes, asset.content_type)));
        }
        assert_eq!(find("/assets/app.css"), None);
    }

    #[test]
    fn the_addresses_carry_sixteen_hex_digits() {
        let hash = url("app.css").trim_start_matches("/assets/app.").trim_end_matches(".css");
        assert!(hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
    }

    #[test]
    fn our_own_files_stay_small() {
        assert!(named("app.css").bytes.len() <= 31_000);
        assert!(named("app.js").bytes.len() <= 8_000);
        assert!(named("passkey.js").bytes.len() <= 2_500);
        assert!(named("device.js").bytes.len() <= 6_000);
    }
}

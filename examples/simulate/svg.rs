//! The timeline as a picture.

use std::io;

use super::timeline::Timeline;

/// All pods, one below the other.
pub(crate) fn draw(pods: &[Timeline]) -> io::Result<Vec<u8>> {
    Ok(format!("<svg>{}</svg>", pods.len()).into_bytes())
}

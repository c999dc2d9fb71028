//! Pictures: shown in terminals that can show them, else saved and named.
//!
//! What comes is what Python objects give of themselves: PNG, JPEG or SVG. [`raster`] makes pixels
//! of it, [`way`] knows what the terminal can, [`drawing`] turns pixels into what it takes.
//! Nothing here writes to the terminal: the screen does.

mod base64;
mod drawing;
mod raster;
mod way;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::colour::Colours;
use raster::Raster;
pub use way::Way;

/// The forms that are pictures, the ones that lose least first.
const KINDS: [Kind; 3] = [Kind::Png, Kind::Svg, Kind::Jpeg];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Png,
    Jpeg,
    Svg,
}

impl Kind {
    fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Svg => "image/svg+xml",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Svg => "svg",
        }
    }
}

/// How large the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
    /// The size of a character, or what is usual where the terminal doesn't say.
    pub cell_width_px: usize,
    pub cell_height_px: usize,
}

/// Turns pictures into text for the terminal of this process.
#[derive(Default)]
pub struct Pictures {
    way: OnceLock<Way>,
    folder: Mutex<Option<PathBuf>>,
    saved: AtomicU32,
}

impl Pictures {
    /// What shows the picture among the forms of an object, if there is one that can be read.
    ///
    /// `may_ask` tells whether the terminal can be asked what it can: not while somebody types.
    pub fn shown(
        &self,
        forms: &[(String, String)],
        colours: Colours,
        may_ask: bool,
    ) -> Option<String> {
        let (kind, text) = KINDS.iter().find_map(|kind| {
            let form = forms.iter().find(|(mime, _)| mime == kind.mime())?;
            Some((*kind, form.1.as_str()))
        })?;
        let bytes = match kind {
            Kind::Svg => text.as_bytes().to_vec(),
            Kind::Png | Kind::Jpeg => base64::decoded(text)?,
        };
        let way = match self.way.get() {
            Some(way) => *way,
            None => match Way::of_this_terminal(colours, may_ask) {
                Some(way) => *self.way.get_or_init(|| way),
                // Nobody knows yet; the next picture may.
                None => Way::Blocks,
            },
        };
        if way == Way::Nothing {
            return None;
        }
        let drawn =
            match (way, kind) {
                (Way::File, _) => None,
                (Way::Iterm, Kind::Png | Kind::Jpeg) => Some(drawing::iterm(&bytes, way::size())),
                // Only that one takes it as it is.
                (_, Kind::Jpeg) => None,
                (Way::Kitty, Kind::Png) => Raster::of_png(&bytes)
                    .map(|raster| drawing::kitty_png(&bytes, &raster, way::size())),
                (_, Kind::Png) => Raster::of_png(&bytes)
                    .and_then(|raster| drawing::drawn(way, &raster, way::size())),
                (_, Kind::Svg) => Raster::of_svg(&bytes)
                    .and_then(|raster| drawing::drawn(way, &raster, way::size())),
            };
        drawn.or_else(|| self.saved(kind, &bytes))
    }

    /// Saves the picture and gives the line that names its file.
    fn saved(&self, kind: Kind, bytes: &[u8]) -> Option<String> {
        let folder = self.folder()?;
        let number = self.saved.fetch_add(1, Ordering::Relaxed) + 1;
        let path = folder.join(format!("picture-{number}.{}", kind.ending()));
        match std::fs::write(&path, bytes) {
            Ok(()) => Some(format!("[picture: {}]\n", path.display())),
            Err(error) => Some(format!("[a picture, which can't be saved: {error}]\n")),
        }
    }

    /// The folder of this process's pictures, made when it is first needed. It stays: what was
    /// named is there to be looked at.
    fn folder(&self) -> Option<PathBuf> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        if folder.is_none() {
            let base = std::env::temp_dir();
            *folder = (0..100).find_map(|number| {
                let path = base.join(format!("rhumba-pictures-{}-{number}", std::process::id()));
                DirBuilder::new().mode(0o700).create(&path).ok()?;
                Some(path)
            });
        }
        folder.clone()
    }
}

//! Pictures as pixels: read from PNG or SVG, made smaller, written as PNG.

use std::io::Cursor;

use resvg::{tiny_skia, usvg};

/// A picture with more pixels is not decoded: it would take more memory than it is worth.
const PIXELS_MAX: usize = 32 * 1024 * 1024;

/// Rows of red, green, blue and opacity, not multiplied with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raster {
    pub width: usize,
    pub height: usize,
    pub rgba: Vec<u8>,
}

impl Raster {
    /// Reads a PNG; `None` if it is damaged or too large.
    pub fn of_png(bytes: &[u8]) -> Option<Self> {
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().ok()?;
        let (width, height) = reader.info().size();
        let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
        if width.checked_mul(height)? > PIXELS_MAX {
            return None;
        }
        let mut data = vec![0; reader.output_buffer_size()?];
        let frame = reader.next_frame(&mut data).ok()?;
        data.truncate(frame.buffer_size());
        let rgba = match frame.color_type {
            png::ColorType::Rgba => data,
            png::ColorType::Rgb => data
                .chunks_exact(3)
                .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255])
                .collect(),
            png::ColorType::Grayscale => data
                .iter()
                .flat_map(|level| [*level, *level, *level, 255])
                .collect(),
            png::ColorType::GrayscaleAlpha => data
                .chunks_exact(2)
                .flat_map(|pixel| [pixel[0], pixel[0], pixel[0], pixel[1]])
                .collect(),
            // Normalized away.
            png::ColorType::Indexed => return None,
        };
        Self::new(width, height, rgba)
    }

    /// Draws an SVG; `None` if it is damaged or too large. It can't refer to files.
    pub fn of_svg(bytes: &[u8]) -> Option<Self> {
        let mut options = usvg::Options::default();
        options.image_href_resolver.resolve_string = Box::new(|_, _| None);
        // Looking for fonts takes a while, and most plots draw their letters themselves.
        if bytes.windows(5).any(|window| window == b"<text") {
            options.fontdb_mut().load_system_fonts();
        }
        let tree = usvg::Tree::from_data(bytes, &options).ok()?;
        let size = tree.size().to_int_size();
        let (width, height) = (size.width(), size.height());
        let pixels = usize::try_from(width)
            .ok()?
            .checked_mul(usize::try_from(height).ok()?)?;
        if pixels > PIXELS_MAX {
            return None;
        }
        let mut pixmap = tiny_skia::Pixmap::new(width, height)?;
        resvg::render(&tree, tiny_skia::Transform::default(), &mut pixmap.as_mut());
        let rgba = pixmap
            .pixels()
            .iter()
            .flat_map(|pixel| {
                let colour = pixel.demultiply();
                [colour.red(), colour.green(), colour.blue(), colour.alpha()]
            })
            .collect();
        Self::new(
            usize::try_from(width).ok()?,
            usize::try_from(height).ok()?,
            rgba,
        )
    }

    fn new(width: usize, height: usize, rgba: Vec<u8>) -> Option<Self> {
        let is_whole = width > 0 && height > 0 && rgba.len() == width * height * 4;
        is_whole.then_some(Self {
            width,
            height,
            rgba,
        })
    }

    /// The picture in this size, each pixel the mean of those that it covers.
    pub fn scaled(&self, width: usize, height: usize) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let span = |index: usize, count: usize, whole: usize| {
            let start = index * whole / count;
            start..((index + 1) * whole / count).max(start + 1)
        };
        let mut rgba = Vec::with_capacity(width * height * 4);
        for row in 0..height {
            let rows = span(row, height, self.height);
            for column in 0..width {
                let columns = span(column, width, self.width);
                rgba.extend_from_slice(&self.mean(rows.clone(), columns));
            }
        }
        Self {
            width,
            height,
            rgba,
        }
    }

    /// The mean colour of some pixels; those that can't be seen have none.
    fn mean(&self, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>) -> [u8; 4] {
        let mut sums = [0_u64; 4];
        let mut count = 0;
        for row in rows {
            for column in columns.clone() {
                let at = (row * self.width + column) * 4;
                let pixel = &self.rgba[at..at + 4];
                let opacity = u64::from(pixel[3]);
                for (sum, level) in sums.iter_mut().zip(&pixel[..3]) {
                    *sum += u64::from(*level) * opacity;
                }
                sums[3] += opacity;
                count += 1;
            }
        }
        let opacity = sums[3].max(1);
        [
            (sums[0] / opacity) as u8,
            (sums[1] / opacity) as u8,
            (sums[2] / opacity) as u8,
            (sums[3] / count.max(1)) as u8,
        ]
    }

    /// The picture as a PNG file.
    pub fn to_png(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let width = u32::try_from(self.width).ok()?;
        let height = u32::try_from(self.height).ok()?;
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.rgba).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Raster {
        let rgba = (0..16 * 8)
            .flat_map(|index| {
                if (index % 16 < 8) == (index < 64) {
                    [255, 0, 0, 255]
                } else {
                    [0, 0, 255, 255]
                }
            })
            .collect();
        Raster::new(16, 8, rgba).expect("it is whole")
    }

    #[test]
    fn a_png_comes_back() {
        let raster = checks();
        let bytes = raster.to_png().expect("it can be written");
        assert_eq!(Raster::of_png(&bytes), Some(raster));
        assert_eq!(Raster::of_png(&bytes[..bytes.len() / 2]), None);
        assert_eq!(Raster::of_png(b"no picture"), None);
    }

    #[test]
    fn a_smaller_picture_has_the_mean_colours() {
        let scaled = checks().scaled(2, 2);
        let red = [255, 0, 0, 255];
        let blue = [0, 0, 255, 255];
        assert_eq!(scaled.rgba, [red, blue, blue, red].concat());
        assert_eq!(checks().scaled(1, 1).rgba, [127, 0, 127, 255]);
        // What is transparent has no say in the colour.
        let half = Raster::new(2, 1, vec![200, 0, 0, 255, 0, 0, 0, 0]).expect("it is whole");
        assert_eq!(half.scaled(1, 1).rgba, [200, 0, 0, 127]);
    }

    #[test]
    fn an_svg_is_drawn() {
        let svg = br##"<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"><rect width="2" height="2" fill="#00ff00"/></svg>"##;
        let raster = Raster::of_svg(svg).expect("it can be drawn");
        assert_eq!((raster.width, raster.height), (4, 2));
        assert_eq!(raster.rgba[..4], [0, 255, 0, 255]);
        assert_eq!(raster.rgba[12..16], [0, 0, 0, 0]);
        assert_eq!(Raster::of_svg(b"<svg"), None);
        let huge = br#"<svg xmlns="http://www.w3.org/2000/svg" width="100000" height="100000"/>"#;
        assert_eq!(Raster::of_svg(huge), None);
    }
}

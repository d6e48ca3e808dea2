//! Pictures to JPEG and PNG bytes.

use crate::error::{RenderError, broken};
use crate::render::Format;

/// A picture of 8-bit samples.
pub(crate) struct Picture {
    pub width: u32,
    pub height: u32,
    /// RGB instead of grey.
    pub colour: bool,
    pub samples: Vec<u8>,
}

/// Encodes a picture.
pub(crate) fn encode(picture: &Picture, format: Format) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    match format {
        Format::Jpeg(quality) => {
            let (Ok(width), Ok(height)) = (u16::try_from(picture.width), u16::try_from(picture.height)) else {
                return broken("the picture is larger than JPEG allows");
            };
            let colour = if picture.colour { jpeg_encoder::ColorType::Rgb } else { jpeg_encoder::ColorType::Luma };
            jpeg_encoder::Encoder::new(&mut bytes, quality.clamp(1, 100))
                .encode(&picture.samples, width, height, colour)
                .or_else(|cause| broken(format!("could not encode as JPEG: {cause}")))?;
        }
        Format::Png => {
            let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.height);
            encoder.set_color(if picture.colour { png::ColorType::Rgb } else { png::ColorType::Grayscale });
            encoder.set_depth(png::BitDepth::Eight);
            encoder.set_compression(png::Compression::Fast);
            encoder
                .write_header()
                .and_then(|mut writer| writer.write_image_data(&picture.samples))
                .or_else(|cause| broken(format!("could not encode as PNG: {cause}")))?;
        }
    }
    Ok(bytes)
}

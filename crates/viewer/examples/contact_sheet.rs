//! Renders DICOM files as PNG to look at: `contact_sheet OUT_DIR FILE...` writes the first frame of each file beside its
//! name; `FILE@FRAME` asks for another frame.

use std::path::{Path, PathBuf};
use viewer::{Format, RenderRequest, Source};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(out) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: contact_sheet OUT_DIR FILE[@FRAME]...");
        std::process::exit(2);
    };
    for argument in arguments {
        let (file, frame) = match argument.rsplit_once('@') {
            Some((file, frame)) => (file.to_string(), frame.parse().unwrap_or(1)),
            None => (argument.clone(), 1),
        };
        let request = RenderRequest { format: Format::Png, ..RenderRequest::default() };
        let name = Path::new(&file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        match viewer::render(Source::Path(Path::new(&file)), frame, &request) {
            Ok(picture) => {
                let path = out.join(format!("{name}-{frame}.png"));
                match std::fs::write(&path, &picture.bytes) {
                    Ok(()) => println!("{} {}x{} {:?}", path.display(), picture.width, picture.height, picture.window),
                    Err(cause) => eprintln!("{}: {cause}", path.display()),
                }
            }
            Err(cause) => eprintln!("{file}: {cause}"),
        }
    }
}

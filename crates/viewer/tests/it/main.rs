//! Pictures of objects whose pixels are known: made here, or written by other software.

mod colour;
mod frames;
mod geometry;
mod grey;
mod hostile;
mod made;
mod peers;

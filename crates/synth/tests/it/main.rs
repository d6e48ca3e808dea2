//! What other programs find in the invented objects: they are read back with dicom-object.

mod objects;
mod tree;

//! Other people's programs meet a running network: dcmtk, pydicom, dicomweb-client, dciodvfy, xmllint, and clients written
//! in Python from the specifications alone.
